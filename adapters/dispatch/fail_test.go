package dispatch_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/dispatch"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

type event = eventstore.Event

func failing(class adapters.Class, status int) adapters.WriteAnswer {
	return adapters.WriteAnswer{Err: &adapters.Error{Class: class, Status: status, Detail: "no luck"}}
}

func TestRetryThenApplied(t *testing.T) {
	each(t, func(e *env) {
		e.system.write = func(_ context.Context, n int, w adapters.Write) adapters.WriteAnswer {
			if n < 4 {
				return failing(adapters.Retry, 500)
			}
			return applied(w)
		}
		row := e.update("1", "x", "y")
		o := e.check(row)[row.Command]
		if o.Result != domain.ResultApplied || o.Attempts != 4 || len(e.events()) != 1 {
			e.Errorf("outcome %+v in a log of %d", o, len(e.events()))
		}
	})
}

// A call that failed although it was carried out is made again, with the same command and contact, and settled once.
func TestFailedButPersisted(t *testing.T) {
	each(t, func(e *env) {
		var persisted atomic.Int32
		e.system.write = func(_ context.Context, _ int, w adapters.Write) adapters.WriteAnswer {
			if persisted.Add(1) == 1 {
				return failing(adapters.Retry, 502)
			}
			a := applied(w)
			a.Created = false
			return a
		}
		row := e.update("", "x", "y")
		row.Kind, row.Record = domain.KindCreate, domain.Record{}
		o := e.check(row)[row.Command]
		sent := e.system.sent()
		if len(sent) != 2 || sent[0].Contact != sent[1].Contact || sent[0].Command != sent[1].Command || !sent[1].Create {
			e.Errorf("sent %+v", sent)
		}
		if o.Result != domain.ResultApplied || o.Created {
			e.Errorf("outcome %+v", o)
		}
	})
}

// A throttled system is left alone as long as it asked, for all rows, and such a try does not count.
func TestThrottledPausesTheSystem(t *testing.T) {
	each(t, func(e *env) {
		e.config.Batch = 1
		began := e.now()
		var calls []time.Duration
		lock := make(chan struct{}, 1)
		e.config.InFlight = 1
		e.system.write = func(_ context.Context, n int, w adapters.Write) adapters.WriteAnswer {
			lock <- struct{}{}
			defer func() { <-lock }()
			calls = append(calls, e.now().Sub(began))
			if n == 1 {
				return adapters.WriteAnswer{Err: &adapters.Error{
					Class: adapters.Throttled, Status: 429, Detail: "later", After: 1500 * time.Millisecond,
				}}
			}
			return applied(w)
		}
		one, two := e.update("1", "x", "y"), e.update("2", "x", "y")
		got := e.check(one, two)
		if len(calls) != 3 || calls[1]-calls[0] < 1500*time.Millisecond {
			e.Errorf("calls at %v, want none for 1.5 s after the first", calls)
		}
		if o := got[one.Command]; o.Attempts != 1 {
			e.Errorf("attempts %d, want 1: a throttled try does not count", o.Attempts)
		}
		if c := e.counts(); c.Throttled != 1 || c.Retried != 1 {
			e.Errorf("counts %+v", c)
		}
	})
}

func TestUnauthorizedMarksAndPauses(t *testing.T) {
	each(t, func(e *env) {
		e.system.write = func(context.Context, int, adapters.Write) adapters.WriteAnswer {
			return failing(adapters.Unauthorized, 401)
		}
		e.put(e.update("1", "x", "y"))
		e.run(func(*dispatch.Dispatcher) {
			e.until("row marked", func() bool { return e.rows()[0].Class() == outbox.ClassUnauthorized })
			e.put(e.update("2", "x", "y"))
		})
		if n := e.system.calls(); n != 1 {
			e.Errorf("%d calls, want 1", n)
		}
		if row := e.rows()[0]; row.Attempts != 0 || row.NextAt-e.now().UnixMicro() < 20e6 {
			e.Errorf("row %+v", row)
		}
	})
}

// After the last try a row is a dead letter: visible, without an outcome, and in nobody's way.
func TestDeadLetter(t *testing.T) {
	each(t, func(e *env) {
		e.config.Tries = 3
		dead, next := e.update("1", "x", "poison"), e.update("1", "z", "y")
		e.system.write = func(_ context.Context, _ int, w adapters.Write) adapters.WriteAnswer {
			if string(w.Values["x"]) == `"poison"` {
				return failing(adapters.Retry, 500)
			}
			return applied(w)
		}
		e.put(dead)
		e.run(func(d *dispatch.Dispatcher) {
			e.until("buried", func() bool { return e.rows()[0].State == outbox.Dead })
			e.put(next)
			d.Wake()
			e.settled(next)
		})
		rows := e.rows()
		if len(rows) != 1 || rows[0].Command != dead.Command || rows[0].Attempts != 3 || rows[0].Error != "retry: no luck" {
			e.Errorf("outbox %+v", rows)
		}
		if got := e.outcomes(); len(got) != 1 || got[next.Command].Result != domain.ResultApplied {
			e.Errorf("outcomes %+v", got)
		}
		if c := e.counts(); c.Dead != 1 || c.Retried != 2 {
			e.Errorf("counts %+v", c)
		}
	})
}

