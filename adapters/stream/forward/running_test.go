package forward_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/adapters/stream/forward"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

// until waits for what another goroutine brings about.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !done(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it did not come to this: %s", what)
		}
	}
}

// tell appends facts about a person each and returns the position of the last.
func tell(t *testing.T, log eventstore.Log, records ...string) int64 {
	t.Helper()
	all := make([]eventstore.NewEvent, len(records))
	for i, record := range records {
		all[i] = eventstore.NewEvent{
			ID: ulid.Make(), Stream: record, Type: domain.RecordUpdated, Schema: 1, Actor: "test", Subject: record,
			Data: []byte(`{"via":"webhook","properties":{"city":"SECRET"},"clock":1}`),
		}
	}
	done, err := log.Append(t.Context(), all...)
	if err != nil {
		t.Fatal(err)
	}
	return done[len(done)-1].Position
}

// decide appends a fact and the decision that found it changed, and returns the decision's position.
func decide(t *testing.T, log eventstore.Log, record string) int64 {
	t.Helper()
	at, contact := tell(t, log, record), ulid.Make()
	rec, err := domain.ParseRecord(record)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(planner.Decision{Input: at, Contact: contact, Fields: []planner.Verdict{{
		Field: "city", Result: planner.Sent, Value: &planner.Ref{Record: rec, Property: "city", Position: at, Digest: "x"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	done, err := log.Append(t.Context(), eventstore.NewEvent{
		ID: ulid.Make(), Stream: "contact/" + contact.String(), Type: domain.DecisionMade, Schema: 1, Actor: "duolog",
		Subject: eventstore.SubjectLog, Causation: at, Data: data,
	})
	if err != nil {
		t.Fatal(err)
	}
	return done[0].Position
}

// erase destroys the key of a record.
func erase(t *testing.T, store eventstore.Store, log eventstore.Log, record string) {
	t.Helper()
	err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
		_, err := tx.Erase(t.Context(), log, []string{record}, eventstore.NewEvent{
			ID: ulid.Make(), Stream: domain.StreamPrivacy, Type: domain.SubjectErased, Schema: 1, Actor: "test",
			Subject: eventstore.SubjectLog, Data: []byte(`{}`),
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRunningForwarder: what is done to a forwarder, or to the people its events are about, reaches it while it waits for
// the other side.
func TestRunningForwarder(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log, err := store.Log(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		// run begins a forwarder at the end of the log, to an endpoint that answers 503 to an event as long as it is held.
		reads := &counted{Store: store}
		run := func(t *testing.T, name string, held *atomic.Int64, status int, more ...func(*forward.Config)) (*forwarding, *receiver) {
			t.Helper()
			head, err := log.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			r, target := receive(t, func(position string, _ int) int {
				if position == fmt.Sprint(held.Load()) {
					return status
				}
				return 204
			})
			more = append(more, func(c *forward.Config) { c.Name, c.After = name, head.Position })
			return begin(t, reads, target, stream.Filter{}, more...), r
		}
		next := func(t *testing.T) int64 {
			t.Helper()
			head, err := log.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return head.Position + 1
		}
		tried := func(r *receiver) int { r.mu.Lock(); defer r.mu.Unlock(); return r.tried }
		count := func(r *receiver) int { r.mu.Lock(); defer r.mu.Unlock(); return r.count }

		t.Run("parked", func(t *testing.T) {
			var held atomic.Int64
			held.Store(next(t))
			f, r := run(t, "parked", &held, 503)
			tell(t, log, "hubspot/contact/1", "hubspot/contact/2")
			until(t, "it waits", func() bool { return tried(r) > 2 })
			if err := f.groups.Park(t.Context(), "parked", held.Load(), "poison"); err != nil {
				t.Fatal(err)
			}
			f.caughtUp(t)
			if n := count(r); n != 1 {
				t.Errorf("%d were taken, want the other one", n)
			}
			if err := f.groups.Reset(t.Context(), "parked", held.Load()-1); err != nil {
				t.Fatal(err)
			}
			f.caughtUp(t)
			if n := count(r); n != 2 {
				t.Errorf("%d were taken after a replay, want the other one again", n)
			}
		})
		t.Run("among many put aside", func(t *testing.T) {
			var held atomic.Int64
			first := next(t)
			f, r := run(t, "many", &held, 503)
			var people []string
			for n := range 30 {
				people = append(people, fmt.Sprint("hubspot/contact/", n))
			}
			tell(t, log, people...)
			f.caughtUp(t)
			for n := range people {
				if err := f.groups.Park(t.Context(), "many", first+int64(n), "poison"); err != nil {
					t.Fatal(err)
				}
			}
			before, sent := reads.aside.Load(), count(r)
			tell(t, log, people[:5]...)
			f.caughtUp(t)
			if n, more := reads.aside.Load()-before, count(r)-sent; n > 0 || more != 5 {
				t.Errorf("%d rows of what is put aside were read to send %d events", n, more)
			}
		})
		t.Run("reset", func(t *testing.T) {
			var held atomic.Int64
			held.Store(next(t))
			f, r := run(t, "reset", &held, 503)
			tell(t, log, "hubspot/contact/1", "hubspot/contact/2")
			until(t, "it waits", func() bool { return tried(r) > 2 })
			if err := f.groups.Reset(t.Context(), "reset", held.Load()); err != nil {
				t.Fatal(err)
			}
			f.caughtUp(t)
			if n := count(r); n == 0 {
				t.Error("it goes on without the event after the one it was reset to")
			}
		})
		t.Run("erased", func(t *testing.T) {
			var held atomic.Int64
			held.Store(next(t))
			f, r := run(t, "erased", &held, 503, func(c *forward.Config) { c.Data = cloudevent.Full })
			tell(t, log, "hubspot/contact/10", "hubspot/contact/11")
			until(t, "it waits", func() bool { return tried(r) > 2 })
			erase(t, store, log, "hubspot/contact/10")
			held.Store(0)
			f.caughtUp(t)
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, body := range r.taken {
				about10 := strings.Contains(body, `"hubspot/contact/10"`)
				if strings.Contains(body, "SECRET") != strings.Contains(body, `"hubspot/contact/11"`) ||
					strings.Contains(body, `"erased":true`) != about10 {
					t.Errorf("taken after the erasure: %s", body)
				}
			}
		})
		t.Run("retried in its view", func(t *testing.T) {
			var held atomic.Int64
			held.Store(next(t) + 1)
			f, r := run(t, "view", &held, 422, func(c *forward.Config) { c.Filter.View = stream.Contacts })
			at := decide(t, log, "hubspot/contact/3")
			f.caughtUp(t)
			if info, err := f.groups.Get(t.Context(), "view"); err != nil || info.Parked != 1 || at != held.Load() {
				t.Fatalf("%d is refused, %d put aside: %v", held.Load(), info.Parked, err)
			}
			held.Store(0)
			if _, err := f.groups.Retry(t.Context(), "view", at); err != nil {
				t.Fatal(err)
			}
			decide(t, log, "hubspot/contact/4")
			until(t, "two were taken", func() bool { return count(r) == 2 })
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, body := range r.taken {
				if !strings.Contains(body, `"type":"contact.changed"`) {
					t.Errorf("sent in the view of net changes: %s", body)
				}
			}
		})
		t.Run("restored", func(t *testing.T) {
			var held atomic.Int64
			var said text
			f, r := run(t, "restored", &held, 503, func(c *forward.Config) { c.Logger = slog.New(slog.NewTextHandler(&said, nil)) })
			tell(t, log, "hubspot/contact/1")
			f.caughtUp(t)
			f.stop()
			if _, err := store.Exec(t.Context(), "UPDATE log_head SET generation = generation + 1"); err != nil {
				t.Fatal(err)
			}
			before := count(r)
			at := tell(t, log, "hubspot/contact/1")
			f, r = run(t, "restored", &held, 503, func(c *forward.Config) { c.Logger = slog.New(slog.NewTextHandler(&said, nil)) })
			until(t, "it says what to do", func() bool { return strings.Contains(said.String(), "duolog consumers reset restored --to POSITION") })
			if n := count(r); before != 1 || n != 0 {
				t.Errorf("%d sent before the restore, %d with a checkpoint of before", before, n)
			}
			if err := f.groups.Reset(t.Context(), "restored", at-1); err != nil {
				t.Fatal(err)
			}
			f.caughtUp(t)
			if n := count(r); n != 1 {
				t.Errorf("%d were sent after the reset", n)
			}
		})
	})
}

// counted is a database that counts the rows read of what was put aside.
type counted struct {
	eventstore.Store
	aside atomic.Int64
}

func (c *counted) Query(ctx context.Context, query string, args ...any) (eventstore.Rows, error) {
	rows, err := c.Store.Query(ctx, query, args...)
	return c.of(query, rows), err
}

func (c *counted) QueryKeys(ctx context.Context, query string, keys any, args ...any) (eventstore.Rows, error) {
	rows, err := c.Store.QueryKeys(ctx, query, keys, args...)
	return c.of(query, rows), err
}

func (c *counted) of(query string, rows eventstore.Rows) eventstore.Rows {
	if rows == nil || !strings.Contains(query, "consumer_parked") || strings.Contains(query, "COUNT") {
		return rows
	}
	return countedRows{rows, &c.aside}
}

type countedRows struct {
	eventstore.Rows
	read *atomic.Int64
}

func (r countedRows) Next() bool {
	more := r.Rows.Next()
	if more {
		r.read.Add(1)
	}
	return more
}

// text is what is written by one goroutine and read by another.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (x *text) Write(p []byte) (int, error) { x.mu.Lock(); defer x.mu.Unlock(); return x.b.Write(p) }

func (x *text) String() string { x.mu.Lock(); defer x.mu.Unlock(); return x.b.String() }
