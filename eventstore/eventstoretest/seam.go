package eventstoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/duolog/duolog/eventstore"
)

var seamTests = map[string]func(*testing.T, *fixture){
	"Values":         testValues,
	"BulkInsert":     testBulkInsert,
	"BulkValues":     testBulkValues,
	"BulkInsertNew":  testBulkInsertNew,
	"BulkUpsert":     testBulkUpsert,
	"BulkDelete":     testBulkDelete,
	"BulkKeysOnly":   testBulkKeysOnly,
	"QueryKeys":      testQueryKeys,
	"Rollback":       testRollback,
	"PanicInTx":      testPanicInTx,
	"CancelledTx":    testCancelledTx,
	"Snapshot":       testSnapshot,
	"ReadersInTx":    testReadersInTx,
	"Retry":          testRetry,
	"LostUpdate":     testLostUpdate,
	"AbandonedQuery": testAbandonedQuery,
}

// Every kind of value goes in and comes out, on its own and set-wise, with placeholders in any order.
func testValues(t *testing.T, f *fixture) {
	store := f.withItems(t)
	n, err := store.Exec(t.Context(), "INSERT INTO item (v, k, n, b) VALUES ($2, $1, $3, $4)",
		"key ✓", "'; DROP TABLE item --", int64(-1<<62), []byte{0, 1, 0xff})
	if err != nil || n != 1 {
		t.Fatalf("insert changed %d rows, error %v", n, err)
	}
	mustBulk(t, store, itemOp(eventstore.Insert), [][]any{
		{"nothing", int64(2), nil, nil},
		{"quoted \",{}\\ NULL", int64(3), "NULL", []byte{}},
		{"", int64(1<<63 - 1), "", []byte{0}},
	})
	type row struct {
		k    string
		n    int64
		v    string
		b    []byte
		null bool
	}
	rows, err := store.Query(t.Context(), `SELECT k, n, COALESCE(v, 'none'), b, CASE WHEN b IS NULL THEN 1 ELSE 0 END
		FROM item WHERE n <> $1 ORDER BY n`, int64(0))
	got, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (x row, err error) {
		return x, r.Scan(&x.k, &x.n, &x.v, &x.b, &x.null)
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []row{
		{"key ✓", -1 << 62, "'; DROP TABLE item --", []byte{0, 1, 0xff}, false},
		{"nothing", 2, "none", nil, true},
		{"quoted \",{}\\ NULL", 3, "NULL", nil, false},
		{"", 1<<63 - 1, "", []byte{0}, false},
	}
	for i := range want {
		if i >= len(got) || got[i].k != want[i].k || got[i].n != want[i].n || got[i].v != want[i].v ||
			!bytes.Equal(got[i].b, want[i].b) || got[i].null != want[i].null {
			t.Errorf("row %d of %+v, want %+v", i, got, want[i])
		}
	}
	f.testBool(t, store)
}

// A bool is stored as 0 or 1.
func (f *fixture) testBool(t *testing.T, store eventstore.Store) {
	t.Helper()
	for k, b := range map[string]bool{"yes": true, "no": false} {
		if _, err := store.Exec(t.Context(), "INSERT INTO item (k, n) VALUES ($1, $2)", k, b); err != nil {
			t.Fatalf("insert %v: %v", b, err)
		}
		rows, err := store.Query(t.Context(), "SELECT n, n FROM item WHERE k = $1 AND n = $2", k, b)
		got, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (got bool, err error) {
			var n int64
			err = r.Scan(&got, &n)
			if (n == 1) != b {
				t.Errorf("%v is stored as %d", b, n)
			}
			return got, err
		})
		if err != nil || len(got) != 1 || got[0] != b {
			t.Errorf("%v came back as %v, error %v", b, got, err)
		}
	}
}

