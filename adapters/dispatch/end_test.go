package dispatch_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/dispatch"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// erase destroys a subject's key, as the log does it.
func (e *env) erase(subject string) {
	e.Helper()
	err := e.store.InTx(e.Context(), func(tx eventstore.Tx) error {
		if _, err := tx.Exec(e.Context(), "UPDATE subject_key SET wrapped = $1 WHERE connection = $2 AND subject = $3",
			[]byte{}, connection, subject); err != nil {
			return err
		}
		_, err := tx.Exec(e.Context(), "UPDATE log_head SET key_epoch = key_epoch + 1 WHERE connection = $1", connection)
		return err
	})
	if err != nil {
		e.Fatalf("erase: %v", err)
	}
}

// What was under way when its record was erased is settled without a value; its neighbours keep theirs.
func TestErasedWhileSending(t *testing.T) {
	each(t, func(e *env) {
		erased, other := e.update("1", "firstname", "Zerlinda"), e.update("2", "firstname", "Bo")
		if err := e.log.Vault().Prefetch(e.Context(), erased.Record.Stream()); err != nil {
			e.Fatal(err)
		}
		var once atomic.Bool
		e.system.write = func(_ context.Context, _ int, w adapters.Write) adapters.WriteAnswer {
			if once.CompareAndSwap(false, true) {
				e.erase(erased.Record.Stream())
			}
			return applied(w)
		}
		got := e.check(erased, other)
		if o := got[erased.Command]; o.Result != domain.ResultApplied || len(o.Sent)+len(o.Shows) > 0 || o.Complete {
			e.Errorf("erased: %+v", o)
		}
		if o := got[other.Command]; o.Result != domain.ResultApplied || len(o.Sent) != 1 {
			e.Errorf("other: %+v", o)
		}
		for _, ev := range e.events() {
			if ev.Stream == erased.Record.Stream() && ev.Subject != eventstore.SubjectLog {
				e.Errorf("the erased record's outcome lies under %s", ev.Subject)
			}
		}
	})
}

func TestReadOfErasedRecordIsSuppressed(t *testing.T) {
	each(t, func(e *env) {
		if err := e.log.Vault().Prefetch(e.Context(), record("1").Stream()); err != nil {
			e.Fatal(err)
		}
		e.erase(record("1").Stream())
		e.system.read = func(context.Context, int, adapters.ReadRequest) adapters.ReadAnswer {
			return adapters.ReadAnswer{Records: []adapters.Snapshot{snapshot("1")}}
		}
		f, ok := e.ask(e.read("1"))["record.suppressed hubspot/contact/1"]
		if !ok || len(f.Properties) > 0 || f.Answer == nil || f.Subject != eventstore.SubjectLog {
			e.Errorf("fact %+v", f)
		}
	})
}

// A command whose source was erased before it left is withdrawn: its values cannot be read any more.
func TestErasedBeforeSending(t *testing.T) {
	each(t, func(e *env) {
		row := e.update("1", "firstname", "Zerlinda")
		e.put(row)
		e.erase(row.Source.Stream())
		// Another process would not know the key: forget it here too, by an append that meets the new epoch.
		if _, err := e.log.Append(e.Context(), eventstore.NewEvent{
			ID: e.ids.next(), Stream: "connection", Type: domain.SyncPaused, Schema: 1, Actor: "test",
			Subject: eventstore.SubjectLog, Data: []byte(`{}`),
		}); err != nil {
			e.Fatal(err)
		}
		e.run(func(*dispatch.Dispatcher) { e.settled(row) })
		if o := e.outcomes()[row.Command]; o.Result != domain.ResultWithdrawn || e.system.calls() != 0 {
			e.Errorf("outcome %+v after %d calls", o, e.system.calls())
		}
	})
}

