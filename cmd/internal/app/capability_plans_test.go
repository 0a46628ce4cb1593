package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/operations"
)

// TestCapabilities25To28: a push and a pull are planned, looked at and applied over HTTP, and what they did is looked at
// in the systems. The numbers are those of the document's capabilities.
func TestCapabilities25To28(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, change: func(s *settings.Settings) {
			s.Contacts.Create, s.Contacts.Update = settings.ToAloware, settings.ToAloware
		}})
		_, err := r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		r.settle()
		for _, row := range []struct {
			name string
			run  func(*testing.T, *rig)
		}{
			{"25 push contacts", pushContacts},
			{"26 pull contacts", pullContacts},
			{"27 the last run is told", lastRun},
			{"28 not for regular use", notForRegularUse},
		} {
			if !t.Run(row.name, func(t *testing.T) {
				inner := *r
				inner.t = t
				row.run(t, &inner)
			}) {
				break // each goes on from the one before
			}
		}
		r.verified()
		r.sealed("Ada Byron", "Rotterdam", "Grace Hopper")
	})
}

// set puts other settings into force.
func (r *rig) set(change func(*settings.Settings)) {
	r.t.Helper()
	now, err := r.SettingsNow(r.t.Context())
	r.must(err)
	s := now.Settings
	change(&s)
	_, err = r.ApplySettings(r.t.Context(), s, 0, tester)
	r.must(err)
}

func fieldOf(s *settings.Settings, name string) *settings.Field {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			return &s.Fields[i]
		}
	}
	return nil
}

// started posts something that starts an operation, and waits for its end.
func (r *rig) started(path string, body map[string]any) httpapi.Operation {
	r.t.Helper()
	if body == nil {
		body = map[string]any{}
	}
	body["reason"] = "test"
	status, b := r.request(http.MethodPost, r.url+"/v1/connections/default/"+path, "test", body)
	if status != http.StatusOK {
		r.t.Fatalf("POST %s: %d %s", path, status, b)
	}
	var done httpapi.Done
	r.must(json.Unmarshal(b, &done))
	return r.over(done.ID)
}

// over waits for an operation's end.
func (r *rig) over(id string) httpapi.Operation {
	r.t.Helper()
	r.patient()
	r.settle()
	o := asked[httpapi.Operation](r, "operations/"+id)
	if o.EndedAt == nil {
		r.t.Fatalf("%s: still %s", o.Name, o.State)
	}
	return o
}

// planned makes a plan over HTTP.
func (r *rig) planned(path string, body map[string]any) httpapi.Plan {
	r.t.Helper()
	o := r.started(path, body)
	if o.State != operations.Done {
		r.t.Fatalf("%s: %s %s", o.Name, o.State, o.Failure)
	}
	return asked[httpapi.Plan](r, "plans/"+asked[httpapi.PlanList](r, "plans").Plans[0].Name)
}

func (r *rig) applied(p httpapi.Plan) httpapi.Operation {
	r.t.Helper()
	return r.started("plans/"+p.Name+"/apply", nil)
}

// counted compares counts; what is not named is not looked at.
func (r *rig) counted(what string, got, want map[string]int64) {
	r.t.Helper()
	for name, n := range want {
		if got[name] != n {
			r.t.Errorf("%s: %d %s, want %d (of %v)", what, got[name], name, n, got)
		}
	}
}

// A change in Aloware that was blocked is what a push sends.
func pushContacts(t *testing.T, r *rig) {
	r.must(r.aloware.Edit(r.inAloware("phone_number", adaPhone)[0].ID, map[string]any{"city": "Rotterdam"}))
	r.settle()
	h, _ := r.twin(adaPhone)
	r.same("HubSpot", h.Properties, map[string]string{"city": adaHubSpot["city"]})
	r.set(func(s *settings.Settings) { s.Contacts.Update = settings.Both })
	r.settle()
	before := r.hubspot.Writes()
	p := r.planned("push/contacts", nil)
	r.counted("push", p.Counts, map[string]int64{domain.CountContacts: 1, domain.CountUpdatesHubSpot: 1})
	if n := r.hubspot.Writes(); n != before {
		t.Errorf("making a plan wrote %d times", n-before)
	}
	if len(p.Samples) != 1 {
		t.Fatalf("samples: %+v", p.Samples)
	}
	s := p.Samples[0].Sample
	if s.Person != "Ada Byron" || s.Field != "city" || s.Before != adaHubSpot["city"] || s.After != "Rotterdam" || s.Why != domain.OpPush {
		t.Errorf("sample: %+v", s)
	}
	o := r.applied(p)
	r.counted("pushed", o.Counts, map[string]int64{domain.CountUpdatesHubSpot: 1, domain.CountSettled: 1, domain.CountDone: 1})
	h, _ = r.twin(adaPhone)
	r.same("HubSpot", h.Properties, map[string]string{"city": "Rotterdam"})
	if again := r.planned("push/contacts", nil); again.Rows != 0 {
		t.Errorf("a second push would do %+v", again.Counts)
	}
	status, b := r.request(http.MethodPost, r.url+"/v1/connections/default/plans/"+p.Name+"/apply", "test", map[string]string{"reason": "twice"})
	if status != http.StatusConflict {
		t.Errorf("a plan applied twice: %d %s", status, b)
	}
}

