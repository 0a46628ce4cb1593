package app_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/postgres"
	"github.com/duolog/duolog/eventstore/sqlite"
	"github.com/duolog/duolog/eventstore/transfer"
	"github.com/duolog/duolog/projections/outbound"
)

var lost = httpapi.By{Actor: "test", Reason: "lost"}

// list is the file that holds who was erased.
func (r *rig) list() string {
	r.t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(r.config.MasterKeyFile), "heads", "*.erasures"))
	if err != nil || len(found) != 1 {
		r.t.Fatal("lists:", found, err)
	}
	return found[0]
}

// TestPutBack: who was erased since a backup was made, or a snapshot, is erased again before anybody can read what was put
// back, and stays out; without the list nothing is put back, and a snapshot is not served before recover.
func TestPutBack(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r, aloware, her, other := erasing(t, database)
		file, early := filepath.Join(t.TempDir(), "kept.db"), r.snapshot(database)
		_, err := r.Backup(t.Context(), file, nil)
		r.must(err)
		if _, err := app.Recover(t.Context(), r.config, app.RecoverOptions{By: lost}, r.logger); !errors.Is(err, app.ErrServed) {
			t.Errorf("while it is served: %v", err)
		}
		a, his := r.aside(), r.contact("hubspot:"+other).ID
		_, err = a.Erase(t.Context(), r.contact("hubspot:"+her).ID, httpapi.Erasing{}, tester)
		r.must(err)
		_, err = a.Erase(t.Context(), his, httpapi.Erasing{}, tester)
		r.must(err)
		_, err = a.Lift(t.Context(), his, tester)
		r.must(err)
		aloware.Store(false)
		r.settle()
		r.stop() // signs the last head
		if _, err := app.Recover(t.Context(), r.config, app.RecoverOptions{By: lost}, r.logger); !errors.Is(err, app.ErrNothingLost) {
			t.Errorf("a log that lost nothing: %v", err)
		}

		list := r.list()
		whole, err := os.ReadFile(list)
		r.must(err)
		for _, text := range hers {
			if strings.Contains(string(whole), text) {
				t.Errorf("%q is in the list of erasures", text)
			}
		}
		first := r.config
		r.config.DatabaseURL = afresh(t, database)
		r.refusedRestore(file, list, string(whole))
		done, err := app.Restore(t.Context(), r.config, file, app.RestoreOptions{By: lost}, r.logger)
		if err != nil || done.Erased != 3 {
			t.Fatalf("restored: %+v, %v", done, err)
		}
		r.putBack(her, other, 2)
		r.stop()
		r.config = first
		r.config.DatabaseURL = early
		r.recovers(list)
		r.putBack(her, other, 3) // and who joined meanwhile
	})
}

// recovers fails unless a log that was put back is refused, and recover has it go on.
func (r *rig) recovers(list string) {
	r.t.Helper()
	r.node = r.aside()
	var short *app.ShortError
	if _, err := r.Engine(r.t.Context()); !errors.Is(err, app.ErrRefused) || !errors.As(err, &short) {
		r.t.Fatalf("a log that was put back is served: %v", err)
	}
	r.must(os.Rename(list, list+".away"))
	if _, err := app.Recover(r.t.Context(), r.config, app.RecoverOptions{By: lost}, r.logger); !errors.Is(err, app.ErrErasures) {
		r.t.Errorf("without the list: %v", err)
	}
	o := app.RecoverOptions{By: lost, Erasures: app.Lists{From: []string{list + ".away"}}}
	done, err := app.Recover(r.t.Context(), r.config, o, r.logger)
	if err != nil || len(done.Logs) != 1 || done.Erased != 4 || done.Logs[0].Generation <= short.Generation {
		r.t.Fatalf("recovered: %+v, %v", done, err)
	}
	acts := r.acts(domain.LogRestored)
	if len(acts) != 1 || acts[0].Restored.Kept != done.Logs[0].Position || acts[0].Restored.Generation != done.Logs[0].Generation {
		r.t.Errorf("acts %+v", acts)
	}
}

