package projections_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/internal/logtest"
)

// secret is a personal value that must not get into a parked row.
const secret = "jane@example.com"

// list is a projection that inserts one row an event: an event applied twice breaks its key.
type list struct {
	fold   int
	poison map[string]error // by stream
}

func (list) Name() string { return "list" }
func (l list) Fold() int  { return 1 + l.fold }
func (list) Tables() []projections.Table {
	return []projections.Table{listTable}
}

var listTable = projections.Table{Name: "projection_bench", Key: 3, Columns: []eventstore.Column{
	projections.Text("connection"), projections.Int("version"), projections.Int("position"), projections.Bytes("body"),
}}

func (l list) Decode(e *projections.Event) (any, error) { return []byte(e.Stream), nil }

func (l list) Open(v projections.Version) projections.Folder { return &listFolder{list: l, v: v} }

type listFolder struct {
	list
	v    projections.Version
	rows [][]any
}

func (f *listFolder) Fold(_ context.Context, _ eventstore.Querier, page []projections.Input) error {
	for _, in := range page {
		if err := f.poison[in.Stream]; err != nil {
			return err
		}
		f.rows = append(f.rows, []any{f.v.Connection, f.v.Number, in.Position, in.Decoded})
	}
	return nil
}

func (f *listFolder) Waiting() (int, bool) { return len(f.rows), len(f.rows) >= f.v.Memory }

func (f *listFolder) Write(ctx context.Context, q eventstore.Querier) error {
	return q.Bulk(ctx, listTable.Op(eventstore.Insert), f.rows)
}

func (f *listFolder) Written() { f.rows = nil }

func openLog(t *testing.T, store eventstore.Store) eventstore.Log {
	t.Helper()
	log, err := store.Log(t.Context(), "runner")
	if err != nil {
		t.Fatalf("open log: %v", err)
	}
	return log
}

// appendTo appends one event a stream.
func appendTo(t *testing.T, log eventstore.Log, streams ...string) int64 {
	t.Helper()
	events := make([]eventstore.NewEvent, len(streams))
	for i, stream := range streams {
		data, err := json.Marshal(map[string]string{"email": secret})
		if err != nil {
			t.Fatal(err)
		}
		events[i] = eventstore.NewEvent{
			ID: ulid.Make(), Stream: stream, Type: "record.updated", Schema: 1, Actor: "test", Subject: stream, Data: data,
		}
	}
	return logtest.Append(t, log, events...)
}

// applied returns the positions in the live rows.
func applied(t *testing.T, store eventstore.Store, log eventstore.Log) []int64 {
	t.Helper()
	version, err := projections.Live(t.Context(), store, log.Connection(), "list")
	if err != nil {
		t.Fatalf("live: %v", err)
	}
	return positions(t, store, log, `AND version = `+fmt.Sprint(version))
}

func positions(t *testing.T, store eventstore.Store, log eventstore.Log, and string) []int64 {
	t.Helper()
	rows, err := store.Query(t.Context(), `SELECT position FROM projection_bench WHERE connection = $1 `+and+`
		ORDER BY connection, version, position`, log.Connection())
	all, err := eventstore.Scan(rows, err, func(row eventstore.Rows) (int64, error) {
		var p int64
		err := row.Scan(&p)
		return p, err
	})
	if err != nil {
		t.Fatalf("read rows: %v", err)
	}
	return all
}

func catchUp(t *testing.T, r *projections.Runner) {
	t.Helper()
	if err := r.CatchUp(t.Context()); err != nil {
		t.Fatalf("catch up: %v", err)
	}
}

// TestNewerEventsStopAProjection: what a newer program wrote is no poison. It is not put aside, and nothing after it is
// folded without it.
func TestNewerEventsStopAProjection(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := openLog(t, store)
		appendTo(t, log, "hubspot/contact/1")
		newer := eventstore.NewEvent{
			ID: ulid.Make(), Stream: "hubspot/contact/2", Type: "record.updated", Schema: 99, Actor: "test", Subject: "log", Data: []byte("{}"),
		}
		logtest.Append(t, log, newer)
		appendTo(t, log, "hubspot/contact/3")
		r := projections.New(store, log, projections.Options{}, list{})
		if err := r.CatchUp(t.Context()); !errors.Is(err, domain.ErrNewerSchema) {
			t.Errorf("caught up: %v", err)
		}
		status, err := r.Status(t.Context())
		if err != nil || status[0].Parked != 0 || slices.Contains(applied(t, store, log), 3) {
			t.Errorf("%+v, %v, applied %v", status, err, applied(t, store, log))
		}
	})
}

func TestPoisonIsParkedWithWhatFollowsItAndNothingElse(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := openLog(t, store)
		a, b := "hubspot/contact/1", "hubspot/contact/2"
		appendTo(t, log, a, b, a, b, a)
		bad := list{poison: map[string]error{b: fmt.Errorf("cannot read %s", secret)}}
		r := projections.New(store, log, projections.Options{}, bad)
		catchUp(t, r)
		appendTo(t, log, b, a)
		catchUp(t, r)
		if got := applied(t, store, log); !slices.Equal(got, []int64{1, 3, 5, 7}) {
			t.Errorf("applied %v, want the neighbours 1 3 5 7", got)
		}
		parked, err := r.Parked(t.Context(), "list")
		if err != nil {
			t.Fatal(err)
		}
		checkParked(t, parked, b, []int64{2, 4, 6}, []int64{1, 0, 0})
		status, err := r.Status(t.Context())
		if err != nil || status[0].Parked != 3 || status[0].Lag != 0 || status[0].Position != 7 {
			t.Errorf("status %+v, %v", status, err)
		}
	})
}

