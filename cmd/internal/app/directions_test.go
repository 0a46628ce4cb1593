package app_test

import (
	"fmt"
	"testing"

	"github.com/duolog/duolog/domain/settings"
)

// Two people: Ada is first known in HubSpot, Grace in Aloware.
const (
	adaPhone   = "+12125550101"
	gracePhone = "+12125550102"
)

var (
	adaHubSpot = map[string]string{
		"firstname": "Ada", "lastname": "Byron", "email": "ada@people.example", "phone": adaPhone, "city": "London",
	}
	graceAloware = map[string]any{
		"first_name": "Grace", "last_name": "Hopper", "email": "grace@people.example", "phone_number": gracePhone,
		"city": "Arlington",
	}
)

// TestDirections: contact creation and contact update, each both ways or into Aloware only, for a person born on
// either side who is then changed on each side.
func TestDirections(t *testing.T) {
	t.Parallel()
	for _, create := range []settings.Direction{settings.Both, settings.ToAloware} {
		for _, update := range []settings.Direction{settings.Both, settings.ToAloware} {
			t.Run(fmt.Sprintf("create %s update %s", create, update), func(t *testing.T) {
				t.Parallel()
				r := start(t, plan{change: func(s *settings.Settings) { s.Contacts.Create, s.Contacts.Update = create, update }})
				r.baseline()
				r.bornInHubSpot(update)
				r.bornInAloware(create, update)
				r.verified()
			})
		}
	}
}

func (r *rig) bornInHubSpot(update settings.Direction) {
	r.t.Helper()
	_, err := r.hubspot.Create(adaHubSpot, "7")
	r.must(err)
	r.settle()
	h, a := r.twin(adaPhone)
	r.same("Aloware, born in HubSpot", a.Properties, map[string]string{
		"first_name": "Ada", "last_name": "Byron", "email": "ada@people.example", "cnam_city": "London",
	})
	r.editBoth(h.ID, a.ID, adaPhone, "London", update)
}

func (r *rig) bornInAloware(create, update settings.Direction) {
	r.t.Helper()
	id, err := r.aloware.Create(graceAloware, "")
	r.must(err)
	r.settle()
	if create == settings.ToAloware {
		r.must(r.aloware.Edit(id, map[string]any{"city": "Washington"}))
		r.settle()
		if n := len(r.inHubSpot("phone", gracePhone)); n != 0 {
			r.t.Errorf("%d in HubSpot although nobody may be created there", n)
		}
		return
	}
	h, a := r.twin(gracePhone)
	r.same("HubSpot, born in Aloware", h.Properties, map[string]string{
		"firstname": "Grace", "lastname": "Hopper", "email": "grace@people.example", "city": "Arlington",
	})
	r.editBoth(h.ID, a.ID, gracePhone, "Arlington", update)
}

// editBoth changes the address in HubSpot and the city in Aloware. The first always flows, the second only when
// updates go both ways; what may not flow stays as it was on each side.
func (r *rig) editBoth(hubspot, aloware, phone, city string, update settings.Direction) {
	r.t.Helper()
	r.must(r.hubspot.Edit(hubspot, map[string]string{"address": "1 Main St"}, "7"))
	r.settle()
	r.must(r.aloware.Edit(aloware, map[string]any{"city": "Paris"}))
	r.settle()
	want := "Paris"
	if update == settings.ToAloware {
		want = city
	}
	h, a := r.twin(phone)
	r.same("HubSpot", h.Properties, map[string]string{"address": "1 Main St", "city": want})
	r.same("Aloware", a.Properties, map[string]string{"address": "1 Main St", "cnam_city": "Paris"})
}
