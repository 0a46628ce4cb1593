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
	"github.com/duolog/duolog/projections/history"
)

// readLog counts how often each page was read.
type readLog struct {
	eventstore.Log
	mu    sync.Mutex
	times map[int64]int // by the position before it
}

func (l *readLog) Read(ctx context.Context, after int64, limit int) ([]eventstore.Event, error) {
	l.mu.Lock()
	l.times[after]++
	l.mu.Unlock()
	return l.Log.Read(ctx, after, limit)
}

// side is a log of thirteen events, followed by two projections.
type side struct {
	*testing.T
	store    eventstore.Store
	log      *readLog
	poison   map[string]error
	both     *projections.Runner
	progress func(name string, done int64)
	ended    map[string]error
}

var bothNames = []string{"list", history.Name}

func eachSide(t *testing.T, do func(s *side)) {
	t.Helper()
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := &side{
			T: t, store: store, log: &readLog{Log: openLog(t, store)}, poison: map[string]error{},
			progress: func(string, int64) {}, ended: map[string]error{},
		}
		s.log.times = map[int64]int{}
		for i := range 13 {
			appendTo(t, s.log, fmt.Sprint("hubspot/contact/", i%3))
		}
		s.both = projections.New(store, s.log, projections.Options{Page: 2, Memory: 1}, list{poison: s.poison}, history.Projection{})
		catchUp(t, s.both)
		clear(s.log.times)
		do(s)
	})
}

func (s *side) rebuild() error {
	return s.both.RebuildAll(s.Context(), bothNames, func(name string, done, _ int64) { s.progress(name, done) },
		func(name string, err error) { s.ended[name] = err })
}

// entries are the positions in the live rows of history.
func (s *side) entries() []int64 {
	s.Helper()
	version, err := projections.Live(s.Context(), s.store, s.log.Connection(), history.Name)
	if err != nil {
		s.Fatal(err)
	}
	rows, err := s.store.Query(s.Context(), `SELECT position FROM history_entry WHERE connection = $1 AND version = $2
		ORDER BY position`, s.log.Connection(), version)
	all, err := eventstore.Scan(rows, err, func(row eventstore.Rows) (at int64, err error) { return at, row.Scan(&at) })
	if err != nil {
		s.Fatal(err)
	}
	return all
}

func TestRebuildsTogetherReadTheLogOnce(t *testing.T) {
	t.Parallel()
	eachSide(t, func(s *side) {
		if err := s.rebuild(); err != nil {
			s.Fatal(err)
		}
		for after := int64(0); after < 12; after += 2 {
			if n := s.log.times[after]; n != 1 {
				s.Errorf("the page behind %d was read %d times", after, n)
			}
		}
		checkDense(s.T, applied(s.T, s.store, s.log), 13)
		checkDense(s.T, s.entries(), 13)
		if err, told := s.ended["list"]; err != nil || !told || len(s.ended) != 2 {
			s.Errorf("ended %v", s.ended)
		}
	})
}

// One that meets an event at fault goes back, and reads on alone; the others do not hear of it.
func TestAnEventAtFaultIsParkedForTheRebuildThatCannotFoldIt(t *testing.T) {
	t.Parallel()
	eachSide(t, func(s *side) {
		s.poison["hubspot/contact/1"] = errors.New("bad")
		if err := s.rebuild(); err != nil {
			s.Fatal(err)
		}
		parked, err := s.both.Parked(s.Context(), "list")
		if err != nil {
			s.Fatal(err)
		}
		checkParked(s.T, parked, "hubspot/contact/1", []int64{2, 5, 8, 11}, []int64{1, 0, 0, 0})
		if got := applied(s.T, s.store, s.log); !slices.Equal(got, []int64{1, 3, 4, 6, 7, 9, 10, 12, 13}) {
			s.Errorf("applied %v", got)
		}
		checkDense(s.T, s.entries(), 13)
	})
}

func TestOneOfTheRebuildsTogetherIsCancelled(t *testing.T) {
	t.Parallel()
	eachSide(t, func(s *side) {
		s.progress = func(name string, done int64) {
			if name == "list" && done == 4 {
				if err := s.both.Cancel(s.Context(), "list"); err != nil {
					s.Error(err)
				}
			}
		}
		if err := s.rebuild(); !errors.Is(err, projections.ErrCancelled) {
			s.Fatalf("rebuilt with %v", err)
		}
		if !errors.Is(s.ended["list"], projections.ErrCancelled) || s.ended[history.Name] != nil {
			s.Errorf("ended %v", s.ended)
		}
		checkDense(s.T, applied(s.T, s.store, s.log), 13)
		checkDense(s.T, s.entries(), 13)
		if err := s.both.RebuildAll(s.Context(), []string{"list", "nobody"}, nil, nil); !errors.Is(err, projections.ErrUnknown) {
			s.Errorf("rebuilt nobody with %v", err)
		}
	})
}
