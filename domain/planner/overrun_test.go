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
	for _, c := range []struct {
		conflict settings.Winner
		later    domain.System // who typed last, by three seconds
		want     string
	}{
		{settings.HubSpotWins, domain.Aloware, "Bob"},
		{settings.AlowareWins, domain.HubSpot, "Cyd"},
		{settings.NewestWins, domain.HubSpot, "Bob"},
		{settings.NewestWins, domain.Aloware, "Cyd"},
	} {
		rapid.Check(t, func(t *rapid.T) {
			w := overrun(t, c.conflict, c.later)
			for _, sys := range domain.Systems {
				id := map[domain.System]string{domain.HubSpot: "1", domain.Aloware: "2"}[sys]
				if got := w.systems[sys][id]["first_name"]; got != c.want {
					t.Fatalf("%s, %s later: %s holds %q, want %q\n%s", c.conflict, c.later, sys, got, c.want, w.story())
				}
			}
		})
	}
}

// overrun has Bob typed in HubSpot and Cyd in Aloware, of which only Cyd is told before we write.
func overrun(t *rapid.T, conflict settings.Winner, later domain.System) *world {
	s := preset(t, "default")
	for i := range s.Fields {
		s.Fields[i].Conflict = conflict
	}
	w := newWorld(t, s)
	w.create(domain.HubSpot, map[string]string{"phone_number": "+18182124567", "email": "a@example.com", "first_name": "Ann"}, "")
	w.settle()
	w.now += 3_600_000_000 // long after, so that Aloware's webhook is believed as it is
	for i, sys := range []domain.System{later.Other(), later} {
		if sys == domain.HubSpot {
			w.edit(domain.Record{System: sys, ID: "1"}, "first_name", "Bob", false)
		} else {
			w.edit(domain.Record{System: sys, ID: "2"}, "first_name", "Cyd", false)
			w.deliver(i, false)
		}
		w.now += 3_000_000
	}
	for len(w.outbox) == 0 && w.plan() {
	}
	for len(w.outbox) > 0 {
		w.dispatch(0, false)
		for w.plan() {
		}
	}
	w.settle()
	return w
}

// TestOverrunWhileAsked: a change in HubSpot that was told while Aloware is asked about a value that may be an old one does
// not wait for the answer when a write of ours is on its way over it.
func TestOverrunWhileAsked(t *testing.T) {
	for _, conflict := range []settings.Winner{settings.HubSpotWins, settings.NewestWins} {
		rapid.Check(t, func(t *rapid.T) {
			w := overtype(t, conflict)
			for _, sys := range domain.Systems {
				id := map[domain.System]string{domain.HubSpot: "1", domain.Aloware: "2"}[sys]
				if got := w.systems[sys][id]["first_name"]; got != "Bob" {
					t.Fatalf("%s: %s holds %q, want %q\n%s", conflict, sys, got, "Bob", w.story())
				}
			}
		})
	}
}

// overtype has Cyd and at once Dan typed in Aloware, and Bob in HubSpot before Cyd is written there.
func overtype(t *rapid.T, conflict settings.Winner) *world {
	s := preset(t, "default")
	for i := range s.Fields {
		s.Fields[i].Conflict = conflict
	}
	w := newWorld(t, s)
	w.create(domain.HubSpot, map[string]string{"phone_number": "+18182124567", "email": "a@example.com", "first_name": "Ann"}, "")
	w.settle()
	w.now += 3_600_000_000
	tell := func(r domain.Record, name string) {
		w.edit(r, "first_name", name, false)
		w.deliver(0, false)
		for w.plan() {
		}
	}
	tell(domain.Record{System: domain.Aloware, ID: "2"}, "Cyd")
	tell(domain.Record{System: domain.Aloware, ID: "2"}, "Dan")
	tell(domain.Record{System: domain.HubSpot, ID: "1"}, "Bob")
	w.dispatch(0, false) // Cyd
	for len(w.hooks) > 0 {
		w.deliver(0, false)
		for w.plan() {
		}
	}
	w.settle()
	return w
}
