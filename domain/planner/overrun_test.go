package planner_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// TestOverrun: a change in HubSpot that is told only after our own write went over it is not lost: the conflict rule
// decides between the two, as if it had been told in time.
func TestOverrun(t *testing.T) {
	for conflict, want := range map[settings.Winner]string{settings.HubSpotWins: "Bob", settings.AlowareWins: "Cyd"} {
		rapid.Check(t, func(t *rapid.T) {
			s := preset(t, "default")
			for i := range s.Fields {
				s.Fields[i].Conflict = conflict
			}
			w := newWorld(t, s)
			w.create(domain.HubSpot, map[string]string{"phone_number": "+18182124567", "email": "a@example.com", "first_name": "Ann"}, "")
			w.settle()
			w.now += 3_600_000_000 // long after, so that Aloware's webhook is believed as it is
			w.edit(domain.Record{System: domain.HubSpot, ID: "1"}, "first_name", "Bob", false)
			w.edit(domain.Record{System: domain.Aloware, ID: "2"}, "first_name", "Cyd", false)
			w.deliver(1, false)
			for len(w.outbox) == 0 && w.plan() {
			}
			for len(w.outbox) > 0 {
				w.dispatch(0, false)
				for w.plan() {
				}
			}
			w.settle()
			for _, sys := range domain.Systems {
				id := map[domain.System]string{domain.HubSpot: "1", domain.Aloware: "2"}[sys]
				if got := w.systems[sys][id]["first_name"]; got != want {
					t.Fatalf("%s: %s holds %q, want %q\n%s", conflict, sys, got, want, w.story())
				}
			}
		})
	}
}
