package projections_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections"
)

// steered is a log of twelve events, followed, and two processes' runners of it.
type steered struct {
	*testing.T
	store       eventstore.Store
	log         eventstore.Log
	one, second *projections.Runner
}

func eachSteered(t *testing.T, do func(s *steered)) {
	t.Helper()
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := &steered{T: t, store: store, log: openLog(t, store)}
		for i := range 12 {
			appendTo(t, s.log, fmt.Sprint("hubspot/contact/", i))
		}
		s.one = projections.New(store, s.log, projections.Options{Page: 2, Memory: 1}, list{})
		s.second = projections.New(store, s.log, projections.Options{Page: 2, Memory: 1}, list{})
		catchUp(t, s.one)
		do(s)
	})
}

// at has the first runner rebuild, and something happen when it is at a position.
func (s *steered) at(position int64, then func() error) error {
	s.Helper()
	return s.one.Rebuild(s.Context(), "list", func(done, _ int64) {
		if done == position {
			if err := then(); err != nil {
				s.Fatal(err)
			}
		}
	})
}

func (s *steered) progress() projections.Progress {
	s.Helper()
	all, err := s.second.Rebuilds(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return all[0]
}

func (s *steered) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *steered) version(n int64) []int64 {
	s.Helper()
	return positions(s.T, s.store, s.log, fmt.Sprint("AND version = ", n))
}

func TestARebuildIsPausedAndResumedByAnotherProcess(t *testing.T) {
	eachSteered(t, func(s *steered) {
		err := s.at(6, func() error { return s.second.Pause(s.Context(), "list") })
		if !errors.Is(err, projections.ErrPaused) {
			s.Fatalf("the rebuild ended with %v", err)
		}
		if p := s.progress(); p.State != projections.Resting || p.Live != 1 || p.Version != 2 || p.Position < 6 {
			s.Fatalf("paused it stands as %+v", p)
		}
		catchUp(s.T, s.one)
		appendTo(s.T, s.log, "hubspot/contact/99") // paused, the live version goes on
		catchUp(s.T, s.one)
		checkDense(s.T, applied(s.T, s.store, s.log), 13)
		first := int64(0)
		s.must(s.second.Resume(s.Context(), "list", func(done, _ int64) {
			if first == 0 {
				first = done
			}
		}))
		if first <= 6 {
			s.Errorf("resumed at %d, want behind 6", first)
		}
		if p := s.progress(); p.State != "" || p.Live != 2 || p.Kept != 1 {
			s.Errorf("resumed and done it stands as %+v", p)
		}
		checkDense(s.T, applied(s.T, s.store, s.log), 13)
	})
}

func TestARebuildIsCancelledByAnotherProcess(t *testing.T) {
	eachSteered(t, func(s *steered) {
		err := s.at(6, func() error { return s.second.Cancel(s.Context(), "list") })
		if !errors.Is(err, projections.ErrCancelled) {
			s.Fatalf("the rebuild ended with %v", err)
		}
		if rows := s.version(2); len(rows) > 0 {
			s.Errorf("%d rows of the cancelled version are left", len(rows))
		}
		if p := s.progress(); p.State != "" || p.Live != 1 {
			s.Errorf("cancelled it stands as %+v", p)
		}
		for what, err := range map[string]error{
			"pause": s.one.Pause(s.Context(), "list"), "cancel": s.one.Cancel(s.Context(), "list"),
			"resume": s.one.Resume(s.Context(), "list", nil),
		} {
			if !errors.Is(err, projections.ErrNoRebuild) {
				s.Errorf("%s with none under way: %v", what, err)
			}
		}
		if err := s.one.Rollback(s.Context(), "list", nil); !errors.Is(err, projections.ErrNothingKept) {
			s.Errorf("rollback with nothing kept: %v", err)
		}
		s.must(s.one.Rebuild(s.Context(), "list", nil))
		checkDense(s.T, applied(s.T, s.store, s.log), 12)
	})
}

