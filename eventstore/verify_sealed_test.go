package eventstore_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/postgres"
	"github.com/duolog/duolog/eventstore/seal"
	"github.com/duolog/duolog/eventstore/sqlite"
	"github.com/duolog/duolog/eventstore/treehead"
)

// sealedLog is a log of ten events with heads over four and over all of them.
type sealedLog struct {
	eventstore.Store
	master   eventstore.MasterKey
	sealer   *seal.Sealer
	verifier note.Verifier
	heads    []string
}

func eachSealed(t *testing.T, fn func(t *testing.T, l *sealedLog)) {
	t.Helper()
	master := eventstore.NewMasterKey()
	t.Run("sqlite", func(t *testing.T) {
		store, err := sqlite.Open(t.Context(), sqlite.Config{
			Path: filepath.Join(t.TempDir(), "d.db"), MasterKey: master, Migrate: true,
		})
		fn(t, newSealedLog(t, store, master, err))
	})
	t.Run("postgres", func(t *testing.T) {
		store, err := postgres.Open(t.Context(), postgres.Config{
			URL: eventstoretest.PostgresURL(t), MasterKey: master, Migrate: true,
		})
		fn(t, newSealedLog(t, store, master, err))
	})
}

func newSealedLog(t *testing.T, store eventstore.Store, master eventstore.MasterKey, err error) *sealedLog {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	l := &sealedLog{Store: store, master: master}
	log, err := store.Log(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	if l.sealer, err = seal.New(seal.Config{DB: store, Log: log}); err != nil {
		t.Fatal(err)
	}
	if l.verifier, err = treehead.Verifier(l.sealer.Public()); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{4, 6} {
		filled(t, store, n)
		l.seal(t)
	}
	disarm(t, store)
	return l
}

func (l *sealedLog) seal(t *testing.T) {
	t.Helper()
	head, err := l.sealer.Seal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.heads = append(l.heads, head.Note)
}

func (l *sealedLog) check(t *testing.T, db eventstore.DB, held ...string) eventstore.Report {
	t.Helper()
	report, err := eventstore.Check{
		DB: db, Connection: "default", Master: l.master, Verifiers: []note.Verifier{l.verifier}, Held: held,
	}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// kinds are the faults found, each as "kind at position".
func kinds(r eventstore.Report) []string {
	var found []string
	for _, f := range r.Faults {
		found = append(found, fmt.Sprintf("%s %d", f.Kind, f.Position))
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestVerifyFindsNothingInASealedLog(t *testing.T) {
	eachSealed(t, func(t *testing.T, l *sealedLog) {
		filled(t, l.Store, 3) // not sealed yet
		r := l.check(t, l.Store, l.heads[1], l.heads[0])
		if !r.OK() || r.Head != 13 || r.Sealed != 10 || r.Heads != 4 || r.LastHead != l.heads[1] {
			t.Fatalf("%+v", r)
		}
	})
}

// forged is a hash that fits what an event was changed to; who owns the database can work it out.
const forged = "UPDATE event SET actor = 'x', hash = ? WHERE position = 4"

func TestVerifyFindsWhatWasSealed(t *testing.T) {
	cut := []string{
		"DELETE FROM event WHERE position > 7", "DELETE FROM append_key WHERE position > 7",
		"UPDATE log_head SET position = 7, recorded_at = (SELECT MAX(recorded_at) FROM event)",
	}
	cases := []struct {
		name       string
		statements []string
		want       []string
	}{
		{"event with its hash", []string{forged}, []string{"tree 4"}},
		{"order", []string{
			"UPDATE event SET position = 99 WHERE position = 2", "UPDATE event SET position = 2 WHERE position = 3",
			"UPDATE event SET position = 3 WHERE position = 99",
		}, []string{"keys 2", "keys 3", "tree 2", "tree 3"}},
		{"recording time", []string{
			"UPDATE event SET recorded_at = recorded_at + 1 WHERE position = 10", "UPDATE log_head SET recorded_at = recorded_at + 1",
		}, []string{"tree 10"}},
		{"removed", []string{"DELETE FROM event WHERE position = 6"}, []string{"count 0", "missing 6"}},
		{"removed, and the gap closed", []string{
			"DELETE FROM event WHERE position = 6", "DELETE FROM append_key WHERE position = 6",
			"UPDATE event SET position = -position WHERE position > 6", "UPDATE event SET position = -position - 1 WHERE position < 0",
			"UPDATE append_key SET position = position - 1 WHERE position > 6", "UPDATE log_head SET position = 9",
		}, []string{"signed 0", "tree 6", "tree 7", "tree 8", "tree 9"}},
		{"added in between", []string{
			"UPDATE event SET position = -position WHERE position > 5", "UPDATE event SET position = 1 - position WHERE position < 0",
			"UPDATE append_key SET position = position + 1 WHERE position > 5", "UPDATE log_head SET position = 11",
			`INSERT INTO event SELECT connection, 6, substr(hash, 1, 16), stream, type, schema, occurred_at, recorded_at, actor,
				causation, subject, data, key_hash, hash FROM event WHERE position = 5`,
			"INSERT INTO append_key SELECT connection, id, 6 FROM event WHERE position = 6",
		}, []string{"hash 6", "subject 6", "tree 10", "tree 6", "tree 7", "tree 8", "tree 9"}},
		{"added at the end", []string{
			`INSERT INTO event SELECT connection, 11, substr(hash, 1, 16), stream, type, schema, occurred_at, recorded_at, actor,
				causation, subject, data, key_hash, hash FROM event WHERE position = 10`,
			"INSERT INTO append_key SELECT connection, id, 11 FROM event WHERE position = 11",
			"UPDATE log_head SET position = 11",
		}, []string{"hash 11", "subject 11"}},
		{"another log's id", []string{"UPDATE log_head SET log_id = (SELECT id FROM event WHERE position = 1)"}, []string{"signed 10", "signed 4"}},
		{"stored twice", []string{
			`INSERT INTO event SELECT connection, 11, id, stream, type, schema, occurred_at, recorded_at, actor, causation,
				subject, data, key_hash, hash FROM event WHERE position = 10`,
			"INSERT INTO append_key SELECT connection, hash, 11 FROM event WHERE position = 10",
			"UPDATE log_head SET position = 11",
		}, []string{"added 11"}},
		{"end cut", cut, []string{"signed 0"}},
		{"event and tree", []string{forged, "UPDATE tree_hash SET hashes = ? WHERE first = 0"}, []string{"signed 10", "signed 4", "tree 8"}},
		{"hash of the tree", []string{"UPDATE tree_hash SET hashes = ? WHERE first = 7"}, []string{"tree 6"}},
		{"row of the tree removed", []string{"DELETE FROM tree_hash WHERE first = 0"}, []string{"tree 0"}},
		{"tree's size", []string{"UPDATE tree_hash SET size = 5 WHERE first = 0"}, []string{"tree 5"}},
		{"tree gone", []string{"DELETE FROM tree_hash"}, []string{"tree 0"}},
		{"head's size", []string{"UPDATE tree_head SET size = 5 WHERE size = 4"}, []string{"signed 5"}},
		{"head's text", []string{"UPDATE tree_head SET note = replace(note, 'default', 'other') WHERE size = 4"}, []string{"signed 4"}},
		{"head by another key", []string{"UPDATE tree_head SET note = ? WHERE size = 10"}, []string{"signed 10"}},
		{"event's key", []string{
			"UPDATE event SET key_hash = (SELECT e.key_hash FROM event e WHERE e.position = 5), hash = ? WHERE position = 4",
		}, []string{"subject 4", "tree 4"}},
		{"subject's key of another", []string{`UPDATE subject_key SET wrapped = (SELECT k.wrapped FROM subject_key k
			WHERE k.subject = 'hubspot/contact/2') WHERE subject = 'hubspot/contact/3'`}, []string{"subject 0"}},
		{"subject's key gone", []string{"DELETE FROM subject_key WHERE subject = 'hubspot/contact/3'"}, []string{"subject 0"}},
	}
	eachSealed(t, func(t *testing.T, l *sealedLog) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) { l.damage(t, c.statements, c.want) })
		}
	})
}

