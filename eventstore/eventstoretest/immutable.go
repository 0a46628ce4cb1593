package eventstoretest

import (
	"fmt"
	"testing"

	"github.com/duolog/duolog/eventstore"
)

var immutableTests = map[string]func(*testing.T, *fixture){
	"DatabaseRefuses": testDatabaseRefuses,
	"StoreRefuses":    testStoreRefuses,
	"SameForEver":     testSameForEver,
}

// tampering are statements that would change what was appended, by backend; "" is for both.
var tampering = map[string][]string{
	"": {
		"UPDATE event SET actor = 'nobody'",
		"UPDATE event SET data = hash WHERE position = 2",
		"UPDATE event SET position = position + 100",
		"UPDATE event SET recorded_at = 0 WHERE connection = 'acme'",
		"DELETE FROM event",
		"DELETE FROM event WHERE position = 3",
		"UPDATE append_key SET position = 1",
		"DELETE FROM append_key",
		`INSERT INTO event SELECT * FROM event WHERE position = 2
		   ON CONFLICT (connection, position) DO UPDATE SET actor = 'nobody'`,
	},
	backendPostgres: {
		"TRUNCATE event",
		"TRUNCATE event CASCADE",
		"TRUNCATE append_key",
		`MERGE INTO event e USING (VALUES (2)) v(p) ON e.position = v.p WHEN MATCHED THEN DELETE`,
	},
	backendSQLite: {
		"REPLACE INTO event SELECT * FROM event WHERE position = 2",
		"UPDATE OR REPLACE event SET position = 1 WHERE position = 2",
		`INSERT OR REPLACE INTO event SELECT connection, position, id, stream, type, schema, occurred_at, recorded_at,
		   'nobody', causation, subject, data, key_hash, hash FROM event WHERE position = 3`,
		"INSERT OR REPLACE INTO append_key SELECT connection, key, 1 FROM append_key",
		`INSERT OR REPLACE INTO event (rowid, connection, position, id, stream, type, schema, occurred_at, recorded_at,
		   actor, causation, subject, data, key_hash, hash)
		 SELECT 1, connection, position + 100, id, stream, type, schema, occurred_at, recorded_at,
		   actor, causation, subject, data, key_hash, hash FROM event WHERE position = 3`,
	},
}

// Statements past the store, on a connection as any tool would open it.
func testDatabaseRefuses(t *testing.T, f *fixture) {
	f.wantRefused(t, func(statement string) error {
		_, err := f.Raw.ExecContext(t.Context(), statement)
		return err
	})
}

// The same through the store's own connections.
func testStoreRefuses(t *testing.T, f *fixture) {
	store := f.open(t)
	f.wantRefused(t, func(statement string) error {
		_, err := store.Exec(t.Context(), statement)
		return err
	})
}

func (f *fixture) wantRefused(t *testing.T, run func(statement string) error) {
	t.Helper()
	store, log := f.log(t)
	mustAppend(t, log, events("hubspot/contact/1", 5)...)
	before := fmt.Sprint(f.wholeLog(t, log))
	for _, statement := range append(tampering[""], tampering[store.Backend()]...) {
		if run(statement) == nil {
			t.Errorf("not refused: %s", statement)
		}
		if fmt.Sprint(f.wholeLog(t, log)) != before {
			t.Fatalf("changed the log: %s", statement)
		}
	}
}

// wholeLog is every event and the position of every dedupe key.
func (f *fixture) wholeLog(t *testing.T, log eventstore.Log) ([]eventstore.Event, []int64) {
	t.Helper()
	all := mustRead(t, log, 0, 1000)
	return all, []int64{
		f.rawInt(t, "SELECT COALESCE(SUM(position), 0) FROM append_key"),
		f.rawInt(t, "SELECT COUNT(*) FROM append_key"),
	}
}

// What a reader has seen does not change with what is appended later, by whomever.
func testSameForEver(t *testing.T, f *fixture) {
	_, log := f.log(t)
	mustAppend(t, log, events("hubspot/contact/1", 20)...)
	before := mustRead(t, log, 0, 20)
	mustAppend(t, log, events("hubspot/contact/1", 20)...)
	_, again := f.log(t)
	after := mustRead(t, again, 0, 20)
	for i := range before {
		if fmt.Sprint(before[i]) != fmt.Sprint(after[i]) {
			t.Errorf("position %d reads differently now", before[i].Position)
		}
	}
}
