package projections_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

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
	return []projections.Table{{Name: "projection_bench", Key: "position"}}
}

var listOp = eventstore.BulkOp{
	Mode: eventstore.Insert, Table: "projection_bench", Key: 3, Columns: []eventstore.Column{
		{Name: "connection", Kind: eventstore.Text}, {Name: "version", Kind: eventstore.Int},
		{Name: "position", Kind: eventstore.Int}, {Name: "body", Kind: eventstore.Bytes},
	},
}

func (l list) Apply(ctx context.Context, q eventstore.Querier, page projections.Page) error {
	rows := make([][]any, 0, len(page.Events))
	for _, e := range page.Events {
		if err := l.poison[e.Stream]; err != nil {
			return err
		}
		rows = append(rows, []any{page.Connection, page.Version, e.Position, []byte(e.Stream)})
	}
	return q.Bulk(ctx, listOp, rows)
}

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

func (panics) Apply(context.Context, eventstore.Querier, projections.Page) error { panic(secret) }

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

func TestRebuildSwapsWhileTheLogGrowsAndItsFollowerRuns(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := openLog(t, store)
		appendTo(t, log, "hubspot/contact/1", "hubspot/contact/2", "hubspot/contact/3", "hubspot/contact/4")
		follower := projections.New(store, log, projections.Options{}, list{})
		catchUp(t, follower)
		r := projections.New(store, log, projections.Options{Page: 2}, list{})
		var told []string
		err := r.Rebuild(t.Context(), "list", func(done, total int64) {
			told = append(told, fmt.Sprint(done, "/", total))
			if done == 2 {
				appendTo(t, log, "hubspot/contact/5", "hubspot/contact/6", "hubspot/contact/7")
				catchUp(t, follower)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"2/4", "4/7", "6/7", "7/7"}; !slices.Equal(told, want) {
			t.Errorf("progress %v, want %v", told, want)
		}
		head := appendTo(t, log, "hubspot/contact/8")
		catchUp(t, follower)
		checkDense(t, applied(t, store, log), head)
		if all := positions(t, store, log, ""); int64(len(all)) != head {
			t.Errorf("%d rows of all versions, want only the new one's %d", len(all), head)
		}
	})
}

func TestAStoppedRebuildGoesOnWhereItWas(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := openLog(t, store)
		for i := range 9 {
			appendTo(t, log, fmt.Sprint("hubspot/contact/", i))
		}
		r := projections.New(store, log, projections.Options{Page: 2}, list{})
		catchUp(t, r)
		ctx, cancel := context.WithCancel(t.Context())
		err := r.Rebuild(ctx, "list", func(done, _ int64) {
			if done == 4 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("rebuild ended with %v", err)
		}
		status, err := r.Status(t.Context())
		if err != nil || status[0].Version != 1 || status[0].Building == nil || *status[0].Building != 4 {
			t.Fatalf("status %+v, %v", status, err)
		}
		first := int64(0)
		err = r.Rebuild(t.Context(), "list", func(done, _ int64) {
			if first == 0 {
				first = done
			}
		})
		if err != nil || first != 6 {
			t.Errorf("resumed at %d, %v; want the page after 4", first, err)
		}
		checkDense(t, applied(t, store, log), 9)
	})
}

func TestAnotherFoldIsRebuiltByItsFollower(t *testing.T) {
	store := backends.SQLite(t)
	log := openLog(t, store)
	head := appendTo(t, log, "hubspot/contact/1", "hubspot/contact/2")
	catchUp(t, projections.New(store, log, projections.Options{}, list{}))
	r := projections.New(store, log, projections.Options{}, list{fold: 1})
	catchUp(t, r)
	status, err := r.Status(t.Context())
	if err != nil || status[0].Version != 2 || status[0].Position != head {
		t.Errorf("status %+v, %v; want version 2 at %d", status, err, head)
	}
	checkDense(t, applied(t, store, log), head)
}

