package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/contacts"
)

// TestMergeOfTwoLinked: two people, each in both systems, merged in HubSpot: the survivor's values, of which no change
// is told, reach the primary's record in Aloware; the other's is left alone, and nobody is made of it; old ids mean the
// same contact for ever, through a second merge as well.
func TestMergeOfTwoLinked(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		ada, err := r.hubspot.Create(with(adaHubSpot, map[string]string{"city": ""}), "7")
		r.must(err)
		twin, err := r.hubspot.Create(map[string]string{
			"firstname": "Augusta", "email": "augusta@people.example", "phone": gracePhone, "city": "Turin",
		}, "7")
		r.must(err)
		r.settle()
		survivor, err := r.hubspot.Merge(ada, twin)
		r.must(err)
		r.settle()
		_, a := r.twin(adaPhone)
		r.same("Aloware", a.Properties, map[string]string{"first_name": "Ada", "cnam_city": "Turin"})
		left := r.inAloware("phone_number", gracePhone)[0]
		if got := r.link("aloware:" + left.ID); got != string(planner.Absorbed) {
			t.Errorf("the other's record in Aloware is %s, want absorbed", got)
		}
		r.must(r.aloware.Edit(left.ID, map[string]any{"first_name": "Gusta", "city": "Rome"}))
		third, err := r.hubspot.Create(map[string]string{"firstname": "A", "email": "a@people.example"}, "7")
		r.must(err)
		r.settle()
		last, err := r.hubspot.Merge(survivor, third)
		r.must(err)
		r.settle()
		if h, al := len(r.hubspot.All()), len(r.aloware.All()); h != 1 || al != 2 {
			t.Errorf("%d in HubSpot and %d in Aloware, want 1 and 2", h, al)
		}
		r.same("HubSpot", r.hubspot.All()[0].Properties, map[string]string{"firstname": "Ada", "city": "Turin"})
		is := r.contact("hubspot:" + last).ID
		for _, id := range []string{ada, twin, survivor, third} {
			if r.contact("hubspot:"+id).ID != is {
				t.Errorf("hubspot:%s is another contact than the one it was merged into", id)
			}
		}
		r.verified()
	})
}

// TestPrivacyDeletion: who is erased in HubSpot is not made again, whatever changes in Aloware.
func TestPrivacyDeletion(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		ada, err := r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		r.settle()
		_, a := r.twin(adaPhone)
		r.portal(http.MethodPost, "/crm/v3/objects/contacts/gdpr-delete", map[string]string{"objectId": ada})
		r.settle()
		r.must(r.aloware.Edit(a.ID, map[string]any{"city": "Paris"}))
		r.settle()
		if h, al := len(r.hubspot.All()), len(r.aloware.All()); h != 0 || al != 1 {
			t.Errorf("%d in HubSpot and %d in Aloware, want 0 and 1", h, al)
		}
		if got := r.link("hubspot:" + ada); got != string(planner.Deleted) {
			t.Errorf("the erased record is %s, want deleted", got)
		}
		r.verified()
	})
}

// TestEmailChanges: an email that changes on either side is a change like any other, of the same person.
func TestEmailChanges(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		ada, err := r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		r.settle()
		r.must(r.hubspot.Edit(ada, map[string]string{"email": "countess@people.example"}, "7"))
		r.settle()
		_, a := r.twin(adaPhone)
		r.same("Aloware", a.Properties, map[string]string{"email": "countess@people.example"})
		r.must(r.aloware.Edit(a.ID, map[string]any{"email": "lovelace@people.example"}))
		r.settle()
		h, _ := r.twin(adaPhone)
		r.same("HubSpot", h.Properties, map[string]string{"email": "lovelace@people.example"})
		if len(r.hubspot.All()) != 1 || len(r.aloware.All()) != 1 {
			t.Error("somebody was made by a change of email")
		}
		r.agreed()
		r.verified()
	})
}

// TestSecondaryEmail: a person in Aloware whose email is a secondary one in HubSpot is that person.
func TestSecondaryEmail(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		first, err := r.hubspot.Create(map[string]string{"firstname": "Grace", "email": "admiral@people.example"}, "7")
		r.must(err)
		second, err := r.hubspot.Create(map[string]string{"email": "grace@people.example"}, "7")
		r.must(err)
		r.settle()
		survivor, err := r.hubspot.Merge(first, second)
		r.must(err)
		r.settle()
		_, err = r.aloware.Create(graceAloware, "ui")
		r.must(err)
		r.settle()
		if n := len(r.hubspot.All()); n != 1 {
			t.Errorf("%d in HubSpot, want Grace once", n)
		}
		grace := r.inAloware("phone_number", gracePhone)[0]
		if r.contact("aloware:"+grace.ID).ID != r.contact("hubspot:"+survivor).ID {
			t.Error("the two are not one contact")
		}
		r.verified()
	})
}

// TestPhoneChange: a number that changes in HubSpot, which Aloware's API cannot take over, makes nobody and waits for a
// person; once that one has changed it by hand, both sides are in step.
func TestPhoneChange(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		ada, err := r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		r.settle()
		_, a := r.twin(adaPhone)
		r.must(r.hubspot.Edit(ada, map[string]string{"phone": "+12125550177"}, "7"))
		r.settle()
		if n := len(r.aloware.All()); n != 1 {
			t.Fatalf("%d in Aloware, want the one there was", n)
		}
		waits := httpapi.ReviewsOf(r.contact("hubspot:" + ada))
		if len(waits) != 1 || waits[0].Field != "phone_number" || !strings.Contains(waits[0].Reason, "impossible") {
			t.Fatalf("what waits: %+v", waits)
		}
		r.must(r.aloware.Edit(a.ID, map[string]any{"phone_number": "+12125550177"}))
		r.settle()
		r.decide("hubspot:"+ada, httpapi.Verdict{Verdict: domain.VerdictRead})
		if c := r.contact("hubspot:" + ada); c.Status != contacts.InStep {
			t.Errorf("it is %s (%s), want in step", c.Status, c.Reason)
		}
		r.agreed()
		r.verified()
	})
}
