package planner_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

func guarded(rule settings.Winner) func(*settings.Settings) {
	return func(s *settings.Settings) {
		conflict(rule)(s)
		for i := range s.Fields {
			s.Fields[i].Guard = true
		}
	}
}

// TestGuarded: a write to HubSpot that was not sent, since a person had changed the value there, is planned again from the
// present: the conflict rule speaks about their value. When it means the same as what was expected, nothing is expected
// the second time.
func TestGuarded(t *testing.T) {
	for _, c := range []struct {
		name    string
		rule    settings.Winner
		shows   string
		result  planner.Result
		wrote   to
		expects string
	}{
		{"hubspot wins", settings.HubSpotWins, "Cyd", planner.Sent, to{domain.Aloware: "Cyd"}, ""},
		{"aloware wins", settings.AlowareWins, "Cyd", planner.Sent, to{domain.HubSpot: "Bob"}, `"Cyd"`},
		{"a person decides", settings.Review, "Cyd", planner.HeldBack, nil, ""},
		{"the same on both sides", settings.HubSpotWins, "Bob", planner.Agreed, nil, ""},
		{"the same in other letters", settings.HubSpotWins, " Ann ", planner.Sent, to{domain.HubSpot: "Bob"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t, guarded(c.rule)).linked()
			d.webhook(alo, values{"first_name": "Bob"})
			if e := d.sent[0].Expects["firstname"]; e.Property != "firstname" || string(e.Value) != `"Ann"` {
				t.Fatalf("expects %s of %q", e.Value, e.Property)
			}
			d.settled(d.sent[0], values{"firstname": c.shows}, changedThere)
			d.says(c.result, d.field("first_name").State, c.wrote)
			if len(d.sent) > 0 && d.sent[0].System == domain.HubSpot && string(d.sent[0].Expects["firstname"].Value) != c.expects {
				t.Fatalf("expects %v, want %s", d.sent[0].Expects, c.expects)
			}
		})
	}
}

// TestGuardedBehindOurOwn: what a write that is under way to HubSpot ends in is not known, so the next one expects nothing.
func TestGuardedBehindOurOwn(t *testing.T) {
	d := newDesk(t, guarded(settings.HubSpotWins)).linked()
	d.webhook(alo, values{"first_name": "Bob"})
	d.webhook(alo, values{"first_name": "Dee"})
	d.wrote(to{domain.HubSpot: "Dee"})
	if len(d.sent[0].Expects) > 0 {
		t.Fatalf("expects %v", d.sent[0].Expects)
	}
}

// TestUnguarded: without the setting nothing is expected of HubSpot.
func TestUnguarded(t *testing.T) {
	d := newDesk(t, nil).linked()
	d.webhook(alo, values{"first_name": "Bob"})
	d.wrote(to{domain.HubSpot: "Bob"})
	if len(d.sent[0].Expects) > 0 {
		t.Fatalf("expects %v", d.sent[0].Expects)
	}
}

// TestGuardedChangeIsNotLost: a person changes a name in Aloware and another in HubSpot, which tells of it only after our
// write was sent, or never. Whoever the rule names wins, on both sides.
func TestGuardedChangeIsNotLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := rapid.SampledFrom([]settings.Winner{settings.HubSpotWins, settings.AlowareWins}).Draw(t, "rule")
		s := preset(t, "default")
		guarded(rule)(&s)
		w := newWorld(t, s)
		w.create(domain.HubSpot, map[string]string{"phone_number": "+18182124567", "email": "a@example.com", "first_name": "Ann"}, "")
		w.settle()
		w.now += 48 * hour
		w.edit(domain.Record{System: domain.Aloware, ID: "2"}, "first_name", "Bob  X", false)
		w.deliver(0, false)
		for len(w.outbox) == 0 && w.plan() {
		}
		w.edit(domain.Record{System: domain.HubSpot, ID: "1"}, "first_name", "Cyd", false)
		if rapid.Bool().Draw(t, "its webhook is lost") {
			w.hooks = nil
		}
		w.settle()
		want := map[settings.Winner]string{settings.HubSpotWins: "Cyd", settings.AlowareWins: "Bob X"}[rule]
		for sys, id := range map[domain.System]string{domain.HubSpot: "1", domain.Aloware: "2"} {
			if got := w.systems[sys][id]["first_name"]; got != want {
				t.Fatalf("%s: %s holds %q, want %q\n%s", rule, sys, got, want, w.story())
			}
		}
	})
}