// Who came while nothing was sent is who a pull brings; the new number costs.
func pullContacts(t *testing.T, r *rig) {
	r.told("mode", map[string]string{"mode": "observe", "reason": "test"})
	r.settle()
	_, err := r.hubspot.Create(with(adaHubSpot, map[string]string{
		"firstname": "Grace", "lastname": "Hopper", "phone": gracePhone, "email": "grace@people.example",
	}), "7")
	r.must(err)
	r.settle()
	p := r.planned("pull/contacts", nil)
	status, b := r.request(http.MethodPost, r.url+"/v1/connections/default/plans/"+p.Name+"/apply", "test", map[string]string{"reason": "observing"})
	if status != http.StatusConflict || !strings.Contains(string(b), "mode") {
		t.Errorf("applied while observing: %d %s", status, b)
	}
	r.told("mode", map[string]string{"mode": "live", "reason": "test"})
	r.settle()
	if n := len(r.inAloware("phone_number", gracePhone)); n != 0 {
		t.Fatalf("%d in Aloware before the pull", n)
	}
	r.counted("pull", p.Counts, map[string]int64{
		domain.CountContacts: 2, domain.CountCreatesAloware: 1, domain.CountNumbers: 1, domain.CountUnchanged: 1,
	})
	if p.Cost != 2000 || p.LRNPrice != 0.002 {
		t.Errorf("costs %d at %f, want 2000 millionths", p.Cost, p.LRNPrice)
	}
	o := r.applied(p)
	r.counted("pulled", o.Counts, map[string]int64{domain.CountCreatesAloware: 1, domain.CountLRN: 1, domain.CountCost: 2000})
	r.twin(gracePhone)
	again := r.planned("pull/contacts", nil)
	if again.Rows != 0 || again.Counts[domain.CountUnchanged] != 2 {
		t.Errorf("a second pull would do %+v", again.Counts)
	}
}

func lastRun(t *testing.T, r *rig) {
	list := asked[httpapi.OperationList](r, "operations")
	said := map[string]string{}
	for _, l := range list.Last {
		said[l.Name] = l.Said
	}
	for name, want := range map[string]string{
		domain.OpPush: "Last push contact: ", domain.OpPull: "Last pull contact: ", domain.OpMatch: "Last match: never",
		"pull deals": "Last pull deals: ",
	} {
		if !strings.HasPrefix(said[name], want) || name != domain.OpMatch && !strings.Contains(said[name], " P") {
			t.Errorf("%s is told as %q", name, said[name])
		}
	}
	if len(list.Operations) < 4 || list.Operations[0].Position < list.Operations[1].Position {
		t.Errorf("operations: %+v", list.Operations)
	}
}

func notForRegularUse(t *testing.T, r *rig) {
	_, b := r.request(http.MethodGet, r.url+"/openapi.json", "test", nil)
	if n := strings.Count(string(b), "For set-up and troubleshooting, not for regular use."); n != 2 {
		t.Errorf("said of %d operations, want push and pull", n)
	}
	p := r.planned("match", nil)
	r.told("plans/"+p.Name+"/discard", map[string]string{"reason": "test"})
	status, b := r.request(http.MethodPost, r.url+"/v1/connections/default/plans/"+p.Name+"/apply", "test", map[string]string{"reason": "late"})
	if status != http.StatusConflict {
		t.Errorf("a discarded plan applied: %d %s", status, b)
	}
}
