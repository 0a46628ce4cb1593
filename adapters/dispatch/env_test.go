package dispatch_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/dispatch"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections/lease"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

const connection = "acme"

// env is a connection with an outbox and one scripted system.
type env struct {
	*testing.T
	store  eventstore.Store
	log    eventstore.Log
	system *script
	config dispatch.Config
	ahead  atomic.Int64 // how far the clock was moved, ns
	ids    ulids
	input  int64

	stopping chan struct{} // closed when the latest run was told to stop
}

// ulids makes rising ids.
type ulids struct {
	mu      sync.Mutex
	entropy *ulid.MonotonicEntropy
}

func (u *ulids) next() ulid.ULID {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.entropy == nil {
		u.entropy = ulid.Monotonic(rand.Reader, 0)
	}
	return ulid.MustNew(ulid.Timestamp(time.Now()), u.entropy)
}

// each runs a test on both backends; on SQLite in a bubble, where waiting takes no time.
func each(t *testing.T, fn func(e *env)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { fn(newEnv(t, backends.SQLite(t))) })
	})
	t.Run("postgres", func(t *testing.T) { fn(newEnv(t, backends.Postgres(t))) })
}

func newEnv(t *testing.T, store eventstore.Store) *env {
	t.Helper()
	log, err := store.Log(t.Context(), connection)
	if err != nil {
		t.Fatalf("open the log: %v", err)
	}
	e := &env{T: t, store: store, log: log, system: &script{name: domain.HubSpot, batch: 100}}
	e.system.write = func(_ context.Context, _ int, w adapters.Write) adapters.WriteAnswer { return applied(w) }
	e.config = dispatch.Config{
		Log: log, DB: store, Systems: map[domain.System]adapters.System{domain.HubSpot: e.system},
		NewID: e.ids.next, Now: e.now, Logger: slog.New(slog.DiscardHandler), Metrics: &dispatch.Metrics{},
		Attempt: time.Second, Backoff: 8 * time.Millisecond, Poll: 5 * time.Millisecond,
	}
	return e
}

func (e *env) now() time.Time { return time.Now().Add(time.Duration(e.ahead.Load())) }

// record n of the system, and the source its values come from.
func record(id string) domain.Record { return domain.Record{System: domain.HubSpot, ID: id} }

func source(id string) domain.Record { return domain.Record{System: domain.Aloware, ID: id} }

// update is a command that sets properties of a record; pairs are names and values.
func (e *env) update(id string, pairs ...string) outbox.Row {
	e.input++
	values, expects := map[string]json.RawMessage{}, map[string]planner.Expected{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = json.RawMessage(`"` + pairs[i+1] + `"`)
		expects[pairs[i]] = planner.Expected{Value: json.RawMessage(`"was ` + pairs[i] + ` before ` + pairs[i+1] + `"`)}
	}
	return outbox.Row{
		Command: e.ids.next(), Contact: e.ids.next(), Kind: domain.KindUpdate, System: domain.HubSpot,
		Record: record(id), Source: source("a" + id), Input: e.input, Payload: outbox.Payload{Values: values, Expects: expects},
	}
}

func (e *env) put(rows ...outbox.Row) {
	e.Helper()
	err := e.store.InTx(e.Context(), func(tx eventstore.Tx) error {
		_, err := outbox.Insert(e.Context(), tx, e.log.Vault(), connection, rows, e.now())
		return err
	})
	if err != nil {
		e.Fatalf("insert: %v", err)
	}
}

// run owns the connection and dispatches until fn returns.
func (e *env) run(fn func(d *dispatch.Dispatcher)) {
	e.Helper()
	ctx, stop := context.WithCancel(e.Context())
	defer stop()
	e.stopping = make(chan struct{})
	started, done := make(chan *dispatch.Dispatcher, 1), make(chan error, 1)
	keeper := &lease.Keeper{DB: e.store, Now: e.now, Logger: e.config.Logger}
	go func() {
		owner := "owner-" + e.ids.next().String()
		done <- keeper.Run(ctx, connection, owner, func(ctx context.Context, h *lease.Handle) error {
			config := e.config
			config.Lease = h
			d := dispatch.New(config)
			select {
			case started <- d:
			default: // owned again after a loss
			}
			return d.Run(ctx)
		})
	}()
	select {
	case d := <-started:
		fn(d)
	case err := <-done:
		e.Fatalf("not started: %v", err)
	}
	stop()
	close(e.stopping)
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, lease.ErrLost) {
		e.Fatalf("dispatch: %v", err)
	}
}

// until looks again and again until ok, which gives what it waits for.
func (e *env) until(what string, ok func() bool) {
	e.Helper()
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !ok(); <-tick.C {
		if time.Now().After(end) {
			e.Fatalf("waited in vain: %s; outbox %+v", what, e.rows())
		}
	}
}

// settled waits until the commands are out of the outbox.
func (e *env) settled(rows ...outbox.Row) {
	e.Helper()
	ids := make([]ulid.ULID, len(rows))
	for i, r := range rows {
		ids[i] = r.Command
	}
	e.until("commands settled", func() bool {
		left, err := outbox.Get(e.Context(), e.store, connection, ids...)
		return err == nil && len(left) == 0
	})
}

func (e *env) rows() []outbox.Entry {
	e.Helper()
	all, err := outbox.List(e.Context(), e.store, connection, outbox.Filter{Limit: 10000})
	if err != nil {
		e.Fatalf("list: %v", err)
	}
	return all
}

// events returns the whole log.
func (e *env) events() []eventstore.Event {
	e.Helper()
	all, err := e.log.Read(e.Context(), 0, 100_000)
	if err != nil {
		e.Fatalf("read the log: %v", err)
	}
	return all
}

// outcomes returns each command's one outcome.
func (e *env) outcomes() map[ulid.ULID]domain.Outcome {
	e.Helper()
	found := map[ulid.ULID]domain.Outcome{}
	for _, ev := range e.events() {
		if ev.Type != domain.CommandSettled {
			continue
		}
		var o domain.Outcome
		if err := json.Unmarshal(ev.Data, &o); err != nil {
			e.Fatalf("outcome at %d: %v", ev.Position, err)
		}
		if _, twice := found[o.Command]; twice {
			e.Errorf("command %s has two outcomes", o.Command)
		}
		found[o.Command] = o
	}
	return found
}

// check runs the common case: the rows are put and settled, and each has its outcome.
func (e *env) check(rows ...outbox.Row) map[ulid.ULID]domain.Outcome {
	e.Helper()
	e.put(rows...)
	e.run(func(*dispatch.Dispatcher) { e.settled(rows...) })
	found := e.outcomes()
	for _, r := range rows {
		if _, ok := found[r.Command]; !ok {
			e.Errorf("command %s has no outcome", r.Command)
		}
	}
	return found
}

func (e *env) counts() dispatch.Counts { return e.config.Metrics.Snapshot()[domain.HubSpot] }
