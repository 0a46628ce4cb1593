package app_test

import (
	"maps"
	"testing"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/projections/contacts"
)

// with is a person's values with some changed; a value "" is left out.
func with(values, change map[string]string) map[string]string {
	out := maps.Clone(values)
	maps.Copy(out, change)
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" })
	return out
}

// contact returns the one contact of a record.
func (r *rig) contact(record string) contacts.Contact {
	r.t.Helper()
	found, err := r.Contacts.Find(r.t.Context(), record)
	r.must(err)
	if len(found) != 1 {
		r.t.Fatalf("%d contacts of %s", len(found), record)
	}
	return found[0]
}

// TestMerge: people merged in HubSpot are one contact from then on; nobody is made again, and the survivor goes on in
// step with one record in Aloware.
func TestMerge(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		ada, err := r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		twin, err := r.hubspot.Create(with(adaHubSpot, map[string]string{"email": "lovelace@people.example", "phone": "+12125550103"}), "7")
		r.must(err)
		r.settle()
		people := len(r.aloware.All())
		survivor, err := r.hubspot.Merge(ada, twin)
		r.must(err)
		r.settle()
		if h, a := len(r.hubspot.All()), len(r.aloware.All()); h != 1 || a != people {
			t.Errorf("%d in HubSpot and %d in Aloware, want 1 and the %d from before", h, a, people)
		}
		was, is := r.contact("hubspot:"+ada), r.contact("hubspot:"+survivor)
		if was.ID != is.ID || r.contact("hubspot:"+twin).ID != is.ID {
			t.Errorf("the merged records lie in several contacts")
		}
		r.must(r.hubspot.Edit(survivor, map[string]string{"city": "Ockham"}, "7"))
		r.settle()
		_, a := r.twin(adaPhone)
		r.same("Aloware", a.Properties, map[string]string{"cnam_city": "Ockham"})
	})
}

// TestDeletion: a person deleted in HubSpot stays in Aloware and is not made again, whatever changes there.
func TestDeletion(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		ada, err := r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		r.settle()
		_, a := r.twin(adaPhone)
		r.must(r.hubspot.Delete(ada))
		r.settle()
		r.must(r.aloware.Edit(a.ID, map[string]any{"city": "Paris"}))
		r.settle()
		if h, a := len(r.hubspot.All()), len(r.aloware.All()); h != 0 || a != 1 {
			t.Errorf("%d in HubSpot and %d in Aloware, want 0 and 1", h, a)
		}
		r.must(r.hubspot.Restore(ada))
		r.settle()
		if h, a := len(r.hubspot.All()), len(r.aloware.All()); h != 1 || a != 1 {
			t.Errorf("restored: %d in HubSpot and %d in Aloware, want 1 and 1", h, a)
		}
	})
}

// TestContradictingTwin: a person in HubSpot whose number belongs to someone with another email in Aloware is left
// out, and nobody's values are overwritten.
func TestContradictingTwin(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, people: []sandboxkit.Person{{
			HubSpot: with(adaHubSpot, nil),
			Aloware: sandboxkit.Fields{"first_name": "Grace", "phone_number": adaPhone, "email": "grace@people.example", "city": "Arlington"},
		}}, change: toAloware})
		r.settle()
		h, a := r.twin(adaPhone)
		r.same("HubSpot", h.Properties, map[string]string{"firstname": "Ada", "email": "ada@people.example"})
		r.same("Aloware", a.Properties, map[string]string{"first_name": "Grace", "email": "grace@people.example"})
		if c := r.contact("hubspot:" + h.ID); c.Status != contacts.Excluded {
			t.Errorf("status %s (%s), want excluded", c.Status, c.Reason)
		}
		r.must(r.hubspot.Edit(h.ID, map[string]string{"city": "Ockham"}, "7"))
		r.settle()
		_, a = r.twin(adaPhone)
		r.same("Aloware", a.Properties, map[string]string{"cnam_city": "Arlington"})
		r.unwritten("to people who are not the same", 0, 0)
	})
}

// TestAmbiguousPhone: two people in HubSpot, one in Aloware under their number: a person has to say who it is.
func TestAmbiguousPhone(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, people: []sandboxkit.Person{
			{HubSpot: with(adaHubSpot, map[string]string{"email": ""}), Aloware: sandboxkit.Fields{"first_name": "A", "phone_number": adaPhone}},
			{HubSpot: with(adaHubSpot, map[string]string{"email": "", "firstname": "Augusta"})},
		}})
		r.settle()
		for _, c := range r.hubspot.All() {
			if got := r.contact("hubspot:" + c.ID); got.Status != contacts.Held {
				t.Errorf("hubspot:%s is %s (%s), want held", c.ID, got.Status, got.Reason)
			}
		}
		r.unwritten("to people nobody can tell apart", 0, 0)
		if n := len(r.aloware.All()); n != 1 {
			t.Errorf("%d in Aloware", n)
		}
	})
}
