package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections/outbound"
)

// interrupted is a database in which something happens before the nth query.
type interrupted struct {
	eventstore.Store
	nth    int
	happen func()
}

func (i *interrupted) now() {
	if i.nth--; i.nth == 0 {
		i.happen()
	}
}

func (i *interrupted) Query(ctx context.Context, q string, args ...any) (eventstore.Rows, error) {
	i.now()
	return i.Store.Query(ctx, q, args...)
}

func (i *interrupted) QueryKeys(ctx context.Context, q string, keys any, args ...any) (eventstore.Rows, error) {
	i.now()
	return i.Store.QueryKeys(ctx, q, keys, args...)
}

// TestRebuildBetweenReads: a planner under whose hands the state is rebuilt, whichever it reads next, decides what it
// would have decided, once; and nobody who goes through the state page by page is told of fewer than there are.
func TestRebuildBetweenReads(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.rnd = rand.New(rand.NewPCG(13, 1))
		s.drive(90)
		rebuild := func() {
			if err := outbound.Rebuild(t.Context(), store, s.log, nil); err != nil {
				t.Fatal(err)
			}
		}
		for nth := range 12 {
			s.step()
			s.step()
			p := s.process(func(c *outbound.Config) { c.DB = &interrupted{store, nth + 1, rebuild} })
			for n := 1; n > 0; {
				var err error
				if n, err = p.Step(t.Context()); errors.Is(err, outbound.ErrMoved) {
					n = 1
				} else if err != nil {
					t.Fatal(err)
				}
			}
		}
		s.agrees()
		for what, read := range map[string]func(db eventstore.DB) (int, error){
			"previewed": func(db eventstore.DB) (n int, err error) {
				spec := domain.PlanSpec{Scope: domain.Scope{Name: domain.OpMatch}}
				_, _, err = outbound.EachPreview(t.Context(), db, s.log, spec, s.now, func(outbound.Previewed) error { n++; return nil })
				return n, err
			},
			"standing": func(db eventstore.DB) (n int, err error) {
				err = outbound.EachStanding(t.Context(), db, s.log, domain.HubSpot, func(p []outbound.Standing) error { n += len(p); return nil })
				return n, err
			},
			"a page of those standing": func(db eventstore.DB) (int, error) {
				page, _, err := outbound.StandingAfter(t.Context(), db, s.log, domain.HubSpot, "", 500)
				return len(page), err
			},
		} {
			want, err := read(store)
			if err != nil || want < 4 {
				t.Fatalf("%s: %d, %v", what, want, err)
			}
			for nth := range 8 {
				if n, err := read(&interrupted{store, nth + 1, rebuild}); n != want && !errors.Is(err, outbound.ErrMoved) {
					t.Errorf("%s with a rebuild before query %d: %d of %d, %v", what, nth+1, n, want, err)
				}
			}
		}
	})
}

// TestRebuildsAtOnce: of rebuilds that run at once beside the planner one is swapped in, the others say so or came before
// it, and every command is decided once.
func TestRebuildsAtOnce(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.open()
		s.people(20)
		s.plan(s.process(nil))
		for round := range 3 {
			for n := range 20 {
				s.append(s.edit(domain.Record{System: domain.HubSpot, ID: fmt.Sprint(n + 1)}, "firstname", fmt.Sprint("Bob ", round, n), false))
			}
			errs := make([]error, 3)
			var running sync.WaitGroup
			for i := range errs {
				running.Go(func() { errs[i] = outbound.Rebuild(t.Context(), store, s.log, nil) })
			}
			for p, n := s.process(func(c *outbound.Config) { c.Page = 3 }), 1; n > 0; {
				var err error
				if n, err = p.Step(t.Context()); errors.Is(err, outbound.ErrMoved) {
					n = 1
				} else if err != nil {
					t.Fatal(err)
				}
			}
			running.Wait()
			swapped := 0
			for _, err := range errs {
				switch {
				case err == nil:
					swapped++
				case !errors.Is(err, outbound.ErrMoved):
					t.Error(err)
				}
			}
			if swapped == 0 {
				t.Errorf("none was swapped in: %v", errs)
			}
		}
		decided, queued := s.commands()
		s.exactly(len(decided))
		if len(queued) < 20 {
			t.Errorf("%d commands: too few to prove anything", len(queued))
		}
		s.agrees()
		want := s.rows()
		if err := outbound.Rebuild(t.Context(), store, s.log, nil); err != nil {
			t.Fatal(err)
		}
		s.same("rebuilt alone", want)
	})
}
