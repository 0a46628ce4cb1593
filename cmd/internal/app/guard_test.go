package app_test

import (
	"context"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
)

// guarded waits until a guard has paused the sync.
func (r *rig) guarded(by string) {
	r.t.Helper()
	r.wait("the guard", func(ctx context.Context) (bool, error) {
		s, err := r.Status(ctx)
		return s.Paused && s.Guard != nil && s.Guard.Guard == by, err
	})
	r.settle()
}

// TestGuardStopsAMassChange: somebody changes half of HubSpot at once. The sync pauses itself, what waits in the queue
// does not leave, what goes on there is stored, and a person's resume sends it all.
func TestGuardStopsAMassChange(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, people: sandboxkit.People(4, 40), change: func(s *settings.Settings) {
			s.Guards.MaxChangedShare = 5
		}})
		r.settle()
		writes := r.aloware.Writes()
		r.aloware.Injector().Set(sandboxkit.Faults{FailRate: 1})
		all := r.hubspot.All()
		for _, c := range all[:20] {
			r.must(r.hubspot.Edit(c.ID, map[string]string{"city": "Nowhere"}, "7"))
		}
		r.guarded(planner.GuardChanged)
		r.aloware.Injector().Set(sandboxkit.Faults{})
		r.must(r.hubspot.Edit(all[0].ID, map[string]string{"city": "Somewhere"}, "7"))
		r.settle()
		if n := r.aloware.Writes() - writes; n > 0 {
			t.Errorf("%d writes left after the guard", n)
		}
		s, err := r.Status(t.Context())
		r.must(err)
		if g := s.Guard; g.Counted != 11 || g.Limit != 10 || g.Position == 0 || !strings.Contains(g.Next, "duolog resume") ||
			len(s.Needs) == 0 || !strings.Contains(s.Needs[0], "max_changed_share") {
			t.Errorf("status says %+v, needs %q", g, s.Needs)
		}
		if n := s.Contacts[contacts.Held]; n == 0 {
			t.Errorf("nobody is held: %v", s.Contacts)
		}
		_, err = r.Resume(t.Context(), tester)
		r.must(err)
		r.settle()
		if n := r.aloware.Writes() - writes; n != 20 {
			t.Errorf("%d writes after a person went on, want 20", n)
		}
		if s, err = r.Status(t.Context()); err != nil || s.Guard != nil || s.Paused {
			t.Errorf("still paused: %+v, %v", s.Guard, err)
		}
		r.agreed()
		r.verified()
	})
}

// TestGuardEmptiedSide: a HubSpot that lists nobody any more is not taken at its word: the sync pauses, nobody is told
// to be gone, and when a person says so the next sweep goes on.
func TestGuardEmptiedSide(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		for _, p := range sandboxkit.People(6, 30) {
			if p.HubSpot != nil {
				_, err := r.hubspot.Create(p.HubSpot, "7")
				r.must(err)
			}
		}
		r.settle()
		all := r.hubspot.All()
		r.hubspot.SetTarget("")
		for _, c := range all {
			r.must(r.hubspot.Delete(c.ID))
		}
		r.must(r.hubspot.Quiesce(t.Context()))
		r.hear(r.url)
		_, err := r.aside().Reconcile(t.Context(), tester, nil)
		r.must(err)
		r.guarded(planner.GuardEmptied)
		if got := r.link("hubspot:" + all[0].ID); got != string(planner.Linked) {
			t.Errorf("a record of the emptied side is %s", got)
		}
		s, err := r.Status(t.Context())
		r.must(err)
		if g := s.Guard; g.System != "hubspot" || g.Counted != 0 || g.Of != int64(len(all)) {
			t.Errorf("status says %+v, want that none of %d were found", g, len(all))
		}
		if _, err := r.Resume(t.Context(), tester); err != nil {
			t.Fatal(err)
		}
		r.settle()
		r.must(r.hubspot.Restore(all[0].ID))
		r.settle()
		_, err = r.aside().Reconcile(t.Context(), tester, nil)
		r.must(err)
		r.settle()
		if a, b := r.link("hubspot:"+all[0].ID), r.link("hubspot:"+all[1].ID); a != string(planner.Linked) || b != string(planner.Deleted) {
			t.Errorf("after a person went on, a restored record is %s and one that is gone %s", a, b)
		}
		r.verified()
	})
}
