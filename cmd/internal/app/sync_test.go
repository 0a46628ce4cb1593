package app_test

import (
	"testing"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/eventstore"
)

// TestTwoWay: people who stand on both sides are linked, the others made, edits flow both ways, and under failures,
// duplicates and disorder both systems end up holding the same.
func TestTwoWay(t *testing.T) {
	eachBackend(t, func(t *testing.T, database string) {
		people := sandboxkit.People(7, 60)
		r := start(t, database, nil, people, sandboxkit.Faults{
			Seed: 7, FailRate: 0.05, FailAfterCommitRate: 0.05, WebhookDuplicates: 0.2, Shuffle: true,
		})
		r.settle()
		sandboxkit.Traffic{
			Aloware: r.aloware, HubSpot: r.hubspot, Seed: 7, CreateShare: 0.2, FirstPerson: len(people),
		}.Do(200)
		r.settle()
		for _, d := range r.differences() {
			t.Error(d)
		}
		if a, h := len(r.aloware.All()), len(r.hubspot.All()); a != h {
			t.Errorf("%d people in Aloware, %d in HubSpot", a, h)
		}
		report, err := eventstore.Verify(t.Context(), r.Store, "default", nil)
		if err != nil || !report.OK() {
			t.Error(err, report)
		}
	})
}