func testQueryKeys(t *testing.T, f *fixture) {
	store := f.withItems(t)
	mustBulk(t, store, itemOp(eventstore.Insert), items(0, 4000, "1"))
	mustBulk(t, store, itemOp(eventstore.Insert), [][]any{{"bytes", int64(-1), "v2", []byte{0, 0xff}}})
	numbers, words := make([]int64, 3000), make([]string, 3000)
	for i := range numbers {
		numbers[i], words[i] = int64(2*i), fmt.Sprintf("k%d", i)
	}
	for _, q := range []eventstore.Querier{store, nil} {
		run := func(q eventstore.Querier) error {
			count := func(want int, query string, keys any, args ...any) {
				t.Helper()
				rows, err := q.QueryKeys(t.Context(), query, keys, args...)
				got, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (n int64, err error) { return n, r.Scan(&n) })
				if err != nil || len(got) != want {
					t.Errorf("%T of %d rows gave %d, error %v", keys, want, len(got), err)
				}
			}
			count(0, "SELECT n FROM item WHERE n IN ($keys)", []int64{})
			count(0, "SELECT n FROM item WHERE n IN ($keys)", []int64(nil))
			count(1, "SELECT n FROM item WHERE n IN ($keys)", []int64{17})
			count(1, "SELECT n FROM item WHERE n IN ($keys)", []int64{17, 17})
			count(1, "SELECT COUNT(*) FROM item WHERE n IN ($keys)", []int64{17, 18})
			count(2000, "SELECT n FROM item WHERE n IN ($keys)", numbers)
			count(1000, "SELECT n FROM item WHERE n < $2 AND v = $1 AND n IN ($keys)", numbers, "v1", int64(2000))
			count(0, "SELECT n FROM item WHERE k IN ($keys)", []string{})
			count(4000, "SELECT n FROM item WHERE k IN ($keys)", words)
			count(10, "SELECT n FROM item WHERE v = $1 AND k IN ($keys) AND n >= $2", []string{"k7", "none"}, "v1", int64(0))
			count(1, "SELECT n FROM item WHERE b IN ($keys)", [][]byte{{0, 0xff}, {7}})
			count(0, "SELECT n FROM item WHERE b IN ($keys)", [][]byte{})
			return nil
		}
		if q != nil {
			_ = run(q)
		} else if err := store.InTx(t.Context(), func(tx eventstore.Tx) error { return run(tx) }); err != nil {
			t.Fatal(err)
		}
	}
}

func testRollback(t *testing.T, f *fixture) {
	store := f.withItems(t)
	err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
		mustBulk(t, tx, itemOp(eventstore.Insert), items(0, 10, "1"))
		rows, err := tx.Query(t.Context(), "SELECT n FROM item")
		own, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (n int64, err error) { return n, r.Scan(&n) })
		if len(own) != 10 {
			t.Errorf("a transaction sees %d of its own 10 rows", len(own))
		}
		return errors.Join(err, errOnPurpose)
	})
	wantError(t, "the transaction", err, errOnPurpose)
	f.wantItems(t, nil)
	if _, err := store.Exec(t.Context(), "INSERT INTO nowhere VALUES (1)"); err == nil {
		t.Error("a statement with a fault was no error")
	}
	mustBulk(t, store, itemOp(eventstore.Insert), items(0, 10, "2"))
	f.wantItems(t, map[string]int64{"2": 10})
}

// A fault in the caller must not keep the transaction, and with it the only writer, for ever.
func testPanicInTx(t *testing.T, f *fixture) {
	store := f.withItems(t)
	for range 20 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = store.InTx(t.Context(), func(tx eventstore.Tx) error {
				mustBulk(t, tx, itemOp(eventstore.Insert), items(0, 10, "1"))
				panic("on purpose")
			})
		}()
	}
	if err := store.Bulk(soon(t), itemOp(eventstore.Insert), items(0, 10, "2")); err != nil {
		t.Fatal(err)
	}
	f.wantItems(t, map[string]int64{"2": 10})
}

func testCancelledTx(t *testing.T, f *fixture) {
	store := f.withItems(t)
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		err := store.InTx(ctx, func(tx eventstore.Tx) error {
			if err := tx.Bulk(ctx, itemOp(eventstore.Insert), items(0, 10, "1")); err != nil {
				return err
			}
			cancel()
			return ctx.Err()
		})
		wantError(t, "the transaction", err, context.Canceled)
	}
	if err := store.Bulk(soon(t), itemOp(eventstore.Insert), items(0, 10, "2")); err != nil {
		t.Fatal(err)
	}
	f.wantItems(t, map[string]int64{"2": 10})
}

