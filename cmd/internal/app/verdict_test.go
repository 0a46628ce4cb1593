package app_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
)

func (r *rig) decide(record string, v httpapi.Verdict) {
	r.t.Helper()
	v.Contact = r.contact(record).ID
	if _, err := r.Decide(r.t.Context(), v, tester); err != nil {
		r.t.Fatal(err)
	}
	r.settle()
}

// TestReview: who is held because of a shared number is listed; a person says who it is, and the two are one from then
// on; cut again, nothing flows between them, it is the other one under the number, and nobody is made.
func TestReview(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, people: []sandboxkit.Person{
			{HubSpot: with(adaHubSpot, map[string]string{"email": ""}), Aloware: sandboxkit.Fields{"first_name": "A", "phone_number": adaPhone}},
			{HubSpot: with(adaHubSpot, map[string]string{"email": "", "firstname": "Augusta"})},
		}})
		r.settle()
		augusta := r.inHubSpot("firstname", "Augusta")[0].ID
		a := r.inAloware("phone_number", adaPhone)[0].ID
		waits := httpapi.ReviewsOf(r.contact("hubspot:" + augusta))
		if len(waits) != 1 || waits[0].Field != "" || !slices.Contains(waits[0].Others, "aloware:"+a) {
			t.Fatalf("what waits: %+v", waits)
		}
		r.decide("hubspot:"+augusta, httpapi.Verdict{
			Verdict: domain.VerdictSame, Others: []domain.Record{{System: domain.Aloware, ID: a}},
		})
		c := r.contact("aloware:" + a)
		if c.ID != r.contact("hubspot:"+augusta).ID || c.Status == contacts.Held {
			t.Fatalf("it is %s (%s), want Augusta's", c.Status, c.Reason)
		}
		r.same("Aloware", r.inAloware("phone_number", adaPhone)[0].Properties, map[string]string{"first_name": "Augusta"})

		r.decide("hubspot:"+augusta, httpapi.Verdict{Verdict: domain.VerdictSeparate})
		r.must(r.hubspot.Edit(augusta, map[string]string{"firstname": "Gusta"}, "7"))
		r.settle() // the only other one under that number is Ada
		r.same("Aloware", r.inAloware("phone_number", adaPhone)[0].Properties, map[string]string{"first_name": "Ada"})
		if h, n := len(r.hubspot.All()), len(r.aloware.All()); h != 2 || n != 1 {
			t.Errorf("%d in HubSpot and %d in Aloware, want 2 and 1", h, n)
		}
		r.verified()
	})
}

// TestExcludeAndFieldVerdict: who is taken out is left alone until let in again; of a field that waits, the value a
// person names goes to the other side; and what waits for nobody is refused with what to do.
func TestExcludeAndFieldVerdict(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, people: []sandboxkit.Person{{
			HubSpot: with(adaHubSpot, map[string]string{"city": "Ockham"}),
			Aloware: sandboxkit.Fields{"first_name": "Ada", "phone_number": adaPhone, "email": "ada@people.example", "city": "Paris"},
		}}, change: func(s *settings.Settings) {
			for i := range s.Fields {
				s.Fields[i].Initial = "review"
			}
		}})
		r.settle()
		h, _ := r.twin(adaPhone)
		name := "hubspot:" + h.ID
		r.decide(name, httpapi.Verdict{Verdict: domain.VerdictTake, Field: "city", From: domain.Aloware})
		h, _ = r.twin(adaPhone)
		r.same("HubSpot", h.Properties, map[string]string{"city": "Paris"})
		_, err := r.Decide(t.Context(), httpapi.Verdict{
			Contact: r.contact(name).ID, Verdict: domain.VerdictTake, Field: "city", From: domain.Aloware,
		}, tester)
		if !errors.Is(err, httpapi.ErrConflict) {
			t.Errorf("a field that is in step: %v, want ErrConflict", err)
		}

		r.decide(name, httpapi.Verdict{Verdict: domain.VerdictExclude})
		if c := r.contact(name); c.Status != contacts.Excluded {
			t.Errorf("it is %s (%s), want excluded", c.Status, c.Reason)
		}
		r.must(r.hubspot.Edit(h.ID, map[string]string{"city": "Rome"}, "7"))
		r.settle()
		_, a := r.twin(adaPhone)
		r.same("Aloware", a.Properties, map[string]string{"cnam_city": "Paris"})
		r.decide(name, httpapi.Verdict{Verdict: domain.VerdictInclude})
		_, a = r.twin(adaPhone)
		r.same("Aloware", a.Properties, map[string]string{"cnam_city": "Rome"})
	})
}