// refusedRestore fails unless a restore without a whole list is refused, and leaves nothing.
func (r *rig) refusedRestore(file, list, whole string) {
	r.t.Helper()
	lines := strings.SplitAfter(whole, "\n")
	for what, change := range map[string]func() error{
		"no list": func() error { return os.Remove(list) },
		"altered": func() error {
			return os.WriteFile(list, []byte(strings.Replace(whole, `"position":`, `"position":1`, 1)), 0o600)
		},
		"one is gone":  func() error { return os.WriteFile(list, []byte(lines[0]+strings.Join(lines[2:], "")), 0o600) },
		"another file": func() error { return os.WriteFile(list, []byte("something\n"), 0o600) },
	} {
		r.must(change())
		_, err := app.Restore(r.t.Context(), r.config, file, app.RestoreOptions{By: lost}, r.logger)
		if !errors.Is(err, app.ErrErasures) {
			r.t.Errorf("%s: %v", what, err)
		}
	}
	r.must(os.WriteFile(list, []byte(whole), 0o600))
}

// putBack starts a process on what was put back, and looks that she is gone, and he is let in.
func (r *rig) putBack(her, other string, erasures int) {
	r.t.Helper()
	a := r.aside()
	r.node = a
	r.scrubbed(r.config.DatabaseURL, nil)
	r.forgotten(r.config.DatabaseURL, her)
	if n := r.number("SELECT COUNT(*) FROM outbox WHERE kind <> 'read'"); n > 0 {
		r.t.Errorf("%d writes wait", n)
	}
	r.sameAnew()
	r.verifies()
	for id, out := range map[string]bool{her: true, other: false} {
		key := r.number("SELECT COUNT(*) FROM subject_key WHERE wrapped IS NULL AND subject = $1", "hubspot/contact/"+id)
		if out != (key == 1) {
			r.t.Errorf("hubspot:%s: %d keys are destroyed", id, key)
		}
	}
	if acts := r.acts(domain.SubjectErased); len(acts) != erasures || acts[0].Again.IsZero() || acts[erasures-1].Again.IsZero() {
		r.t.Errorf("erasures %+v", acts)
	}
	r.node = r.boot()
	r.baseline()
	_, err := r.Resume(r.t.Context(), tester)
	r.must(err)
	before := r.head()
	r.must(r.hubspot.Edit(her, map[string]string{"lastname": "Quexley"}, "7"))
	r.settle()
	if n := r.suppressed(before - 1000); n == 0 {
		r.t.Error("what is told of her is not suppressed")
	}
	again, err := r.aloware.Create(map[string]any{ // by her email: whoever was let in shows her number, too
		"first_name": zoe["firstname"], "email": zoe["email"], "phone_number": fmt.Sprintf("+1212555017%d", erasures),
	}, "")
	r.must(err)
	r.joined("aloware:" + again)
	r.forgotten(r.config.DatabaseURL, her)
}

// snapshot is the database as it is now, in another one: what a file that is copied, or pg_dump, would be.
func (r *rig) snapshot(database string) string {
	r.t.Helper()
	url := afresh(r.t, database)
	var to eventstore.Store
	var err error
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		to, err = sqlite.Open(r.t.Context(), sqlite.Config{Path: path, MasterKey: r.MasterKey(), Migrate: true})
	} else {
		to, err = postgres.Open(r.t.Context(), postgres.Config{URL: url, MasterKey: r.MasterKey(), Migrate: true})
	}
	r.must(err)
	_, err = transfer.Copy{From: r.Store, To: to, Key: r.MasterKey(), NewKey: r.MasterKey()}.Run(r.t.Context())
	r.must(err)
	log, err := to.Log(r.t.Context(), "default")
	r.must(err)
	r.must(outbound.Rebuild(r.t.Context(), to, log, nil))
	r.must(transfer.Set(r.t.Context(), to, transfer.Own, time.Now()))
	r.must(to.Close())
	return url
}

