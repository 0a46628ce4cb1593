package app_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/sqlite"
	"github.com/duolog/duolog/projections/outbound/outbox"
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
		r.withoutTheKey(file)
		for seed := uint64(2); r.head() < kept.Events()+1000; seed++ {
			traffic(seed, 100)
			r.settle()
		}
		old := fmt.Sprintf("%s:1:%d", kept.Logs[0].LogID, r.head())
		inHubSpot, inAloware, written := len(r.hubspot.All()), len(r.aloware.All()), r.written()
		r.stop()

		r.config.DatabaseURL = afresh(t, database)
		done, err := app.Restore(t.Context(), r.config, file, app.RestoreOptions{By: httpapi.By{Actor: "test", Reason: "lost"}}, r.logger)
		r.must(err)
		if len(done.Logs) != 1 || done.Logs[0].Generation < 2 || done.Events() != kept.Events() {
			t.Fatalf("restored %+v of %+v", done, kept)
		}
		r.node = r.boot()
		r.baseline() // both systems were read
		if now := r.written(); now != written {
			t.Errorf("%d writes before anybody resumed", now-written)
		}
		r.goesOn(old, done.Logs[0], kept.Events())
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

// TestRestoreWithoutAKey: a backup may hold a command of somebody whose key is gone, for keys are copied last. It is taken
// back with all that waited.
func TestRestoreWithoutAKey(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		aloware := &down{}
		r := start(t, plan{database: database, front: aloware.front})
		her, err := r.hubspot.Create(zoe, "7")
		r.must(err)
		r.settle()
		aloware.Store(true)
		r.must(r.hubspot.Edit(her, map[string]string{"lastname": "Quexley-Byron"}, "7"))
		r.wait("a command", func(ctx context.Context) (bool, error) {
			n, err := outbox.Counts(ctx, r.Store, "default")
			return slices.ContainsFunc(n, func(c outbox.Count) bool { return c.Failing > 0 }), err
		})
		file := filepath.Join(t.TempDir(), "kept.db")
		_, err = r.Backup(t.Context(), file, nil)
		r.must(err)
		r.stop()
		key, err := eventstore.LoadMasterKey(r.config.MasterKeyFile)
		r.must(err)
		kept, err := sqlite.Open(t.Context(), sqlite.Config{Path: file, MasterKey: key})
		r.must(err)
		_, err = kept.Exec(t.Context(), "UPDATE subject_key SET wrapped = NULL WHERE subject LIKE '%/contact/%'")
		r.must(errors.Join(err, kept.Close()))

		r.config.DatabaseURL = afresh(t, database)
		_, err = app.Restore(t.Context(), r.config, file, app.RestoreOptions{By: httpapi.By{Actor: "test", Reason: "lost"}}, r.logger)
		r.must(err)
		r.node = r.boot()
		if n := r.number("SELECT COUNT(*) FROM outbox WHERE kind <> 'read'"); n > 0 {
			t.Errorf("%d writes wait", n)
		}
		r.verified()
	})
}

// withoutTheKey fails if the master key lies in the files of a backup, as bytes or in any form its file writes it in.
func (r *rig) withoutTheKey(backup string) {
	r.t.Helper()
	written, err := os.ReadFile(r.config.MasterKeyFile)
	r.must(err)
	text := strings.TrimSpace(string(written))
	forms := [][]byte{[]byte(text)}
	for _, decode := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString} {
		if raw, err := decode(text); err == nil {
			forms = append(forms, raw)
		}
	}
	if len(forms) < 2 {
		r.t.Fatal("the key's file holds it in a form this test does not know")
	}
	files, err := filepath.Glob(backup + "*") // with what SQLite lays beside
	r.must(err)
	for _, file := range files {
		b, err := os.ReadFile(file)
		r.must(err)
		for _, form := range forms {
			if bytes.Contains(b, form) {
				r.t.Errorf("%s holds the master key", file)
			}
		}
	}
}

// goesOn fails unless a checkpoint of what was lost is told to go on after the last position that was kept, and one of
// what was kept after itself; all lead on. Of a restore that was lost itself nothing is known.
func (r *rig) goesOn(lost string, log app.TransferredLog, kept int64) {
	r.t.Helper()
	const path = "/v1/connections/default/events?limit=10&after="
	for at, want := range map[string]int64{lost: kept, log.LogID + ":1:3": 3, log.LogID + ":2:3": 0} {
		status, answer := r.request(http.MethodGet, r.url+path+at, "test", nil)
		var p httpapi.Problem
		if err := json.Unmarshal(answer, &p); err != nil || status != http.StatusConflict {
			r.t.Fatalf("after %s: %d %s", at, status, answer)
		}
		if p.ContinueAfter != fmt.Sprintf("%s:%d:%d", log.LogID, log.Generation, want) {
			r.t.Errorf("after %s go on after %s, want position %d", at, p.ContinueAfter, want)
		}
		if status, answer := r.request(http.MethodGet, r.url+path+p.ContinueAfter, "test", nil); status != http.StatusOK {
			r.t.Errorf("after %s: %d %s", p.ContinueAfter, status, answer)
		}
	}
}
