package contacts

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

// What an email, a phone or a name means is looked up without a look at others, in tables that grew a moment ago:
// nothing has analysed them, and every version of every connection looks alike to the server. However many have a
// word, no more than are shown are read.
func TestKeysFoundByTheirIndex(t *testing.T) {
	const n, often = 1000, 8 // so many that a plan for any parameters is made on the way
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
			if err := fillKeys(t.Context(), tx, n); err != nil {
				return err
			}
			watched := watched{tx, store.Backend(), t}
			rows := rows{q: watched, connection: "acme", version: 1}
			for _, look := range []struct {
				keys  []string
				found int
			}{{[]string{"7"}, 1}, {[]string{"all"}, maxFound}, {[]string{"7", "all"}, 1}, {[]string{"7", "8"}, 0}} {
				var keys [][]byte
				for _, key := range look.keys {
					keys = append(keys, []byte(key))
				}
				before, err := watched.touched(t.Context())
				for i := 0; i < often && err == nil; i++ {
					var found []string
					found, err = rows.having(t.Context(), keys...)
					if err == nil && len(found) != look.found {
						err = fmt.Errorf("%d contacts have %v, want %d", len(found), look.keys, look.found)
					}
				}
				if err != nil {
					return err
				}
				after, err := watched.touched(t.Context())
				if err != nil {
					return err
				}
				if read, most := (after-before)/often, int64(2*look.found+2); read > most {
					t.Errorf("%d rows are read for %v, want at most %d", read, look.keys, most)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// fillKeys gives n records a key of their own and one that all have.
func fillKeys(ctx context.Context, q eventstore.Querier, n int) error {
	var records, keys [][]any
	for i := range n {
		record := fmt.Sprintf("hubspot/contact/%d", i)
		records = append(records, []any{"acme", int64(1), record, fmt.Sprint("contact ", i), "", int64(0), int64(0), []byte{}, int64(1)})
		keys = append(keys, []any{"acme", int64(1), []byte(fmt.Sprint(i)), record}, []any{"acme", int64(1), []byte("all"), record})
	}
	if err := q.Bulk(ctx, recordTable.Op(eventstore.Insert), records); err != nil {
		return err
	}
	return q.Bulk(ctx, keyTable.Op(eventstore.Insert), keys)
}

// watched looks at what queries read.
type watched struct {
	eventstore.Querier
	backend string
	t       *testing.T
}

// touched is how many rows PostgreSQL has read of both tables in this transaction. SQLite counts nothing.
func (w watched) touched(ctx context.Context) (int64, error) {
	if w.backend != "postgres" {
		return 0, nil
	}
	rows, err := w.Querier.Query(ctx, `SELECT SUM(idx_tup_fetch + seq_tup_read) FROM pg_stat_xact_user_tables
		WHERE relname IN ('contact_key', 'contact_record')`)
	n, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (n int64, err error) { return n, r.Scan(&n) })
	if err != nil {
		return 0, err
	}
	return n[0], nil
}

// Query wants every step of SQLite's plan to go by all columns of an index up to a key or a record.
func (w watched) Query(ctx context.Context, query string, args ...any) (eventstore.Rows, error) {
	if w.backend == "postgres" {
		return w.Querier.Query(ctx, query, args...)
	}
	rows, err := w.Querier.Query(ctx, "EXPLAIN QUERY PLAN "+query, args...)
	plan, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (step string, err error) {
		var id, parent, unused int64
		return step, r.Scan(&id, &parent, &unused, &step)
	})
	if err != nil {
		return nil, err
	}
	for _, step := range plan {
		if !strings.Contains(step, "key=?") && !strings.Contains(step, "record=?") && !strings.Contains(step, "SCALAR SUBQUERY") {
			w.t.Errorf("%q in the plan of %s", step, query)
		}
	}
	return w.Querier.Query(ctx, query, args...)
}