// TestErasedAndNotListed: an erasure whose process died before it was on the list is put there by the next start; one that
// could not be put there is not made.
func TestErasedAndNotListed(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		her, err := r.hubspot.Create(zoe, "7")
		r.must(err)
		him, err := r.hubspot.Create(map[string]string{"firstname": "Bert", "email": "bert@people.example", "phone": "+12125550199"}, "7")
		r.must(err)
		r.settle()
		_, err = r.aside().Erase(t.Context(), r.contact("hubspot:"+her).ID, httpapi.Erasing{}, tester)
		r.must(err)
		list := r.list()
		whole, err := os.ReadFile(list)
		r.must(err)
		r.must(os.WriteFile(list, whole[:len(whole)-40], 0o600)) // it died while it wrote
		r.stop()
		r.node = r.boot()
		r.settle()
		r.wait("the list", func(context.Context) (bool, error) {
			now, err := os.ReadFile(list)
			return strings.Count(string(now), "hubspot/contact/"+her) == 2, err
		})
		dir := filepath.Dir(list)
		r.must(os.Rename(dir, dir+".away"))
		r.must(os.WriteFile(dir, nil, 0o600))
		if _, err := r.aside().Erase(t.Context(), r.contact("hubspot:"+him).ID, httpapi.Erasing{}, tester); err == nil || r.contact("hubspot:"+him).Erased {
			t.Errorf("erased, and on no list: %v", err)
		}
	})
}

// TestPutBackInPart: who was erased as one person since, and is two in the log that was put back, is erased again whole, also
// where the first try at that died midway.
func TestPutBackInPart(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		her, err := r.hubspot.Create(zoe, "7")
		r.must(err)
		other, err := r.hubspot.Create(map[string]string{"firstname": "Quexley", "email": "z@people.example", "phone": "+12125550188"}, "7")
		r.must(err)
		r.settle()
		early := r.snapshot(database)
		survivor, err := r.hubspot.Merge(her, other)
		r.must(err)
		r.settle()
		_, err = r.aside().Erase(t.Context(), r.contact("hubspot:"+survivor).ID, httpapi.Erasing{}, tester)
		r.must(err)
		r.stop()

		r.config.DatabaseURL = early
		r.node = r.aside()
		allow := r.refusesSecondAct()
		if _, err := app.Recover(t.Context(), r.config, app.RecoverOptions{By: lost}, r.logger); err == nil || !strings.Contains(err.Error(), "died") {
			t.Errorf("recovered, though it died: %v", err)
		}
		allow()
		_, err = app.Recover(t.Context(), r.config, app.RecoverOptions{By: lost}, r.logger)
		r.must(err)
		for _, id := range []string{her, other} {
			if n := r.number("SELECT COUNT(*) FROM subject_key WHERE wrapped IS NULL AND subject = $1", "hubspot/contact/"+id); n != 1 {
				t.Errorf("hubspot:%s: %d keys are destroyed", id, n)
			}
			if c := r.contact("hubspot:" + id); !erasedWhole(c) {
				t.Errorf("put back, and readable: %+v", c)
			}
		}
		r.sameAnew()
		r.verifies()
	})
}

// refusesSecondAct has the database refuse every act on privacy but the first, until it is called off.
func (r *rig) refusesSecondAct() (allow func()) {
	r.t.Helper()
	const second = "NEW.stream = 'privacy' AND EXISTS (SELECT 1 FROM event WHERE stream = 'privacy')"
	on := []string{"CREATE TRIGGER second BEFORE INSERT ON event WHEN " + second + " BEGIN SELECT RAISE(ABORT, 'died'); END"}
	off := []string{"DROP TRIGGER second"}
	if !strings.HasPrefix(r.config.DatabaseURL, "sqlite:") {
		on = []string{
			"CREATE FUNCTION second() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF " + strings.ReplaceAll(second, "'", "''") +
				" THEN RAISE EXCEPTION ''died''; END IF; RETURN NEW; END'",
			"CREATE TRIGGER second BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION second()",
		}
		off = []string{"DROP TRIGGER second ON event"}
	}
	do := func(statements []string) {
		r.must(r.Store.InTx(r.t.Context(), func(tx eventstore.Tx) error {
			for _, s := range statements {
				if _, err := tx.Exec(r.t.Context(), s); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	do(on)
	return func() { do(off) }
}
