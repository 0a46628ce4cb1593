package state

import (
	"fmt"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

// Records are found by their stream and by their contact without a look at others, in a table that grew a moment ago:
// nothing has analysed it, and every version of every connection looks alike to the server.
func TestRecordsFoundByTheirIndex(t *testing.T) {
	const n = 4000
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		if store.Backend() != "postgres" {
			return // SQLite counts nothing; it plans with estimates of its own, which its package tests
		}
		s := Store{Connection: "acme", Version: 1}
		err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
			_, err := tx.Exec(t.Context(), fmt.Sprintf(`INSERT INTO outbound_record
				SELECT 'acme', 1, 'hubspot/contact/' || i, 'contact/' || i, '', '{}', '' FROM generate_series(1, %d) i`, n))
			for i := 0; i < 100 && err == nil; i++ {
				for column, key := range map[string]string{"record": "hubspot/contact/%d", "contact": "contact/%d"} {
					var found []row
					found, err = s.records(t.Context(), tx, column, []string{fmt.Sprintf(key, 7*i+1)})
					if err == nil && len(found) != 1 {
						err = fmt.Errorf("%d rows by %s", len(found), column)
					}
				}
			}
			if err != nil {
				return err
			}
			rows, err := tx.Query(t.Context(), `SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_xact_user_tables
				WHERE relname = 'outbound_record'`)
			read, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (n int64, err error) { return n, r.Scan(&n) })
			if err == nil && read[0] > 2*200 {
				t.Errorf("%d rows were read for 200", read[0])
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