// While the system cannot be reached at all no row dies of it.
func TestOutageKillsNoRow(t *testing.T) {
	each(t, func(e *env) {
		e.config.Tries = 6 // one more than the misses after which a system is taken to be down
		e.system.write = func(_ context.Context, n int, w adapters.Write) adapters.WriteAnswer {
			if n < 8 {
				return failing(adapters.Retry, 0)
			}
			return applied(w)
		}
		var rows []outbox.Row
		for n := range 4 {
			rows = append(rows, e.update(string(rune('a'+n)), "x", "y"))
		}
		for command, o := range e.check(rows...) {
			if o.Result != domain.ResultApplied {
				e.Errorf("%s: %+v", command, o)
			}
		}
	})
}

// A write is in doubt only after a try that may have arrived, whether that try counts or not: a value that was changed
// meanwhile is written over in doubt, and only then.
func TestDoubt(t *testing.T) {
	unsent := adapters.WriteAnswer{Err: &adapters.Error{Class: adapters.Retry, Status: 500, Unsent: true}}
	outage, limited := failing(adapters.Retry, 0), failing(adapters.Throttled, 429)
	script := []adapters.WriteAnswer{unsent, outage, limited, unsent}
	want := []bool{false, false, true, true, true}
	each(t, func(e *env) {
		e.config.Tries = 9
		e.system.write = func(_ context.Context, n int, w adapters.Write) adapters.WriteAnswer {
			if n <= len(script) {
				return script[n-1]
			}
			return applied(w)
		}
		e.check(e.update("1", "x", "y"))
		var got []bool
		for _, w := range e.system.sent() {
			got = append(got, w.Again)
			if (len(w.Tried["x"]) > 0) != w.Again {
				e.Errorf("in doubt: %v, and tried: %s", w.Again, w.Tried["x"])
			}
		}
		if !slices.Equal(got, want) {
			e.Errorf("in doubt: %v, want %v", got, want)
		}
	})
}

// What a try in doubt may have left there is told to the next, though by then another command of the lane wins.
func TestTried(t *testing.T) {
	each(t, func(e *env) {
		first, later := e.update("1", "x", "y"), e.update("1", "x", "z")
		e.system.write = func(_ context.Context, n int, w adapters.Write) adapters.WriteAnswer {
			if n == 1 {
				e.put(later)
				return failing(adapters.Retry, 0)
			}
			return applied(w)
		}
		e.check(first)
		e.settled(later)
		for _, w := range e.system.sent() {
			if tried := w.Tried["x"]; string(w.Values["x"]) == `"z"` && (len(tried) != 1 || string(tried[0]) != `"y"`) {
				e.Errorf("%s after %s", w.Values["x"], tried)
			}
		}
		if n := len(e.system.sent()); n != 2 {
			e.Errorf("%d writes, want the second for both", n)
		}
	})
}

// An adapter that panics on one record fails that record, not its neighbours, and not for ever.
func TestPanic(t *testing.T) {
	each(t, func(e *env) {
		e.config.Tries = 3
		bad := e.update("1", "x", "poison")
		good := []outbox.Row{e.update("2", "x", "y"), e.update("3", "x", "y")}
		e.system.write = func(_ context.Context, _ int, w adapters.Write) adapters.WriteAnswer {
			if string(w.Values["x"]) == `"poison"` {
				panic("poison")
			}
			return applied(w)
		}
		e.put(append(good, bad)...)
		e.run(func(*dispatch.Dispatcher) {
			e.settled(good...)
			e.until("buried", func() bool { return e.rows()[0].State == outbox.Dead })
		})
		if got := e.outcomes(); len(got) != 2 {
			e.Errorf("outcomes %+v", got)
		}
	})
}

