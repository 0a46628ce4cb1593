package app_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history/explain"
)

// carrying is a person with one more property.
func carrying[V any](person map[string]V, property string, value V) map[string]V {
	out := maps.Clone(person)
	out[property] = value
	return out
}

// ofField is a contact's field as the contacts projection has it.
func (r *rig) ofField(record, name string) contacts.Field {
	r.t.Helper()
	for _, f := range r.contact(record).Fields {
		if f.Field == name {
			return f
		}
	}
	r.t.Fatalf("%s has no field %s", record, name)
	return contacts.Field{}
}

// TestOwnersFlow: people are matched by email, one under another email by the field's own list, and one whom only one
// side has waits until the other has them too.
func TestOwnersFlow(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, change: func(s *settings.Settings) {
			f := s.NewField(settings.OwnerField, "hubspot_owner_id")
			f.People = map[string]string{"s.ortiz@acme.example": "sam.ortiz@acme.example"}
			s.Fields = append(s.Fields, f)
		}})
		ada, err := r.hubspot.Create(carrying(adaHubSpot, "hubspot_owner_id", "71"), "7")
		r.must(err)
		r.settle()
		_, a := r.twin(adaPhone)
		r.same("Aloware, Priya", a.Properties, map[string]string{"user_id": "3"})
		r.must(r.aloware.Edit(a.ID, map[string]any{"user_id": 1}))
		r.settle()
		h, _ := r.twin(adaPhone)
		r.same("HubSpot, Dana", h.Properties, map[string]string{"hubspot_owner_id": "73"})

		r.must(r.hubspot.Edit(ada, map[string]string{"hubspot_owner_id": "72"}, "7"))
		r.settle()
		if f := r.ofField("hubspot:"+ada, "owner"); f.State != contacts.Failing {
			t.Errorf("Sam, whom Aloware does not have: %+v", f)
		}
		sam := r.aloware.AddUser("S.Ortiz@acme.example", "Sam Ortiz")
		if n := len(r.pulled("owners")); n != 1 {
			t.Errorf("the pull told %d facts, want the new user", n)
		}
		_, a = r.twin(adaPhone)
		r.same("Aloware, Sam at last", a.Properties, map[string]string{"user_id": sam})
		r.agreed()
		r.verified()
		r.sealed("S.Ortiz@acme", "priya.shah@acme.example")
	})
}

// TestLabelsFlow: a lead status is a contact disposition with the same label, or the one a person declared. What none is
// declared for waits, and flows once it is.
func TestLabelsFlow(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, change: func(s *settings.Settings) {
			f := s.NewField(settings.DispositionField, settings.LeadStatus)
			f.ByLabel, f.Direction = true, settings.Both
			s.Fields = append(s.Fields, f)
		}})
		ada, err := r.hubspot.Create(carrying(adaHubSpot, "hs_lead_status", "NEW"), "7")
		r.must(err)
		r.settle()
		_, a := r.twin(adaPhone)
		r.same("Aloware, before anything is declared", a.Properties, map[string]string{"disposition_status_id": ""})
		if f := r.ofField("hubspot:"+ada, "disposition_status"); f.State != contacts.Apart {
			t.Errorf("not held: %+v", f)
		}
		declare := func(hubspot, aloware, label string) {
			r.told("catalogs/contact-dispositions/map", map[string]string{
				"hubspot": hubspot, "aloware": aloware, "label": label, "reason": "read in Aloware",
			})
			r.settle()
		}
		declare("OPEN", "1202", "Working")
		_, a = r.twin(adaPhone)
		r.same("Aloware, with another one declared", a.Properties, map[string]string{"disposition_status_id": ""})
		declare("NEW", "1201", "New")
		_, a = r.twin(adaPhone)
		r.same("Aloware, declared", a.Properties, map[string]string{"disposition_status_id": "1201"})
		r.must(r.aloware.Edit(a.ID, map[string]any{"disposition_status_id": 1202}))
		r.settle()
		h, _ := r.twin(adaPhone)
		r.same("HubSpot", h.Properties, map[string]string{"hs_lead_status": "OPEN"})
		r.agreed()
		before := fmt.Sprint("contacts/hubspot:", ada, "/explain?field=disposition_status&position=", r.head())
		declare("IN_PROGRESS", "1202", "Under way")
		if then := asked[explain.Answer](r, before); then.Cause != explain.Same {
			t.Errorf("before that was declared otherwise, read through today's list: %+v", then)
		}
		r.verified()
	})
}

// TestDispositionIntoAloware: lead statuses lead, as in Aloware's own integration: what is chosen there stays there.
func TestDispositionIntoAloware(t *testing.T) {
	t.Parallel()
	r := start(t, plan{change: func(s *settings.Settings) {
		f := s.NewField(settings.DispositionField, settings.LeadStatus)
		f.Values = map[string]string{"1201": "New", "1202": "OPEN"}
		s.Fields = append(s.Fields, f)
	}})
	_, err := r.hubspot.Create(carrying(adaHubSpot, "hs_lead_status", "NEW"), "7")
	r.must(err)
	r.settle()
	_, a := r.twin(adaPhone)
	r.same("Aloware", a.Properties, map[string]string{"disposition_status_id": "1201"})
	r.must(r.aloware.Edit(a.ID, map[string]any{"disposition_status_id": 1202}))
	r.settle()
	h, _ := r.twin(adaPhone)
	r.same("HubSpot", h.Properties, map[string]string{"hs_lead_status": "NEW"})
	if all := r.verdicts("disposition_status"); all[len(all)-1].Result != planner.Blocked {
		t.Errorf("decided: %+v", all[len(all)-1])
	}
}
