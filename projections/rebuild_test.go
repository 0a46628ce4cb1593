package projections_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections"
)

func TestRebuildSwapsWhileTheLogGrowsAndItsFollowerRuns(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := openLog(t, store)
		appendTo(t, log, "hubspot/contact/1", "hubspot/contact/2", "hubspot/contact/3", "hubspot/contact/4")
		follower := projections.New(store, log, projections.Options{}, list{})
		catchUp(t, follower)
		r := projections.New(store, log, projections.Options{Page: 2, Memory: 1}, list{})
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
		if all := positions(t, store, log, "AND version = 1"); len(all) != 7 {
			t.Errorf("%d rows of the version before, want its 7 kept", len(all))
		}
	})
}

func TestAStoppedRebuildGoesOnWhereItWas(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := openLog(t, store)
		for i := range 9 {
			appendTo(t, log, fmt.Sprint("hubspot/contact/", i))
		}
		r := projections.New(store, log, projections.Options{Page: 2, Memory: 1}, list{})
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
		r := projections.New(store, log, projections.Options{Page: 2, Memory: 1}, list{})
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
