package lease

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

const connection = "acme"

// process is a candidate with a clock of its own.
type process struct {
	*Keeper
	name  string
	clock time.Time
	watch watch
}

func start(store eventstore.Store, name string, clock time.Time) *process {
	p := &process{name: name, clock: clock, watch: watch{sqlite: store.Backend() == "sqlite"}}
	p.Keeper = &Keeper{DB: store, Now: func() time.Time { return p.clock }}
	return p
}

func (p *process) take(t *testing.T) *Handle {
	t.Helper()
	h, err := p.try(t.Context(), &p.watch, connection, p.name)
	if err != nil {
		t.Fatalf("%s tries: %v", p.name, err)
	}
	return h
}

// pass moves the clocks of all processes on.
func pass(d time.Duration, all ...*process) {
	for _, p := range all {
		p.clock = p.clock.Add(d)
	}
}

// owned makes a row and an owner of it.
func owned(t *testing.T, p *process) *Handle {
	t.Helper()
	for range 2 { // the first look makes the row
		if h := p.take(t); h != nil {
			return h
		}
	}
	t.Fatal("a free connection was not given")
	return nil
}

func fence(t *testing.T, store eventstore.Store, epoch int64) error {
	t.Helper()
	return store.InTx(t.Context(), func(tx eventstore.Tx) error { return Fence(t.Context(), tx, connection, epoch) })
}

func TestCrashedOwnerIsFollowedWithinSeconds(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		now := time.Now()
		a, b := start(store, "a", now), start(store, "b", now)
		first := owned(t, a)
		if b.take(t) != nil {
			t.Fatal("two owners")
		}
		pass(TTL-time.Millisecond, a, b)
		if first.Held() {
			t.Error("an owner that did not renew believes it owns while the lease is about to run out")
		}
		if b.take(t) != nil {
			t.Fatal("taken before it ran out")
		}
		pass(2*time.Millisecond, a, b)
		second := b.take(t)
		if second == nil {
			t.Fatal("not taken after it ran out")
		}
		if err := fence(t, store, first.Epoch()); !errors.Is(err, ErrLost) {
			t.Errorf("the old owner's transaction: %v, want ErrLost", err)
		}
		if err := fence(t, store, second.Epoch()); err != nil {
			t.Errorf("the new owner's transaction: %v", err)
		}
		if over, _ := first.renew(t.Context()); !over {
			t.Error("the old owner renewed")
		}
	})
}

func TestRenewedLeaseStays(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		now := time.Now()
		a, b := start(store, "a", now), start(store, "b", now)
		h := owned(t, a)
		for range 12 {
			if b.take(t) != nil {
				t.Fatal("taken from an owner that renews")
			}
			pass(Renew, a, b)
			if over, err := h.renew(t.Context()); over || err != nil {
				t.Fatalf("renewal: over %v, %v", over, err)
			}
			if !h.Held() {
				t.Fatal("not held right after a renewal")
			}
		}
	})
}

// slow is a database whose answer takes its time.
type slow struct {
	eventstore.Store
	pass func()
}

func (s slow) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	n, err := s.Store.Exec(ctx, query, args...)
	s.pass()
	return n, err
}

// The row moved when the database got to it, not when the owner heard of it: counted from there, an owner with a slow
// line would believe it owns what another has taken over.
func TestRenewalCountsFromItsBeginning(t *testing.T) {
	store := backends.SQLite(t)
	a := start(store, "a", time.Now())
	h := owned(t, a)
	h.db = slow{store, func() { pass(TTL/2, a) }}
	if over, err := h.renew(t.Context()); over || err != nil {
		t.Fatalf("renewal: over %v, %v", over, err)
	}
	pass(TTL/2, a)
	if h.Held() {
		t.Error("held a whole life after the renewal was asked for")
	}
}

