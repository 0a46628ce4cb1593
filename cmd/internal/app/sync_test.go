package app_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/projections/history"
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

// TestMadeByALostTry: somebody who was made in HubSpot by a try whose answer was lost counts as made: in what was sent, and in
// what the history says.
func TestMadeByALostTry(t *testing.T) {
	t.Parallel()
	var lost atomic.Bool
	r := start(t, plan{portalFront: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if strings.HasSuffix(req.URL.Path, "/batch/upsert") && !lost.Swap(true) {
				next.ServeHTTP(httptest.NewRecorder(), req)
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			next.ServeHTTP(w, req)
		})
	}})
	r.settle()
	_, err := r.aloware.Create(graceAloware, "")
	r.must(err)
	r.settle()
	made := r.hubspot.All()
	if len(made) != 1 || !lost.Load() {
		t.Fatalf("made in HubSpot: %+v, an answer was lost: %v", made, lost.Load())
	}
	sent, err := r.Tally(t.Context())
	if r.must(err); sent.CommandsSent != 1 {
		t.Errorf("%d commands sent, want 1", sent.CommandsSent)
	}
	found := false
	for _, e := range asked[httpapi.History](r, "contacts/hubspot:"+made[0].ID+"/history?limit=1000").Entries {
		for _, st := range e.Steps {
			found = found || st.Kind == history.StepSettled && st.Outcome.Created && st.Outcome.Unneeded
		}
	}
	if !found {
		t.Error("the history does not say that an earlier try made it")
	}
}
