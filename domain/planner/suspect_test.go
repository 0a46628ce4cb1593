package planner_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/duolog/duolog/domain"
)

// TestSharedNumberIsLookedAt: two records that share a number and differ in email are not linked, and neither is made
// a second time on the other side: a person decides.
func TestSharedNumberIsLookedAt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, preset(t, "default"))
		people := map[domain.System]map[string]string{
			domain.HubSpot: {"phone_number": "+18182124567", "email": "a@example.com", "first_name": "Ann"},
			domain.Aloware: {"phone_number": "+18182124567", "email": "new@example.com", "first_name": "Ann"},
		}
		w.create(domain.HubSpot, people[domain.HubSpot], "")
		w.create(domain.Aloware, people[domain.Aloware], "")
		for range rapid.IntRange(0, 4).Draw(t, "steps before Aloware tells") {
			if w.hooks[0].rec.System == domain.HubSpot {
				w.deliver(0, false)
			}
			w.plan()
			if len(w.outbox) > 0 {
				w.dispatch(0, false)
			}
		}
		w.settle()
		if h, a := len(w.systems[domain.HubSpot]), len(w.systems[domain.Aloware]); h != 1 || a != 1 {
			t.Fatalf("%d records in HubSpot, %d in Aloware\n%s", h, a, w.story())
		}
	})
}
