package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore/eventstoretest"
)

// afresh is a database beside the rig's, on the same backend.
func afresh(t *testing.T, database string) string {
	t.Helper()
	if strings.HasPrefix(database, "sqlite:") {
		return "sqlite:" + filepath.Join(t.TempDir(), "duolog.db")
	}
	return eventstoretest.PostgresURL(t)
}

// TestBackupAndRestore: of a log that is backed up amid traffic, goes on, and is lost, what was kept comes back: nothing
// is sent until a person says so, consumers are told where to go on, and nobody is made a second time.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		people := sandboxkit.People(5, 8)
		r := start(t, plan{database: database, people: people})
		r.settle()
		traffic := func(seed uint64, n int) {
			sandboxkit.Traffic{
				Aloware: r.aloware, HubSpot: r.hubspot, Seed: seed, CreateShare: 0.4, FirstPerson: 100 * int(seed),
			}.Do(n)
		}
		var beside sync.WaitGroup
		beside.Go(func() { traffic(1, 20) })
		file := filepath.Join(t.TempDir(), "kept.db")
		kept, err := r.Backup(t.Context(), file, nil)
		r.must(err)
		beside.Wait()
		for seed := uint64(2); r.head() < kept.Events()+200; seed++ {
			traffic(seed, 20)
			r.settle()
		}
		old := fmt.Sprintf("%s:1:%d", kept.Logs[0].LogID, r.head())
		inHubSpot, inAloware, written := len(r.hubspot.All()), len(r.aloware.All()), r.written()
		r.stop()

		r.config.DatabaseURL = afresh(t, database)
		done, err := app.Restore(t.Context(), r.config, file, app.RestoreOptions{By: httpapi.By{Actor: "test", Reason: "lost"}}, r.logger)
		r.must(err)
		if len(done.Logs) != 1 || done.Logs[0].Generation != 2 || done.Events() != kept.Events() {
			t.Fatalf("restored %+v of %+v", done, kept)
		}
		r.node = r.boot()
		r.baseline() // both systems were read
		if now := r.written(); now != written {
			t.Errorf("%d writes before anybody resumed", now-written)
		}
		r.goesOn(old, kept.Logs[0].LogID, kept.Events())
		if acts := r.acts(domain.LogRestored); len(acts) != 1 || acts[0].Restored.Kept != kept.Events() {
			t.Errorf("acts %+v", acts)
		}
		_, err = r.Resume(t.Context(), httpapi.By{Actor: "test"})
		r.must(err)
		r.settle()
		if h, a := len(r.hubspot.All()), len(r.aloware.All()); h != inHubSpot || a != inAloware {
			t.Errorf("%d in HubSpot and %d in Aloware, there were %d and %d", h, a, inHubSpot, inAloware)
		}
		r.nobodyTwice()
		r.agreed()
		r.verified()
	})
}

// goesOn fails unless a checkpoint of what was lost is told to go on after the last position that was kept, and one of
// what was kept after itself; both lead on.
func (r *rig) goesOn(lost, log string, kept int64) {
	r.t.Helper()
	const path = "/v1/connections/default/events?limit=10&after="
	for at, want := range map[string]int64{lost: kept, log + ":1:3": 3} {
		status, answer := r.request(http.MethodGet, r.url+path+at, "test", nil)
		var p httpapi.Problem
		if err := json.Unmarshal(answer, &p); err != nil || status != http.StatusConflict {
			r.t.Fatalf("after %s: %d %s", at, status, answer)
		}
		if p.ContinueAfter != fmt.Sprintf("%s:2:%d", log, want) {
			r.t.Errorf("after %s go on after %s, want position %d", at, p.ContinueAfter, want)
		}
		if status, answer := r.request(http.MethodGet, r.url+path+p.ContinueAfter, "test", nil); status != http.StatusOK {
			r.t.Errorf("after %s: %d %s", p.ContinueAfter, status, answer)
		}
	}
}