func checkParked(t *testing.T, parked []projections.Parked, key string, at, attempts []int64) {
	t.Helper()
	if len(parked) != len(at) {
		t.Fatalf("parked %+v, want positions %v", parked, at)
	}
	for i, p := range parked {
		if p.Position != at[i] || p.Attempts != attempts[i] || p.Key != key || p.Error == "" {
			t.Errorf("parked %+v, want %d of %s with %d attempts", p, at[i], key, attempts[i])
		}
		if strings.Contains(p.Error, secret) {
			t.Errorf("parked row tells a personal value: %q", p.Error)
		}
	}
}

func TestRetryParkedKeepsTheOrderOfAKey(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := openLog(t, store)
		a, b := "hubspot/contact/1", "hubspot/contact/2"
		appendTo(t, log, a, b, a, b)
		poison := map[string]error{a: errors.New("bad"), b: errors.New("bad")}
		r := projections.New(store, log, projections.Options{}, list{poison: poison})
		catchUp(t, r)
		delete(poison, b)
		done, left, err := r.RetryParked(t.Context(), "list")
		if err != nil || done != 2 || left != 2 {
			t.Errorf("retried %d, left %d, %v; want 2 and 2", done, left, err)
		}
		if got := applied(t, store, log); !slices.Equal(got, []int64{2, 4}) {
			t.Errorf("applied %v, want 2 4", got)
		}
		parked, err := r.Parked(t.Context(), "list")
		if err != nil {
			t.Fatal(err)
		}
		checkParked(t, parked, a, []int64{1, 3}, []int64{2, 0})
		appendTo(t, log, b)
		catchUp(t, r)
		if got := applied(t, store, log); !slices.Equal(got, []int64{2, 4, 5}) {
			t.Errorf("applied %v after the retry, want 2 4 5", got)
		}
	})
}

func TestAPanicIsPoisonToo(t *testing.T) {
	store := backends.SQLite(t)
	log := openLog(t, store)
	appendTo(t, log, "hubspot/contact/1")
	r := projections.New(store, log, projections.Options{}, panics{})
	catchUp(t, r)
	parked, err := r.Parked(t.Context(), "list")
	if err != nil || len(parked) != 1 || strings.Contains(parked[0].Error, secret) {
		t.Errorf("parked %+v, %v", parked, err)
	}
}

type panics struct{ list }

func (panics) Open(v projections.Version) projections.Folder { return panicFolder{&listFolder{v: v}} }

type panicFolder struct{ *listFolder }

func (panicFolder) Fold(context.Context, eventstore.Querier, []projections.Input) error {
	panic(secret)
}

func TestTwoRunnersApplyEachEventOnce(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := openLog(t, store)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var running []chan error
		for range 3 {
			r, done := projections.New(store, log, projections.Options{Page: 3}, list{}), make(chan error, 1)
			running = append(running, done)
			go func() { done <- r.Run(ctx) }()
		}
		var head int64
		for i := range 40 {
			head = appendTo(t, log, fmt.Sprint("hubspot/contact/", i), fmt.Sprint("hubspot/contact/", i+1))
		}
		r := projections.New(store, log, projections.Options{Page: 3}, list{})
		catchUp(t, r)
		cancel()
		for _, done := range running {
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("run ended with %v", err)
			}
		}
		checkDense(t, applied(t, store, log), head)
		if parked, err := r.Parked(t.Context(), "list"); err != nil || len(parked) > 0 {
			t.Errorf("parked %+v, %v: an event was applied twice", parked, err)
		}
	})
}

func checkDense(t *testing.T, got []int64, head int64) {
	t.Helper()
	for i, p := range got {
		if p != int64(i+1) {
			t.Fatalf("row %d is of position %d", i+1, p)
		}
	}
	if int64(len(got)) != head {
		t.Errorf("%d rows for %d events", len(got), head)
	}
}

func TestFrozenDoesNotLookHealthy(t *testing.T) {
	store := backends.SQLite(t)
	log := openLog(t, store)
	now := logtest.Clock()
	r := projections.New(store, log, projections.Options{Now: func() time.Time { return now }}, list{})
	appendTo(t, log, "hubspot/contact/1")
	catchUp(t, r)
	appendTo(t, log, "hubspot/contact/2", "hubspot/contact/3")
	now = now.Add(time.Hour)
	status, err := r.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if st := status[0]; st.Lag != 2 || st.PollAge != time.Hour || st.AdvanceAge != time.Hour {
		t.Errorf("status %+v, want lag 2 and both ages one hour", st)
	}
}

// countedLog counts how often it is read.
type countedLog struct {
	eventstore.Log
	reads atomic.Int64
}

func (l *countedLog) Read(ctx context.Context, after int64, limit int) ([]eventstore.Event, error) {
	l.reads.Add(1)
	return l.Log.Read(ctx, after, limit)
}

func TestAPageThatIsNotFullIsTheEnd(t *testing.T) {
	store := backends.SQLite(t)
	log := &countedLog{Log: openLog(t, store)}
	appendTo(t, log, "hubspot/contact/1", "hubspot/contact/2", "hubspot/contact/3")
	for page, reads := range map[int]int{4: 1, 3: 2, 2: 2} {
		name := fmt.Sprintf("page%d", page)
		log.reads.Store(0)
		catchUp(t, projections.New(store, log, projections.Options{Page: page}, named{name: name}))
		at, err := projections.Position(t.Context(), store, log.Connection(), name)
		if err != nil || at != 3 || log.reads.Load() != int64(reads) {
			t.Errorf("pages of %d: at %d after %d reads, %v; want 3 after %d", page, at, log.reads.Load(), err, reads)
		}
	}
}

// named is a list of another name.
type named struct {
	list
	name string
}

func (n named) Name() string { return n.name }
