package app_test

import (
	"context"
	"testing"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

var tester = httpapi.By{Actor: "test", Reason: "test"}

// TestObserve: while observing, and on going live, not one write reaches either system; what changes then does.
func TestObserve(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		people := sandboxkit.People(3, 15)
		r := start(t, plan{database: database, people: people, change: func(s *settings.Settings) { s.Mode = domain.ModeObserve }})
		r.settle()
		sandboxkit.Traffic{
			Aloware: r.aloware, HubSpot: r.hubspot, Seed: 3, CreateShare: 0.2, FirstPerson: len(people),
		}.Do(40)
		r.settle()
		r.unwritten("observing", 0, 0)
		if _, err := r.SetMode(t.Context(), httpapi.ModeChange{Mode: domain.ModeLive}, tester); err != nil {
			t.Fatal(err)
		}
		r.settle()
		r.unwritten("going live", 0, 0)
		_, err := r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		_, err = r.aloware.Create(graceAloware, "")
		r.must(err)
		r.settle()
		r.twin(adaPhone)
		r.twin(gracePhone)
		r.unwritten("the first two people of a live sync", 1, 1)
	})
}

// unwritten fails unless exactly so many writes reached each system.
func (r *rig) unwritten(when string, hubspot, aloware int) {
	r.t.Helper()
	if h, a := r.hubspot.Writes(), r.aloware.Writes(); h != hubspot || a != aloware {
		r.t.Errorf("%s: %d writes to HubSpot and %d to Aloware, want %d and %d", when, h, a, hubspot, aloware)
	}
}

// TestPause: what waits at a pause is withdrawn, and on resuming each contact is planned once, from the present: no
// value that grew old meanwhile is ever sent.
func TestPause(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		_, err := r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		r.settle()
		h, a := r.twin(adaPhone)
		posts := r.aloware.Stats().Posts

		r.aloware.Injector().Set(sandboxkit.Faults{FailRate: 1})
		r.must(r.hubspot.Edit(h.ID, map[string]string{"address": "1 Old Road"}, "7"))
		r.wait("a command to wait", func(ctx context.Context) (bool, error) {
			s, err := r.Status(ctx)
			return s.Systems["aloware"].Waiting > 0, err
		})
		_, err = r.Pause(t.Context(), tester)
		r.must(err)
		r.settle() // nothing waits any more
		r.aloware.Injector().Set(sandboxkit.Faults{})
		r.must(r.hubspot.Edit(h.ID, map[string]string{"address": "2 New Road"}, "7"))
		r.must(r.aloware.Edit(a.ID, map[string]any{"city": "Paris"}))
		r.settle()
		h, a = r.twin(adaPhone)
		r.same("HubSpot while paused", h.Properties, map[string]string{"city": "London"})
		r.same("Aloware while paused", a.Properties, map[string]string{"address": ""})

		_, err = r.Resume(t.Context(), tester)
		r.must(err)
		r.settle()
		h, a = r.twin(adaPhone)
		r.same("HubSpot", h.Properties, map[string]string{"address": "2 New Road", "city": "Paris"})
		r.same("Aloware", a.Properties, map[string]string{"address": "2 New Road", "cnam_city": "Paris"})
		if n := r.aloware.Stats().Posts - posts; n != 1 {
			t.Errorf("%d posts to Aloware, want one with the present value", n)
		}
		if n := r.withdrawn(); n == 0 {
			t.Error("no command was withdrawn")
		}
		if n := r.decided(domain.SyncResumed); n != 1 {
			t.Errorf("the contact was planned %d times on resuming, want once", n)
		}
		r.agreed()
		r.verified()
	})
}