func TestARollbackCatchesTheEarlierVersionUpFirst(t *testing.T) {
	eachSteered(t, func(s *steered) {
		s.must(s.one.Rebuild(s.Context(), "list", nil))
		head := appendTo(s.T, s.log, "hubspot/contact/20", "hubspot/contact/21", "hubspot/contact/22")
		catchUp(s.T, s.one)
		ctx, kill := context.WithCancel(s.Context())
		err := s.one.Rollback(ctx, "list", func(int64, int64) { kill() })
		if !errors.Is(err, context.Canceled) {
			s.Fatalf("the rollback ended with %v", err)
		}
		if p := s.progress(); p.State != projections.Stopped || !p.Rollback || p.Live != 2 || p.Version != 1 {
			s.Errorf("killed it stands as %+v", p)
		}
		s.must(s.second.Resume(s.Context(), "list", nil))
		if p := s.progress(); p.Live != 1 || p.Kept != 2 {
			s.Errorf("rolled back it stands as %+v", p)
		}
		checkDense(s.T, s.version(1), head)
		head = appendTo(s.T, s.log, "hubspot/contact/23")
		s.must(s.second.Rollback(s.Context(), "list", nil)) // and back again
		if p := s.progress(); p.Live != 2 || p.Kept != 1 {
			s.Errorf("rolled back twice it stands as %+v", p)
		}
		checkDense(s.T, applied(s.T, s.store, s.log), head)
		s.must(s.one.Rebuild(s.Context(), "list", nil))
		if rows := s.version(1); len(rows) > 0 {
			s.Errorf("the next rebuild left %d rows of the version kept", len(rows))
		}
	})
}

func TestCompareNamesTheRowsThatDiffer(t *testing.T) {
	eachSteered(t, func(s *steered) {
		d, err := s.one.Compare(s.Context(), "list", nil)
		if err != nil || d.Differences() != 0 || d.Position != 12 || d.Tables[0].Same != 12 {
			s.Fatalf("nothing was changed: %+v, %v", d, err)
		}
		if p := s.progress(); p.State != projections.Resting || !p.Diff || p.Live != 1 {
			s.Errorf("compared it stands as %+v", p)
		}
		for _, query := range []string{
			`UPDATE projection_bench SET body = $1 WHERE version = 1 AND position = 5`,
			`UPDATE projection_bench SET body = $1, position = 77 WHERE version = 1 AND position = 6`,
		} {
			_, err := s.store.Exec(s.Context(), query, []byte("by hand"))
			s.must(err)
		}
		head := appendTo(s.T, s.log, "hubspot/contact/20") // the live version is caught up when it is behind
		catchUp(s.T, s.second)
		d, err = s.one.Compare(s.Context(), "list", nil)
		s.must(err)
		got := d.Tables[0]
		if d.Position != head || got.Same != 11 || got.Changed != 1 || got.Added != 1 || got.Removed != 1 {
			s.Errorf("counts %+v at %d", got, d.Position)
		}
		want := []string{"5 changed [body]", "77 removed []", "6 added []"}
		var named []string
		for _, row := range got.First {
			named = append(named, fmt.Sprint(row.Key, " ", row.What, " ", row.Columns))
		}
		if slices.Sort(named); !slices.Equal(named, []string{want[0], want[2], want[1]}) {
			s.Errorf("rows %q, want %q", named, want)
		}
		s.must(s.one.Rebuild(s.Context(), "list", nil))
		checkDense(s.T, applied(s.T, s.store, s.log), head)
	})
}

// What nobody works at any more is taken up by whoever runs the projections, unless it is to rest or to be compared.
func TestARunnerTakesUpWhatWasBegunForIt(t *testing.T) {
	eachSteered(t, func(s *steered) {
		s.must(s.one.Begin(s.Context(), "list"))
		if p := s.progress(); p.State != projections.Stopped || p.Version != 2 {
			s.Fatalf("begun it stands as %+v", p)
		}
		ctx, stop := context.WithCancel(s.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.second.Run(ctx) }()
		for began := time.Now(); s.progress().Live != 2; {
			if time.Since(began) > time.Minute {
				s.Fatalf("not taken up: %+v", s.progress())
			}
		}
		stop()
		<-ended
		checkDense(s.T, applied(s.T, s.store, s.log), 12)
	})
}