// A read transaction sees the moment at which it began, whatever is committed before it looks or meanwhile, and cannot
// write.
func testSnapshot(t *testing.T, f *fixture) {
	store := f.withItems(t)
	mustBulk(t, store, itemOp(eventstore.Insert), items(0, 10, "1"))
	count := func(q eventstore.Querier) int {
		rows, err := q.Query(t.Context(), "SELECT n FROM item")
		got, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (n int64, err error) { return n, r.Scan(&n) })
		if err != nil {
			t.Error(err)
		}
		return len(got)
	}
	err := store.ReadTx(t.Context(), func(q eventstore.Querier) error {
		mustBulk(t, store, itemOp(eventstore.Insert), items(10, 20, "2"))
		before := count(q)
		mustBulk(t, store, itemOp(eventstore.Insert), items(20, 30, "2"))
		if after := count(q); before != 10 || after != 10 {
			t.Errorf("a snapshot shows %d rows, then %d", before, after)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = store.ReadTx(t.Context(), func(q eventstore.Querier) error {
		_, err := q.Exec(t.Context(), "DELETE FROM item")
		return err
	})
	if err == nil {
		t.Error("a read transaction wrote")
	}
	f.wantItems(t, map[string]int64{"1": 10, "2": 20})
}

// While a transaction is open, others read and see what was there before.
func testReadersInTx(t *testing.T, f *fixture) {
	store, log := f.log(t)
	mustAppend(t, log, event("hubspot/contact/1"))
	ctx := soon(t)
	err := store.InTx(ctx, func(tx eventstore.Tx) error {
		if _, err := tx.Append(ctx, log, event("hubspot/contact/1")); err != nil {
			return err
		}
		var work sync.WaitGroup
		for range 12 {
			work.Go(func() {
				if got, err := log.Read(ctx, 0, 10); err != nil || len(got) != 1 {
					t.Errorf("read %d events beside an open transaction, error %v", len(got), err)
				}
			})
		}
		work.Wait()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A serialization failure and a deadlock run the transaction again; any other failure does not.
func testRetry(t *testing.T, f *fixture) {
	store := f.withItems(t)
	if store.Backend() == backendPostgres {
		for _, code := range []string{"40001", "40P01"} {
			runs := 0
			err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
				runs++
				mustBulk(t, tx, itemOp(eventstore.Insert), items(0, 1, code))
				if runs < 3 {
					_, err := tx.Exec(t.Context(), "DO $$ BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '"+code+"'; END $$")
					return fmt.Errorf("wrapped: %w", err)
				}
				return nil
			})
			if err != nil || runs != 3 {
				t.Errorf("%s: %d runs, error %v", code, runs, err)
			}
			f.wantItems(t, map[string]int64{code: 1})
			f.rawExec(t, "DELETE FROM item")
		}
	}
	runs := 0
	err := store.InTx(t.Context(), func(eventstore.Tx) error {
		runs++
		return errOnPurpose
	})
	wantError(t, "the transaction", err, errOnPurpose)
	if runs != 1 {
		t.Errorf("a failure of the caller's own ran %d times", runs)
	}
}

// Transactions of two processes that take the same rows in opposite order, or the one writer there is, all commit in
// the end, and none overwrites another's work.
func testLostUpdate(t *testing.T, f *fixture) {
	one, two := f.withItems(t), f.open(t)
	mustBulk(t, one, itemOp(eventstore.Insert), [][]any{{"a", int64(0), "0", nil}, {"b", int64(0), "0", nil}})
	const increment = "UPDATE item SET v = CAST(CAST(v AS BIGINT) + 1 AS TEXT) WHERE k = $1"
	ctx := soon(t)
	var work sync.WaitGroup
	for w, store := range []eventstore.Store{one, two, one, two} {
		first, second := "a", "b"
		if w%2 == 1 {
			first, second = second, first
		}
		work.Go(func() {
			for range 5 {
				err := store.InTx(ctx, func(tx eventstore.Tx) error {
					for _, k := range []string{first, second} {
						if _, err := tx.Exec(ctx, increment, k); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Errorf("transaction: %v", err)
				}
			}
		})
	}
	work.Wait()
	if n := f.rawInt(t, "SELECT MIN(CAST(v AS BIGINT)) + MAX(CAST(v AS BIGINT)) FROM item"); n != 40 {
		t.Errorf("the sum is %d, want 40", n)
	}
}

// Result sets that are not read to the end, as after an error, do not use up the connections.
func testAbandonedQuery(t *testing.T, f *fixture) {
	store := f.withItems(t)
	mustBulk(t, store, itemOp(eventstore.Insert), items(0, 1000, "1"))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 100 {
		rows, err := store.QueryKeys(ctx, "SELECT n FROM item WHERE v IN ($keys)", []string{"v1"})
		if err != nil {
			t.Fatal(err)
		}
		if !rows.Next() {
			t.Fatalf("no row, error %v", rows.Err())
		}
		for range 2 {
			if err := rows.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	}
	ended, cancelNow := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancelNow()
	if _, err := store.Query(ended, "SELECT 1"); err == nil {
		t.Error("a query for a caller who has left was answered")
	}
}
