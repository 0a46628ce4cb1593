package app_test

import "testing"

// TestPhoneMovedAway: a change that finds nobody under the number Duolog knows makes nobody, and arrives once Aloware
// tells the new number.
func TestPhoneMovedAway(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		id, err := r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		r.settle()
		_, a := r.twin(adaPhone)
		r.aloware.SetTarget("") // the webhook is lost
		r.must(r.aloware.Edit(a.ID, map[string]any{"phone_number": gracePhone}))
		r.must(r.aloware.Quiesce(t.Context()))
		r.must(r.hubspot.Edit(id, map[string]string{"city": "Ockham"}, "7"))
		r.settle()
		if all := r.aloware.All(); len(all) != 1 || all[0].Properties["cnam_city"] != "London" {
			t.Fatalf("in Aloware: %+v", all)
		}
		r.hear(r.url)
		r.must(r.aloware.Edit(a.ID, map[string]any{"notes": "called back"}))
		r.settle()
		h, a := r.twin(gracePhone)
		r.same("Aloware", a.Properties, map[string]string{"cnam_city": "Ockham"})
		r.same("HubSpot", h.Properties, map[string]string{"city": "Ockham"})
		r.agreed()
	})
}
