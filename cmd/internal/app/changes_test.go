package app_test

import (
	"encoding/json"
	"testing"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/domain"
)

// TestNetChangesFollowOnEachOther: read as net changes, what happened to a field of a contact is one story: each change
// begins with the value the one before ended with, none is told twice, and the last is what stands in HubSpot now.
func TestNetChangesFollowOnEachOther(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		people := sandboxkit.People(11, 15)
		faults := sandboxkit.Faults{Seed: 11, WebhookDuplicates: 0.2}
		r := start(t, plan{database: database, people: people, hubspot: faults, aloware: faults})
		r.settle()
		sandboxkit.Traffic{
			Aloware: r.aloware, HubSpot: r.hubspot, Seed: 11, CreateShare: 0.1, FirstPerson: len(people),
		}.Do(60)
		r.settle()
		log := r.Log
		type field struct{ contact, name string }
		last, changes := map[field]string{}, 0
		filter := stream.Filter{View: stream.Contacts}
		for at := int64(0); ; {
			p, err := filter.Read(t.Context(), log, at, 500)
			if err != nil {
				t.Fatal(err)
			}
			if p.Through == at {
				break
			}
			at = p.Through
			for _, e := range p.Events {
				var c stream.Changed
				if err := json.Unmarshal(e.Data, &c); err != nil {
					t.Fatal(err)
				}
				for name, f := range c.Fields {
					key := field{c.Contact.String(), name}
					before, after := domain.Scalar(f.Before), domain.Scalar(f.After)
					if was, ok := last[key]; ok && was != before {
						t.Errorf("%d: %s of %s was %q, and then before the next change %q", e.Position, name, key.contact, was, before)
					}
					if before == after {
						t.Errorf("%d: %s of %s changes from %q to %q", e.Position, name, key.contact, before, after)
					}
					last[key] = after
					changes++
				}
			}
		}
		if changes < 60 {
			t.Errorf("%d changes of fields are told, people made at least 60", changes)
		}
	})
}
