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

// reserve waits until the dispatcher takes of the rows what it can.
func (e *env) reserve(d *dispatch.Dispatcher, rows ...outbox.Row) *outbox.Reservation {
	e.Helper()
	var all []*outbox.Reservation
	e.until("reserved", func() bool { all = d.Reserve(rows); return len(all) > 0 })
	return all[0]
}

func (e *env) putReserved(r *outbox.Reservation, rows ...outbox.Row) {
	e.Helper()
	err := e.store.InTx(e.Context(), func(tx eventstore.Tx) error {
		_, err := outbox.Insert(e.Context(), tx, e.log.Vault(), connection, rows, e.now(), r)
		return err
	})
	if err != nil {
		e.Fatalf("insert: %v", err)
	}
}

// What is handed over leaves at once, without a claim, and its attempt is recorded by then.
func TestHandedOver(t *testing.T) {
	each(t, func(e *env) {
		e.config.Poll, e.config.Attempt = time.Hour, time.Minute // nothing is found by looking
		row, other := e.update("1", "x", "y"), e.update("1", "x", "z")
		e.system.write = func(_ context.Context, _ int, w adapters.Write) adapters.WriteAnswer {
			if left := e.rows(); len(left) != 2 || left[0].State != outbox.Sending || left[0].Attempts != 1 ||
				left[0].Attempt.IsZero() || left[0].Deadline < e.now().UnixMicro() {
				e.Errorf("sent while the outbox says %+v", left)
			}
			return applied(w)
		}
		e.run(func(d *dispatch.Dispatcher) {
			r := e.reserve(d, row, other)
			e.putReserved(r, row, other)
			d.Send(r)
			e.settled(row, other)
		})
		if o := e.outcomes()[other.Command]; o.Result != domain.ResultApplied || o.Attempts != 1 || e.system.calls() != 1 {
			e.Errorf("%+v after %d calls", o, e.system.calls())
		}
	})
}

// A process that ends between the commit and the send has sent nothing, and nobody can know: the attempt is waited out.
func TestHandedOverAndNeverSent(t *testing.T) {
	each(t, func(e *env) {
		e.config.Attempt = 100 * time.Millisecond
		row := e.update("1", "x", "y")
		e.run(func(d *dispatch.Dispatcher) {
			r := e.reserve(d, row)
			e.putReserved(r, row)
			d.Release(r)
			e.settled(row)
		})
		if o := e.outcomes()[row.Command]; o.Attempts != 2 || e.system.calls() != 1 {
			e.Errorf("attempt %d was sent, %d calls; want the second alone", o.Attempts, e.system.calls())
		}
	})
}

// A command whose record has another under way waits for it, reserved or not.
func TestHandedOverBehindAnother(t *testing.T) {
	each(t, func(e *env) {
		e.config.Attempt = time.Minute
		var under atomic.Int64
		entered, proceed := make(chan struct{}), make(chan struct{})
		e.system.write = func(_ context.Context, n int, w adapters.Write) adapters.WriteAnswer {
			if under.Add(1) > 1 {
				e.Error("two calls for one record at once")
			}
			if n == 1 {
				close(entered)
				<-proceed
			}
			under.Add(-1)
			return applied(w)
		}
		first, second := e.update("1", "x", "y"), e.update("1", "x", "z")
		e.run(func(d *dispatch.Dispatcher) {
			r := e.reserve(d, second) // before the first is there to be seen
			e.put(first)
			d.Wake()
			e.putReserved(r, second)
			if len(r.Lanes) > 0 {
				e.Error("a command overtakes one of its record")
			}
			d.Send(r)
			<-entered
			if r := d.Reserve([]outbox.Row{e.update("1", "x", "v")}); r != nil {
				e.Error("reserved while the record is written to")
			}
			close(proceed)
			e.settled(first, second)
		})
	})
}

// What must not be claimed must not be reserved, and what keeps claimers busy leaves no room.
func TestNotReserved(t *testing.T) {
	each(t, func(e *env) {
		var paused atomic.Bool
		e.config.Paused, e.config.InFlight = paused.Load, 1
		e.run(func(d *dispatch.Dispatcher) {
			usual, stop := e.update("1", "x", "y"), e.update("2", "hs_dnc", "true")
			stop.Urgent = true
			d.Release(e.reserve(d, usual))
			paused.Store(true)
			if r := d.Reserve([]outbox.Row{usual}); r != nil {
				e.Error("reserved while paused")
			}
			r := e.reserve(d, usual, stop)
			if all := r.Entries(); len(all) != 1 || all[0].Command != stop.Command {
				e.Errorf("reserved while paused: %+v", all)
			}
			if d.Reserve([]outbox.Row{stop}) != nil {
				e.Error("reserved with every slot taken")
			}
			d.Release(r)
		})
		if n := e.system.calls(); n != 0 {
			e.Errorf("%d calls", n)
		}
	})
}

// As many batches leave at once as there are slots.
func TestReservedAsSlotsAllow(t *testing.T) {
	each(t, func(e *env) {
		e.config.Batch, e.config.InFlight, e.config.Poll = 1, 2, time.Hour
		rows := []outbox.Row{e.update("1", "x", "y"), e.update("2", "x", "y"), e.update("3", "x", "y")}
		e.run(func(d *dispatch.Dispatcher) {
			var all []*outbox.Reservation
			e.until("every slot is free", func() bool { // a claimer that looks has one
				if all = d.Reserve(rows); len(all) == 2 {
					return true
				}
				for _, r := range all {
					d.Release(r)
				}
				return false
			})
			err := e.store.InTx(e.Context(), func(tx eventstore.Tx) error {
				_, err := outbox.Insert(e.Context(), tx, e.log.Vault(), connection, rows, e.now(), all...)
				return err
			})
			if err != nil {
				e.Fatal(err)
			}
			for _, r := range all {
				d.Send(r)
			}
			d.Wake() // for the one that waits
			e.settled(rows...)
		})
	})
}