// Stopping lets what is under way finish and settle; nothing new is claimed. No timer ends the call: in a bubble time
// stands still while the Router waits for its own lock.
func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	each(t, func(e *env) {
		e.config.Batch, e.config.InFlight = 1, 1
		first, second := e.update("1", "x", "y"), e.update("2", "x", "y")
		entered := make(chan struct{})
		e.system.write = func(ctx context.Context, _ int, w adapters.Write) adapters.WriteAnswer {
			close(entered)
			<-e.stopping
			if ctx.Err() != nil {
				e.Error("the call under way was cut off")
			}
			return applied(w)
		}
		e.put(first, second)
		e.run(func(*dispatch.Dispatcher) { <-entered })
		if got := e.outcomes(); len(got) != 1 || got[first.Command].Result != domain.ResultApplied {
			e.Errorf("outcomes %+v", got)
		}
		if rows := e.rows(); len(rows) != 1 || rows[0].State != outbox.Waiting {
			e.Errorf("outbox %+v", rows)
		}
	})
}

// A do-not-call leaves also while everything else is paused.
func TestPausedSendsOnlyUrgent(t *testing.T) {
	each(t, func(e *env) {
		var paused atomic.Bool
		paused.Store(true)
		e.config.Paused = paused.Load
		usual, stop := e.update("1", "x", "y"), e.update("2", "hs_dnc", "true")
		stop.Urgent = true
		e.put(usual, stop)
		e.run(func(d *dispatch.Dispatcher) {
			e.settled(stop)
			if n := e.system.calls(); n != 1 {
				e.Errorf("%d calls while paused, want 1", n)
			}
			paused.Store(false)
			d.Wake()
			e.settled(usual)
		})
	})
}

// A command that somebody else brought to its end while it was under way has that one outcome, whatever the system
// answers now.
func TestSettledByAnotherMeanwhile(t *testing.T) {
	each(t, func(e *env) {
		ended, other := e.update("1", "x", "y"), e.update("2", "x", "y")
		var once atomic.Bool
		e.system.write = func(ctx context.Context, _ int, w adapters.Write) adapters.WriteAnswer {
			if once.CompareAndSwap(false, true) {
				e.endElsewhere(ctx, ended)
			}
			return applied(w)
		}
		got := e.check(ended, other)
		if r := got[ended.Command].Result; r != domain.ResultDiscarded {
			e.Errorf("the outcome is %s, want the one it had", r)
		}
		if r := got[other.Command].Result; r != domain.ResultApplied {
			e.Errorf("its neighbour's outcome is %s", r)
		}
	})
}

// endElsewhere removes a command with an outcome, as another owner does.
func (e *env) endElsewhere(ctx context.Context, row outbox.Row) {
	outcome, err := outbox.Outcome(e.log.Vault(), row, domain.Outcome{Result: domain.ResultDiscarded}, e.ids.next())
	if err == nil {
		err = e.store.InTx(ctx, func(tx eventstore.Tx) error {
			if _, err := tx.Exec(ctx, "DELETE FROM outbox WHERE command = $1", row.Command.String()); err != nil {
				return err
			}
			_, err := tx.Append(ctx, e.log, outcome)
			return err
		})
	}
	if err != nil {
		e.Errorf("end a command: %v", err)
	}
}

// TestUrgentWaitsForNothing: a stop goes out while every slot is taken by writes that do not come back, marked for the
// system's own limits; a second one goes with the next turn.
func TestUrgentWaitsForNothing(t *testing.T) {
	each(t, func(e *env) {
		e.config.Batch, e.config.InFlight, e.config.Attempt = 1, 2, 20*time.Second
		release := make(chan struct{})
		var marked atomic.Int64
		e.system.write = func(ctx context.Context, _ int, w adapters.Write) adapters.WriteAnswer {
			if adapters.IsUrgent(ctx) {
				marked.Add(1)
				return applied(w)
			}
			<-release
			return applied(w)
		}
		slow := []outbox.Row{e.update("1", "a", "1"), e.update("2", "a", "1"), e.update("3", "a", "1")}
		e.put(slow...)
		e.run(func(d *dispatch.Dispatcher) {
			e.until("all slots taken", func() bool { return e.system.calls() == 2 })
			stops := []outbox.Row{e.update("4", "dnc", "true"), e.update("5", "dnc", "true")}
			for i := range stops {
				stops[i].Urgent = true
			}
			e.put(stops...)
			d.Wake()
			e.settled(stops...)
			if n := marked.Load(); n != 2 || e.system.calls() != 4 {
				e.Errorf("%d urgent calls of %d, want 2 of 4", n, e.system.calls())
			}
			close(release)
			e.settled(slow...)
		})
		if e.system.overlap {
			e.Error("two writes of a record at once")
		}
	})
}
