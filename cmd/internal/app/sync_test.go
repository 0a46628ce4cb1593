package app_test

import (
	"testing"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// TestTwoWay: people who stand on both sides are linked, the others made, edits flow both ways, and under failures,
// duplicates and disorder both systems end up holding the same.
func TestTwoWay(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		people := sandboxkit.People(7, 25)
		faults := sandboxkit.Faults{Seed: 7, FailRate: 0.05, FailAfterCommitRate: 0.05, WebhookDuplicates: 0.2, Shuffle: true}
		r := start(t, plan{database: database, people: people, hubspot: faults, aloware: faults})
		r.settle()
		sandboxkit.Traffic{
			Aloware: r.aloware, HubSpot: r.hubspot, Seed: 7, CreateShare: 0.2, FirstPerson: len(people),
		}.Do(100)
		r.settle()
		r.agreed()
		if a, h := len(r.aloware.All()), len(r.hubspot.All()); a != h {
			t.Errorf("%d people in Aloware, %d in HubSpot", a, h)
		}
		r.verified()
	})
}