func TestAnOlderProgramLeavesNewerRowsAlone(t *testing.T) {
	store := backends.SQLite(t)
	log := openLog(t, store)
	appendTo(t, log, "hubspot/contact/1")
	catchUp(t, projections.New(store, log, projections.Options{}, list{fold: 1}))
	appendTo(t, log, "hubspot/contact/2")
	older := projections.New(store, log, projections.Options{}, list{})
	if err := older.CatchUp(t.Context()); !errors.Is(err, projections.ErrNewer) {
		t.Errorf("catch up: %v, want ErrNewer", err)
	}
	if err := older.Rebuild(t.Context(), "list", nil); !errors.Is(err, projections.ErrNewer) {
		t.Errorf("rebuild: %v, want ErrNewer", err)
	}
	if got := applied(t, store, log); !slices.Equal(got, []int64{1}) {
		t.Errorf("applied %v, want only 1", got)
	}
}

func TestARebuildParksPoisonAnew(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := openLog(t, store)
		a, b := "hubspot/contact/1", "hubspot/contact/2"
		appendTo(t, log, a, b, a, b, a)
		poison := map[string]error{b: errors.New("bad")}
		r := projections.New(store, log, projections.Options{Page: 4}, list{poison: poison})
		catchUp(t, r)
		delete(poison, b)
		poison[a] = errors.New("bad")
		if err := r.Rebuild(t.Context(), "list", nil); err != nil {
			t.Fatal(err)
		}
		parked, err := r.Parked(t.Context(), "list")
		if err != nil {
			t.Fatal(err)
		}
		checkParked(t, parked, a, []int64{1, 3, 5}, []int64{1, 0, 0})
		if got := applied(t, store, log); !slices.Equal(got, []int64{2, 4}) {
			t.Errorf("applied %v, want 2 4", got)
		}
	})
}

func TestTwoRebuildsAtOnceMakeOneVersion(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := openLog(t, store)
		var head int64
		for i := range 30 {
			head = appendTo(t, log, fmt.Sprint("hubspot/contact/", i))
		}
		r := projections.New(store, log, projections.Options{Page: 2}, list{})
		catchUp(t, r)
		// The second starts when the first has begun its version, so both fill the same one.
		second := make(chan error, 1)
		err := r.Rebuild(t.Context(), "list", func(done, _ int64) {
			if done == 2 {
				began := make(chan struct{})
				var once sync.Once
				go func() {
					second <- r.Rebuild(t.Context(), "list", func(int64, int64) { once.Do(func() { close(began) }) })
				}()
				<-began
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-second; err != nil {
			t.Fatal(err)
		}
		checkDense(t, applied(t, store, log), head)
		if parked, err := r.Parked(t.Context(), "list"); err != nil || len(parked) > 0 {
			t.Errorf("parked %+v, %v: an event was applied twice", parked, err)
		}
	})
}

// lateLog lets something happen between a read of the log and what is done with it.
type lateLog struct {
	eventstore.Log
	then func()
}

func (l lateLog) Read(ctx context.Context, after int64, limit int) ([]eventstore.Event, error) {
	events, err := l.Log.Read(ctx, after, limit)
	l.then()
	return events, err
}

func TestASwapNeverTakesRowsBack(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := openLog(t, store)
		appendTo(t, log, "hubspot/contact/1")
		follower := projections.New(store, log, projections.Options{}, list{})
		catchUp(t, follower)
		var once sync.Once
		late := lateLog{log, func() {
			once.Do(func() {
				appendTo(t, log, "hubspot/contact/2")
				catchUp(t, follower)
			})
		}}
		swapped := false
		r := projections.New(store, late, projections.Options{}, list{})
		err := r.Rebuild(t.Context(), "list", func(done, _ int64) { swapped = swapped || done == 1 })
		if err != nil {
			t.Fatal(err)
		}
		if swapped {
			t.Error("swapped to a version at 1 while the live one stood at 2")
		}
		checkDense(t, applied(t, store, log), 2)
	})
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
