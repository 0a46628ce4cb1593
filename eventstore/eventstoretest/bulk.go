package eventstoretest

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/duolog/duolog/eventstore"
)

var itemColumns = []eventstore.Column{
	{Name: "k", Kind: eventstore.Text},
	{Name: "n", Kind: eventstore.Int},
	{Name: "v", Kind: eventstore.Text},
	{Name: "b", Kind: eventstore.Bytes},
}

func itemOp(mode eventstore.BulkMode) eventstore.BulkOp {
	op := eventstore.BulkOp{Mode: mode, Table: "item", Columns: itemColumns, Key: 2}
	if mode == eventstore.Delete {
		op.Columns = itemColumns[:2]
	}
	return op
}

// withItems makes a table with a key of two columns and every kind of value.
func (f *fixture) withItems(t *testing.T) eventstore.Store {
	t.Helper()
	store := f.open(t)
	f.rawExec(t, "CREATE TABLE item (k TEXT NOT NULL, n BIGINT NOT NULL, v TEXT, b "+blobType(store)+
		", PRIMARY KEY (k, n))")
	return store
}

// items makes rows (k0…, n) with values that end in mark.
func items(from, to int, mark string) [][]any {
	rows := make([][]any, 0, to-from)
	for i := from; i < to; i++ {
		rows = append(rows, []any{fmt.Sprintf("k%d", i/10), int64(i), "v" + mark, []byte("b" + mark)})
	}
	return rows
}

func mustBulk(t *testing.T, q eventstore.Querier, op eventstore.BulkOp, rows [][]any) {
	t.Helper()
	if err := q.Bulk(t.Context(), op, rows); err != nil {
		t.Fatalf("bulk: %v", err)
	}
}

// wantItems checks how many rows end in each mark.
func (f *fixture) wantItems(t *testing.T, want map[string]int64) {
	t.Helper()
	total := int64(0)
	for mark, n := range want {
		total += n
		got := f.rawInt(t, "SELECT COUNT(*) FROM item WHERE v = 'v"+mark+"'")
		if got != n {
			t.Errorf("%d rows are marked %q, want %d", got, mark, n)
		}
	}
	if got := f.rawInt(t, "SELECT COUNT(*) FROM item"); got != total {
		t.Errorf("%d rows are there, want %d", got, total)
	}
}

func testBulkInsert(t *testing.T, f *fixture) {
	store := f.withItems(t)
	mustBulk(t, store, itemOp(eventstore.Insert), nil)
	mustBulk(t, store, itemOp(eventstore.Insert), items(0, 1234, "1"))
	f.wantItems(t, map[string]int64{"1": 1234})
	// One key that exists refuses all.
	if err := store.Bulk(t.Context(), itemOp(eventstore.Insert), items(1233, 1300, "2")); err == nil {
		t.Error("inserted over a row")
	}
	f.wantItems(t, map[string]int64{"1": 1234})
}

// testBulkValues inserts few and many rows, which may go different ways, and reads every value back.
func testBulkValues(t *testing.T, f *fixture) {
	store := f.withItems(t)
	for _, n := range []int{3, 1500} {
		rows := make([][]any, n)
		for i := range rows {
			rows[i] = oddItem(n, i)
		}
		mustBulk(t, store, itemOp(eventstore.Insert), rows)
		got := readItems(t, store, fmt.Sprint("n", n))
		for i := range rows {
			if !reflect.DeepEqual(got[i], rows[i]) {
				t.Fatalf("row %d of %d came back as %.60q, want %.60q", i, n, got[i], rows[i])
			}
		}
		// What is refused is refused whole, whatever the reason.
		err := store.Bulk(t.Context(), itemOp(eventstore.Insert), append(items(0, n, "1"), rows[n-1]))
		if err == nil {
			t.Errorf("inserted over a row, behind %d others", n)
		}
	}
	if left := f.rawInt(t, "SELECT COUNT(*) FROM item"); left != 1503 {
		t.Errorf("%d rows are there, want 1503", left)
	}
}