// damage does it in a transaction that is then rolled back.
func (l *sealedLog) damage(t *testing.T, statements, want []string) {
	t.Helper()
	undo := errors.New("undo")
	err := l.InTx(t.Context(), func(tx eventstore.Tx) error {
		for _, statement := range statements {
			l.apply(t, tx, statement)
		}
		if found := kinds(l.check(t, within{l.Store, tx})); !slices.Equal(found, want) {
			t.Errorf("found %v, want %v", found, want)
		}
		return undo
	})
	if !errors.Is(err, undo) {
		t.Fatal(err)
	}
}

// apply runs a statement, with what fits in place of its "?".
func (l *sealedLog) apply(t *testing.T, tx eventstore.Tx, statement string) {
	t.Helper()
	var args []any
	switch {
	case !strings.Contains(statement, "?"):
	case strings.HasPrefix(statement, "UPDATE event"):
		plain := strings.Replace(statement, ", hash = ?", "", 1)
		if _, err := tx.Exec(t.Context(), plain); err != nil {
			t.Fatal(err)
		}
		args = append(args, eventstore.HashAt(t, tx, "default", 4))
	case strings.HasPrefix(statement, "UPDATE tree_head"):
		args = append(args, l.byAnotherKey(t))
	case strings.Contains(statement, "first = 0"):
		args = append(args, eventstore.TreeHashes(t, tx, "default", 4))
	default:
		args = append(args, make([]byte, 11*32))
		statement = strings.Replace(statement, "?", "substr(hashes, 1, 64) || substr(cast($1 AS "+
			map[string]string{"sqlite": "BLOB", "postgres": "BYTEA"}[l.Backend()]+"), 1, 32) || substr(hashes, 97)", 1)
		if l.Backend() == "sqlite" {
			statement = strings.Replace(strings.Replace(statement, "substr(hashes, 1", "cast(substr(hashes, 1", 1),
				" WHERE", " AS BLOB) WHERE", 1)
		}
	}
	if _, err := tx.Exec(t.Context(), strings.Replace(statement, "?", "$1", 1), args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (l *sealedLog) byAnotherKey(t *testing.T) string {
	t.Helper()
	head, err := treehead.Parse(l.heads[1])
	if err != nil {
		t.Fatal(err)
	}
	key, err := treehead.NewKey("default", make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := head.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestAHeadHeldElsewhereFindsAForkedLog: who owns the database, and the master key with it, can make a log that is
// right in itself.
func TestAHeadHeldElsewhereFindsAForkedLog(t *testing.T) {
	eachSealed(t, func(t *testing.T, l *sealedLog) {
		for _, statement := range []string{
			"DELETE FROM event WHERE position > 5", "DELETE FROM append_key WHERE position > 5",
			"UPDATE log_head SET position = 5, recorded_at = (SELECT MAX(recorded_at) FROM event)",
			"DELETE FROM tree_hash WHERE size > 5", "DELETE FROM tree_head WHERE size > 5",
		} {
			exec(t, l.Store, statement)
		}
		held := l.heads
		if found := kinds(l.check(t, l.Store)); found != nil {
			t.Fatalf("a log cut with its own heads is right in itself, and yet: %v", found)
		}
		if found := kinds(l.check(t, l.Store, held...)); !slices.Equal(found, []string{"signed 0"}) {
			t.Errorf("a log that was cut: %v", found)
		}
		filled(t, l.Store, 8)
		var err error
		log, _ := l.Log(t.Context(), "default")
		if l.sealer, err = seal.New(seal.Config{DB: l.Store, Log: log}); err != nil {
			t.Fatal(err)
		}
		l.seal(t)
		if found := kinds(l.check(t, l.Store)); found != nil {
			t.Fatalf("a log forged with its own heads is right in itself, and yet: %v", found)
		}
		if found := kinds(l.check(t, l.Store, held...)); !slices.Equal(found, []string{"signed 10"}) {
			t.Errorf("a forked log: %v", found)
		}
		other, err := treehead.Parse(held[0])
		if err != nil {
			t.Fatal(err)
		}
		other.LogID[3]++
		key, _ := treehead.NewKey("default", log.Vault().Secret("tree head key 1"))
		note, err := other.Sign(key)
		if err != nil {
			t.Fatal(err)
		}
		if found := kinds(l.check(t, l.Store, note, "no head", l.byAnotherKey(t))); !slices.Equal(found, []string{"signed 0"}) {
			t.Errorf("heads of elsewhere: %v", found)
		}
	})
}
