package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// testField starts a test over HTTP and returns its id, or the problem it was refused with.
func (r *rig) testField(order map[string]string) (id, problem string) {
	r.t.Helper()
	order["reason"] = "test"
	status, b := r.request(http.MethodPost, r.url+"/v1/connections/default/settings/test", "test", order)
	if status != http.StatusOK {
		return "", string(b)
	}
	var done httpapi.Done
	r.must(json.Unmarshal(b, &done))
	return done.ID, ""
}

// testEnds waits for a test to end.
func (r *rig) testEnds(id string) (f httpapi.FieldTest) {
	r.t.Helper()
	r.waitFor("the test's end", func() bool {
		f = asked[httpapi.FieldTest](r, "settings/test/"+id)
		return f.Ended
	})
	return f
}

func steps(f httpapi.FieldTest) string {
	var all []string
	for _, s := range f.Steps {
		all = append(all, strings.TrimSpace(s.Step+" "+string(s.System)))
	}
	return strings.Join(all, ", ")
}

// TestFieldTest (40): a controlled update in either system is followed through fact, decision, command and echo to the
// other and back, and ends as it began. It works again at once: what was put back is no late write of ours.
func TestFieldTest(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, change: func(s *settings.Settings) {
			tier := s.NewField("csf1", "plan_tier")
			tier.Type, tier.Values = domain.Enumeration, map[string]string{"g": "gold", "s": "silver"}
			lead := s.NewField("lead_source", "lead_origin")
			lead.Direction = settings.ToAloware
			s.Fields = append(s.Fields, tier, lead, s.NewField(settings.OwnerField, "hubspot_owner_id"))
		}})
		person := carrying(carrying(adaHubSpot, "plan_tier", "gold"), "lead_origin", "fair")
		ada, err := r.hubspot.Create(carrying(person, "hubspot_owner_id", "71"), "7")
		r.must(err)
		r.settle()
		h, a := r.twin(adaPhone)
		const there, home = "fact hubspot, decision, command aloware, echo aloware", "fact aloware, decision, command hubspot, echo hubspot"
		for _, c := range []struct{ field, from, steps string }{
			{"first_name", "", there + ", " + home},
			{"first_name", "aloware", home + ", " + there},
			{"firstname", "hubspot", there + ", " + home},
			{"csf1", "hubspot", there + ", " + home},
			{"owner", "aloware", home + ", " + there},
			{"lead_source", "", there + ", " + there},
		} {
			order := map[string]string{"field": c.field, "contact": "hubspot:" + ada}
			if c.from != "" {
				order["from"] = c.from
			}
			id, problem := r.testField(order)
			if problem != "" {
				t.Fatal(c.field, problem)
			}
			f := r.testEnds(id)
			got := steps(f)
			if !f.OK || !f.PutBack || strings.ReplaceAll(got, ", ", " ") == "" || !sameSteps(got, c.steps) {
				t.Errorf("%s from %q: %s, want %s: %+v", c.field, c.from, got, c.steps, f)
			}
			r.settle()
			nowH, nowA := r.twin(adaPhone)
			for _, p := range []string{"firstname", "plan_tier", "lead_origin", "hubspot_owner_id"} {
				r.same("HubSpot after the test of "+c.field, nowH.Properties, map[string]string{p: h.Properties[p]})
			}
			for _, p := range []string{"first_name", "csf1", "lead_source", "user_id"} {
				r.same("Aloware after the test of "+c.field, nowA.Properties, map[string]string{p: a.Properties[p]})
			}
			r.agreed()
		}
		r.verified()
	})
}

// sameSteps compares steps leg by leg: a fact may tell a value before the outcome of its write is stored.
func sameSteps(got, want string) bool {
	g, w := strings.Split(got, ", "), strings.Split(want, ", ")
	if len(g) != len(w) {
		return false
	}
	for i := range g {
		j := i
		switch i % 4 {
		case 2, 3:
			if g[i] != w[i] {
				j = i/4*4 + 5 - i%4
			}
		}
		if g[i] != w[j] {
			return false
		}
	}
	return true
}

// TestFieldTestChangesNothing: where nothing would be sent, or where a test could do harm, it is refused with the reason,
// and neither system is written to.
func TestFieldTestChangesNothing(t *testing.T) {
	t.Parallel()
	r := start(t, plan{change: func(s *settings.Settings) {
		dnc := s.NewField("do_not_call", "do_not_call")
		dnc.Type, dnc.Aloware, dnc.Consent = domain.Bool, settings.Side{Read: "is_dnc", Write: "is_dnc"}, settings.ConsentSticky
		lead := s.NewField("lead_source", "lead_origin")
		lead.Direction = settings.ToAloware
		s.Fields = append(s.Fields, dnc, lead)
	}})
	ada, err := r.hubspot.Create(adaHubSpot, "7")
	r.must(err)
	r.settle()
	before := r.written()
	refused := func(want string, order map[string]string) {
		t.Helper()
		order["contact"] = "hubspot:" + ada
		if _, problem := r.testField(order); !strings.Contains(problem, want) {
			t.Errorf("%v: %s, want %q", order, problem, want)
		}
	}
	refused("no field", map[string]string{"field": "shoe_size"})
	refused("not played with", map[string]string{"field": "email"})
	refused("a stop is no test", map[string]string{"field": "do_not_call"})
	refused("no change of lead_source flows", map[string]string{"field": "lead_source", "from": "aloware"})
	refused("website has no value", map[string]string{"field": "website"})
	for mode, want := range map[string]string{"observe": "the mode is observe", "off": "the mode is off"} {
		r.told("mode", map[string]string{"mode": mode, "reason": "test"})
		refused(want, map[string]string{"field": "first_name"})
	}
	r.told("mode", map[string]string{"mode": "live", "reason": "test"})
	r.told("pause", map[string]string{"reason": "test"})
	refused("the sync is paused", map[string]string{"field": "first_name"})
	if n := r.written(); n != before {
		t.Errorf("%d writes, though nothing was to be changed", n-before)
	}
}

// TestFieldTestInterrupted: a process that is told to end in the midst of a test leaves the old value, and the next one
// ends the test.
func TestFieldTestInterrupted(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		ada, err := r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		r.settle()
		r.aloware.SetTarget("http://127.0.0.1:1") // no echo comes: the test waits
		id, problem := r.testField(map[string]string{"field": "first_name", "contact": "hubspot:" + ada})
		if problem != "" {
			t.Fatal(problem)
		}
		r.waitFor("Aloware to have the test's value", func() bool {
			all := r.aloware.All()
			return len(all) == 1 && strings.HasSuffix(all[0].Properties["first_name"], "(Duolog test)")
		})
		r.stop()
		h, a := r.twin(adaPhone)
		r.same("HubSpot, when the process had ended", h.Properties, map[string]string{"firstname": "Ada"})
		r.same("Aloware, when the process had ended", a.Properties, map[string]string{"first_name": "Ada"})
		r.node = r.boot()
		if f := r.testEnds(id); !f.PutBack {
			t.Errorf("ended by the next process: %+v", f)
		}
		r.settle()
		h, a = r.twin(adaPhone)
		r.same("HubSpot", h.Properties, map[string]string{"firstname": "Ada"})
		r.same("Aloware", a.Properties, map[string]string{"first_name": "Ada"})
		r.agreed()
	})
}