// oddItem makes row i of n, with every kind of value now and then.
func oddItem(n, i int) []any {
	row := []any{fmt.Sprint("n", n), int64(i) - 1, "v", []byte{0, 1, byte(i)}}
	switch {
	case i%500 == 2:
		row[2], row[3] = strings.Repeat("ü", 50_000), bytes.Repeat([]byte{0xff}, 100_000)
	case i%3 == 0:
		row[2], row[3] = nil, nil
	case i%3 == 1:
		row[2], row[3] = "", []byte{}
	}
	return row
}

// readItems returns the rows of a k, by n.
func readItems(t *testing.T, store eventstore.Store, k string) [][]any {
	t.Helper()
	rows, err := store.Query(t.Context(), "SELECT n, v, b FROM item WHERE k = $1 ORDER BY k, n", k)
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) ([]any, error) {
		var (
			n int64
			v *string
			b *[]byte
		)
		if err := r.Scan(&n, &v, &b); err != nil {
			return nil, err
		}
		row := []any{k, n, nil, nil}
		if v != nil {
			row[2] = *v
		}
		if b != nil {
			row[3] = append([]byte{}, *b...)
		}
		return row, nil
	})
	if err != nil {
		t.Fatalf("read items: %v", err)
	}
	return all
}

func testBulkInsertNew(t *testing.T, f *fixture) {
	store := f.withItems(t)
	mustBulk(t, store, itemOp(eventstore.InsertNew), items(0, 100, "1"))
	mustBulk(t, store, itemOp(eventstore.InsertNew), append(items(50, 150, "2"), items(140, 150, "3")...))
	f.wantItems(t, map[string]int64{"1": 100, "2": 50})
}

func testBulkUpsert(t *testing.T, f *fixture) {
	store := f.withItems(t)
	mustBulk(t, store, itemOp(eventstore.Upsert), items(0, 700, "1"))
	mustBulk(t, store, itemOp(eventstore.Upsert), items(300, 1000, "2"))
	mustBulk(t, store, itemOp(eventstore.Upsert), nil)
	f.wantItems(t, map[string]int64{"1": 300, "2": 700})
	if n := f.rawInt(t, "SELECT COUNT(*) FROM item WHERE length(b) = 2"); n != 1000 {
		t.Errorf("%d rows hold their bytes", n)
	}
}

func testBulkDelete(t *testing.T, f *fixture) {
	store := f.withItems(t)
	mustBulk(t, store, itemOp(eventstore.Insert), items(0, 1000, "1"))
	keys := [][]any{{"k0", int64(999)}} // both columns are the key
	for _, row := range items(400, 1100, "") {
		keys = append(keys, row[:2])
	}
	mustBulk(t, store, itemOp(eventstore.Delete), keys)
	mustBulk(t, store, itemOp(eventstore.Delete), nil)
	f.wantItems(t, map[string]int64{"1": 400})
}

// A table of nothing but its key.
func testBulkKeysOnly(t *testing.T, f *fixture) {
	store := f.open(t)
	f.rawExec(t, "CREATE TABLE pair (a BIGINT NOT NULL, b TEXT NOT NULL, PRIMARY KEY (a, b))")
	op := eventstore.BulkOp{Table: "pair", Key: 2, Columns: []eventstore.Column{
		{Name: "a", Kind: eventstore.Int}, {Name: "b", Kind: eventstore.Text},
	}}
	for _, mode := range []eventstore.BulkMode{eventstore.Insert, eventstore.InsertNew, eventstore.Upsert} {
		op.Mode = mode
		mustBulk(t, store, op, [][]any{{int64(mode), "x"}, {int64(mode + 10), "y"}})
	}
	op.Mode = eventstore.Upsert
	mustBulk(t, store, op, [][]any{{int64(0), "x"}})
	op.Mode = eventstore.Delete
	mustBulk(t, store, op, [][]any{{int64(0), "x"}, {int64(1), "y"}})
	if n := f.rawInt(t, "SELECT COUNT(*) FROM pair"); n != 5 {
		t.Errorf("%d rows are there, want 5", n)
	}
}
