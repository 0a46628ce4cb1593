package eventstoretest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

// connection is the log most tests use.
const connection = "acme"

// fixture is one test's database.
type fixture struct {
	*Database
	master eventstore.MasterKey
}

func newFixture(t *testing.T, factory Factory) *fixture {
	t.Helper()
	return &fixture{Database: factory(t), master: eventstore.NewMasterKey()}
}

// open opens the database once more, as another process would.
func (f *fixture) open(t *testing.T) eventstore.Store {
	t.Helper()
	return f.openWith(t, Options{})
}

func (f *fixture) openWith(t *testing.T, o Options) eventstore.Store {
	t.Helper()
	if o.MasterKey.IsZero() {
		o.MasterKey = f.master
	}
	store, err := f.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return store
}

// log opens the database and its log.
func (f *fixture) log(t *testing.T) (eventstore.Store, eventstore.Log) {
	t.Helper()
	store := f.open(t)
	return store, logOf(t, store, connection)
}

func logOf(t *testing.T, store eventstore.Store, connection string) eventstore.Log {
	t.Helper()
	log, err := store.Log(t.Context(), connection)
	if err != nil {
		t.Fatalf("log %s: %v", connection, err)
	}
	return log
}

// rawExec changes the database past the store.
func (f *fixture) rawExec(t *testing.T, query string) {
	t.Helper()
	if _, err := f.Raw.ExecContext(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// rawInt reads one number past the store.
func (f *fixture) rawInt(t *testing.T, query string) int64 {
	t.Helper()
	var n int64
	if err := f.Raw.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// event makes an event of the stream, with data of its own.
func event(stream string) eventstore.NewEvent {
	id := ulid.Make()
	return eventstore.NewEvent{
		ID: id, Stream: stream, Type: "record.updated", Schema: 1,
		Actor: "hubspot", Subject: stream, Data: fmt.Appendf(nil, `{"id":%q}`, id),
	}
}

// events makes n events of the stream.
func events(stream string, n int) []eventstore.NewEvent {
	all := make([]eventstore.NewEvent, n)
	for i := range all {
		all[i] = event(stream)
	}
	return all
}

func mustAppend(t *testing.T, log eventstore.Log, evs ...eventstore.NewEvent) []eventstore.Appended {
	t.Helper()
	got, err := log.Append(t.Context(), evs...)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	if len(got) != len(evs) {
		t.Fatalf("append of %d events gave %d results", len(evs), len(got))
	}
	return got
}

func mustRead(t *testing.T, log eventstore.Log, after int64, limit int) []eventstore.Event {
	t.Helper()
	got, err := log.Read(t.Context(), after, limit)
	if err != nil {
		t.Fatalf("read after %d: %v", after, err)
	}
	return got
}

func mustHead(t *testing.T, log eventstore.Log) eventstore.Head {
	t.Helper()
	head, err := log.Head(t.Context())
	if err != nil {
		t.Fatalf("head: %v", err)
	}
	return head
}

// wantPositions checks that the events stand at the positions, in order.
func wantPositions(t *testing.T, got []eventstore.Event, want ...int64) {
	t.Helper()
	positions := make([]int64, len(got))
	for i, e := range got {
		positions[i] = e.Position
	}
	if fmt.Sprint(positions) != fmt.Sprint(want) {
		t.Errorf("positions %v, want %v", positions, want)
	}
}

// wantDense checks that the whole log is 1..n without a hole, that the head says so, and that no time runs back.
func wantDense(t *testing.T, log eventstore.Log, n int64) []eventstore.Event {
	t.Helper()
	all := mustRead(t, log, 0, int(n)+10)
	if int64(len(all)) != n {
		t.Errorf("the log holds %d events, want %d", len(all), n)
	}
	var recorded int64
	for i, e := range all {
		if e.Position != int64(i)+1 {
			t.Fatalf("the event after %d stands at %d", i, e.Position)
		}
		if e.RecordedAt < recorded {
			t.Fatalf("recorded_at falls at position %d", e.Position)
		}
		recorded = e.RecordedAt
	}
	if head := mustHead(t, log); head.Position != n || head.RecordedAt != recorded {
		t.Errorf("head is at %d recorded %d, want %d recorded %d", head.Position, head.RecordedAt, n, recorded)
	}
	return all
}

// wantError checks which error it is.
func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

// soon is a context that ends when nothing went wrong never will.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// impatient is for what must not happen while something else is held back.
func impatient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// dataID reads back what event put into data.
func dataID(t *testing.T, e eventstore.Event) string {
	t.Helper()
	var d struct{ ID string }
	if err := json.Unmarshal(e.Data, &d); err != nil {
		t.Errorf("data of position %d: %v", e.Position, err)
	}
	return d.ID
}
