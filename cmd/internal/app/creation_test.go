package app_test

import (
	"fmt"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
)

// maker makes somebody by one source and returns the number.
type maker struct {
	source domain.Source
	make   func(r *rig, phone string) error
}

var makers = []maker{
	{domain.FromHubSpot, func(r *rig, phone string) error {
		_, err := r.hubspot.Create(map[string]string{"firstname": "Ada", "phone": phone}, "7")
		return err
	}},
	{domain.TypedIn, inAlowareBy("ui")}, {domain.Imported, inAlowareBy("imports")}, {domain.FromForm, inAlowareBy("form-capture")},
	{domain.AnsweredCall, func(r *rig, phone string) error { _, err := r.aloware.Call(phone, false); return err }},
	{domain.MissedCall, func(r *rig, phone string) error { _, err := r.aloware.Call(phone, true); return err }},
	{domain.TextMessage, func(r *rig, phone string) error { _, err := r.aloware.Text(phone); return err }},
}

func inAlowareBy(intake string) func(*rig, string) error {
	return func(r *rig, phone string) error {
		_, err := r.aloware.Create(map[string]any{"first_name": "Grace", "phone_number": phone}, intake)
		return err
	}
}

// TestCreationBySource (17): whether somebody is made on the other side is said for each way a contact comes to be.
// Every source is allowed in one run and not in the other, so that each rule is seen to open and to shut.
func TestCreationBySource(t *testing.T) {
	t.Parallel()
	for odd := range 2 {
		t.Run(fmt.Sprintf("from source %d on", odd), func(t *testing.T) {
			t.Parallel()
			eachBackend(t, func(t *testing.T, database string) {
				allowed := func(i int) bool { return i%2 == odd }
				r := start(t, plan{database: database, change: func(s *settings.Settings) {
					for i, m := range makers {
						s.Contacts.CreateFrom[m.source] = allowed(i)
					}
				}})
				r.baseline()
				for i, m := range makers {
					r.must(m.make(r, lineOf(i)))
				}
				r.settle()
				for i, m := range makers {
					h, a := len(r.inHubSpot("phone", lineOf(i))), len(r.inAloware("phone_number", lineOf(i)))
					if both := h == 1 && a == 1; both != allowed(i) || h+a == 0 || h > 1 || a > 1 {
						t.Errorf("%s, allowed %t: %d in HubSpot, %d in Aloware", m.source, allowed(i), h, a)
					}
				}
				r.verified()
			})
		})
	}
}

func lineOf(i int) string { return fmt.Sprintf("+121255502%02d", i) }

// TestUnknownCaller (17): a caller without a name is made when its rule says so as well, and gets a name in HubSpot that
// never flows back; one who gets a name is no longer unknown.
func TestUnknownCaller(t *testing.T) {
	t.Parallel()
	for _, allowed := range []bool{true, false} {
		t.Run(fmt.Sprint(allowed), func(t *testing.T) {
			t.Parallel()
			r := start(t, plan{change: func(s *settings.Settings) { s.Contacts.CreateFrom[domain.UnknownCaller] = allowed }})
			r.baseline()
			id, err := r.aloware.Call(adaPhone, true)
			r.must(err)
			r.settle()
			if n := len(r.inHubSpot("phone", adaPhone)); (n == 1) != allowed {
				t.Errorf("%d in HubSpot", n)
			}
			if allowed {
				h, a := r.twin(adaPhone)
				r.same("HubSpot", h.Properties, map[string]string{"firstname": "Caller " + adaPhone})
				r.same("Aloware", a.Properties, map[string]string{"first_name": ""})
				return
			}
			r.must(r.aloware.Edit(id, map[string]any{"first_name": "Ada"}))
			r.settle()
			h, _ := r.twin(adaPhone)
			r.same("HubSpot, with a name", h.Properties, map[string]string{"firstname": "Ada"})
		})
	}
}

// TestValuesOnCreate (17): what the settings write with a new contact, how it came to be among it, and HubSpot's
// marketing-contact flag.
func TestValuesOnCreate(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		no := false
		r := start(t, plan{database: database, change: func(s *settings.Settings) {
			s.Contacts.OnCreate = settings.OnCreate{
				HubSpot: map[string]string{"duolog_created_by": "aloware:{source}"}, Marketing: &no,
				Aloware: map[string]string{"csf2": "from {source}"},
			}
			s.Contacts.CreateFrom[domain.AnsweredCall] = false // so how a call ended is waited for
		}})
		r.baseline()
		_, err := r.aloware.Call(gracePhone, true)
		r.must(err)
		_, err = r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		r.settle()
		h, _ := r.twin(gracePhone)
		r.same("HubSpot", h.Properties, map[string]string{"duolog_created_by": "aloware:missed_call", "hs_marketable_status": "false"})
		h, a := r.twin(adaPhone)
		r.same("Aloware", a.Properties, map[string]string{"csf2": "from hubspot"})
		r.same("HubSpot, by a person", h.Properties, map[string]string{"duolog_created_by": "", "hs_marketable_status": ""})
	})
}

// TestWhoTakesPart (17): a filter says who takes part. Who enters is made on the other side; who leaves keeps the link
// and nothing flows, until they enter again.
func TestWhoTakesPart(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, change: func(s *settings.Settings) { s.Contacts.Only = "city = London" }})
		ada, err := r.hubspot.Create(carrying(adaHubSpot, "city", "Paris"), "7")
		r.must(err)
		r.settle()
		if n := len(r.inAloware("phone_number", adaPhone)); n != 0 || r.contact("hubspot:"+ada).Status != contacts.Excluded {
			t.Errorf("%d in Aloware of who does not take part: %+v", n, r.contact("hubspot:"+ada))
		}
		r.must(r.hubspot.Edit(ada, map[string]string{"city": "London"}, "7"))
		r.settle()
		r.twin(adaPhone) // entered
		r.must(r.hubspot.Edit(ada, map[string]string{"city": "Paris", "firstname": "Augusta"}, "7"))
		r.settle()
		r.must(r.hubspot.Edit(ada, map[string]string{"lastname": "King"}, "7"))
		r.settle()
		_, a := r.twin(adaPhone)
		r.same("Aloware, after they left", a.Properties, map[string]string{"last_name": "Byron"})
		r.must(r.hubspot.Edit(ada, map[string]string{"city": "London", "lastname": "Lovelace"}, "7"))
		r.settle()
		_, a = r.twin(adaPhone)
		r.same("Aloware, after they came back", a.Properties, map[string]string{"last_name": "Lovelace"})
	})
}