// Clocks of two machines are never compared: an hour of skew neither shortens a lease nor prolongs it.
func TestSkewedMachine(t *testing.T) {
	store := backends.Postgres(t)
	for _, skew := range []time.Duration{time.Hour, -time.Hour} {
		a, b := start(store, "a", time.Now()), start(store, "b", time.Now().Add(skew))
		h := owned(t, a)
		for range 8 {
			if b.take(t) != nil {
				t.Fatal("taken from an owner that renews")
			}
			pass(Renew, a, b)
			if _, err := h.renew(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		b.take(t)
		pass(TTL, b)
		taken := b.take(t)
		if taken == nil {
			t.Fatal("not taken after it ran out")
		}
		if err := taken.release(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// A machine that slept stands still on the monotonic clock, one whose clock was set leaps on the wall clock only.
func TestHeldNeedsBothClocks(t *testing.T) {
	store := backends.SQLite(t)
	a := start(store, "a", time.Now())
	h := owned(t, a)
	if !h.Held() {
		t.Fatal("not held")
	}
	woken := a.clock.Round(0).Add(TTL) // no monotonic reading: compared by the wall clock
	a.clock = woken
	if h.Held() {
		t.Error("held after a sleep the monotonic clock did not see")
	}
}

func TestReleasedLeaseIsFreeAtOnce(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		a, b := start(store, "a", time.Now()), start(store, "b", time.Now())
		h := owned(t, a)
		if err := h.release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := fence(t, store, h.Epoch()); !errors.Is(err, ErrLost) {
			t.Errorf("transaction after release: %v, want ErrLost", err)
		}
		if next := b.take(t); next == nil || next.Epoch() != h.Epoch()+1 {
			t.Errorf("next owner: %+v", next)
		}
	})
}

// A fenced transaction holds off a new owner until it ends, but not a renewal, nor another fence.
func TestFenceLocksOutOnlyTheNextOwner(t *testing.T) {
	store := backends.Postgres(t)
	a := start(store, "a", time.Now())
	h := owned(t, a)
	err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
		if err := h.Fence(t.Context(), tx); err != nil {
			return err
		}
		if over, err := h.renew(t.Context()); over || err != nil {
			t.Errorf("renewal beside a fenced transaction: over %v, %v", over, err)
		}
		if err := fence(t, store, h.Epoch()); err != nil {
			t.Errorf("fence beside a fence: %v", err)
		}
		soon, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := store.Exec(soon, "UPDATE lease SET epoch = epoch + 1 WHERE connection = $1", connection)
		if err == nil {
			t.Error("a new owner did not wait for the fenced transaction")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// advance moves the bubble's time on; nothing really waits.
func advance(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestKeeperHandsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := backends.SQLite(t)
		var owners atomic.Int32
		serve := func(ctx context.Context, _ *Handle) error {
			if owners.Add(1) > 1 {
				t.Error("two owners at once")
			}
			defer owners.Add(-1)
			<-ctx.Done()
			return nil
		}
		first, stop := context.WithCancel(t.Context())
		second, end := context.WithCancel(t.Context())
		done := make(chan error, 2)
		go func() { done <- (&Keeper{DB: store}).Run(first, connection, "a", serve) }()
		advance(time.Minute)
		go func() { done <- (&Keeper{DB: store}).Run(second, connection, "b", serve) }()
		advance(time.Minute)
		if who, epoch, err := Owner(t.Context(), store, connection); who != "a" || epoch != 1 || err != nil {
			t.Errorf("after two minutes: %q, epoch %d, %v", who, epoch, err)
		}
		stop()
		advance(time.Second)
		if who, epoch, _ := Owner(t.Context(), store, connection); who != "b" || epoch != 2 {
			t.Errorf("a second after the first stopped: %q, epoch %d", who, epoch)
		}
		end()
		for range 2 {
			if err := <-done; err != nil {
				t.Errorf("keeper: %v", err)
			}
		}
	})
}

func TestKeeperNoticesTheft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := backends.SQLite(t)
		ctx, stop := context.WithCancel(t.Context())
		var epochs []int64
		done := make(chan error, 1)
		go func() {
			done <- (&Keeper{DB: store}).Run(ctx, connection, "a", func(ctx context.Context, h *Handle) error {
				epochs = append(epochs, h.Epoch())
				<-ctx.Done()
				if len(epochs) == 1 && !errors.Is(context.Cause(ctx), ErrLost) {
					t.Errorf("cause %v, want ErrLost", context.Cause(ctx))
				}
				return ctx.Err()
			})
		}()
		advance(10 * time.Second)
		if _, err := store.Exec(t.Context(), "UPDATE lease SET owner = 'thief', epoch = epoch + 1"); err != nil {
			t.Fatal(err)
		}
		advance(10 * time.Second)
		stop()
		<-done
		if len(epochs) != 2 || epochs[0] != 1 || epochs[1] != 3 {
			t.Errorf("owned under epochs %v, want 1 and, after the thief's 2, 3", epochs)
		}
	})
}