// A call is cut off at the attempt's deadline and made again.
func TestSlowBeyondDeadline(t *testing.T) {
	each(t, func(e *env) {
		e.config.Attempt = 100 * time.Millisecond
		var within atomic.Bool
		e.system.write = func(ctx context.Context, n int, w adapters.Write) adapters.WriteAnswer {
			if n > 1 {
				return applied(w)
			}
			at, ok := ctx.Deadline()
			within.Store(ok && time.Until(at) <= 100*time.Millisecond)
			<-ctx.Done()
			return failing(adapters.Retry, 0)
		}
		row := e.update("1", "x", "y")
		if o := e.check(row)[row.Command]; o.Result != domain.ResultApplied || o.Attempts < 2 { // one may be over before it is sent
			e.Errorf("outcome %+v", o)
		}
		if !within.Load() {
			e.Error("the call did not carry the attempt's deadline")
		}
	})
}

// A process that was frozen between claim and send wakes up after its lease ran out, and sends nothing.
func TestFrozenBeforeSend(t *testing.T) {
	each(t, func(e *env) {
		row := e.update("1", "x", "y")
		e.put(row)
		e.config.Attempt = 10 * time.Second // longer than the lease: its deadline would not stop the call
		frozen := e.config.NewID
		e.config.NewID = func() ulid.ULID { // the claim takes the attempt's id last
			e.ahead.Store(int64(6 * time.Second))
			return frozen()
		}
		e.run(func(*dispatch.Dispatcher) {
			e.until("given up", func() bool { return e.counts().Failed > 0 || e.system.calls() > 0 })
		})
		if n := e.system.calls(); n != 0 {
			e.Fatalf("%d calls by an owner whose lease ran out", n)
		}
		e.config.NewID, e.config.Attempt = frozen, 100*time.Millisecond
		e.run(func(*dispatch.Dispatcher) { e.settled(row) })
		if o := e.outcomes()[row.Command]; o.Result != domain.ResultApplied || e.system.calls() != 1 {
			e.Errorf("by the next owner: %+v after %d calls", o, e.system.calls())
		}
	})
}

// A process that was frozen between claim and send for longer than the attempt may take, though not for as long as its
// lease lives, sends nothing either: whoever waits out the deadline takes the record to be left alone.
func TestFrozenPastTheDeadline(t *testing.T) {
	each(t, func(e *env) {
		row := e.update("1", "x", "y")
		e.put(row)
		var once sync.Once
		next := e.config.NewID
		e.config.NewID = func() ulid.ULID { // the claim takes the attempt's id last
			once.Do(func() { e.ahead.Store(int64(2 * e.config.Attempt)) })
			return next()
		}
		e.run(func(*dispatch.Dispatcher) { e.settled(row) })
		if o := e.outcomes()[row.Command]; o.Attempts != 2 || e.system.calls() != 1 {
			e.Errorf("attempt %d was sent, %d calls; want the second alone", o.Attempts, e.system.calls())
		}
	})
}

// An owner that lost the connection while its call was under way cannot write what came of it; the next owner leaves
// the record alone until the attempt is over, then makes it again. One outcome.
func TestCrashBetweenSendAndSettle(t *testing.T) {
	each(t, func(e *env) {
		row := e.update("1", "x", "y")
		e.put(row)
		var second time.Time
		e.system.write = func(_ context.Context, n int, w adapters.Write) adapters.WriteAnswer {
			if n == 1 {
				if _, err := e.store.Exec(e.Context(), "UPDATE lease SET epoch = epoch + 1, owner = ''"); err != nil {
					e.Errorf("steal the lease: %v", err)
				}
			} else {
				second = e.now()
			}
			return applied(w)
		}
		e.run(func(*dispatch.Dispatcher) { e.until("sent, not settled", func() bool { return e.counts().Failed > 0 }) })
		if rows := e.rows(); len(rows) != 1 || rows[0].State != outbox.Sending || len(e.events()) != 0 {
			e.Fatalf("after the loss: %+v", rows)
		}
		e.ahead.Add(int64(time.Hour)) // the next owner's clock: what the first wrote down of its own says nothing
		other, resumed := e.update("2", "x", "y"), e.now()
		e.put(other)
		e.system.write = func() func(context.Context, int, adapters.Write) adapters.WriteAnswer {
			inner := e.system.write
			return func(ctx context.Context, n int, w adapters.Write) adapters.WriteAnswer {
				if w.Command == other.Command {
					return applied(w)
				}
				return inner(ctx, n, w)
			}
		}()
		e.run(func(*dispatch.Dispatcher) {
			e.settled(other)
			if !slices.ContainsFunc(e.rows(), func(r outbox.Entry) bool { return r.Command == row.Command }) {
				e.Error("the record in doubt was not left alone")
			}
			e.settled(row)
		})
		if wait := second.Sub(resumed); wait < e.config.Attempt {
			e.Errorf("made again after %v, want not before %v", wait, e.config.Attempt)
		}
		if o := e.outcomes()[row.Command]; o.Result != domain.ResultApplied || o.Attempts != 2 {
			e.Errorf("outcome %+v", o)
		}
	})
}
