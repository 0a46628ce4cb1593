package operations

import (
	"fmt"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/internal/logtest"
)

func TestRowsDoNotDependOnHowTheLogIsCut(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			backends.Each(t, func(t *testing.T, store eventstore.Store) {
				logtest.SameRowsOf(t, store, Projection{}, seed, dump, (*logtest.Generator).NextOfOperations)
			})
		})
	}
}

// dump lists every row of the live version.
func dump(tb testing.TB, store eventstore.Store, log eventstore.Log) []string {
	tb.Helper()
	version, err := projections.Live(tb.Context(), store, log.Connection(), Name)
	if err != nil {
		tb.Fatalf("live version: %v", err)
	}
	var out []string
	for _, o := range all(tb, store, log, version, `SELECT `+operationColumns+` FROM operation`, scanOperation) {
		out = append(out, fmt.Sprintf("operation %+v", *o))
	}
	for _, p := range all(tb, store, log, version, `SELECT `+planColumns+` FROM operation_plan`, scanPlan) {
		out = append(out, fmt.Sprintf("plan %+v", *p))
	}
	for _, query := range []string{
		`SELECT operation, '', position FROM operation_page`, `SELECT operation, contact, position FROM operation_skipped`,
	} {
		out = append(out, all(tb, store, log, version, query, func(r eventstore.Rows) (string, error) {
			var s skip
			var position int64
			err := r.Scan(&s.operation, &s.contact, &position)
			return fmt.Sprint(query[:20], s, position), err
		})...)
	}
	return out
}

func all[T any](
	tb testing.TB, store eventstore.Store, log eventstore.Log, version int64, query string,
	scan func(eventstore.Rows) (T, error),
) []T {
	tb.Helper()
	rows, err := store.Query(tb.Context(), query+` WHERE connection = $1 AND version = $2`, log.Connection(), version)
	found, err := eventstore.Scan(rows, err, scan)
	if err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
	return found
}

// TestPlanRows: rows come back as they were stored, in pages, with their digest; a sample lies sealed.
func TestPlanRows(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log, err := store.Log(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		id := domain.DeriveID(logtest.New(1).Next(0).ID, "plan", "", 0)
		var rows []Row
		made := NewSeal()
		for n := range int64(5) {
			r := Row{N: n, Contact: id, Digest: fmt.Sprint("d", n), What: What{Create: domain.Aloware, Fields: []string{"city"}}}
			if n == 1 {
				r.Subject, r.Sample = "hubspot/contact/1", &Sample{Person: "Ann", Field: "city", Before: "Paris", After: "Rome"}
			}
			made.Add(r)
			rows = append(rows, r)
		}
		if err := store.InTx(t.Context(), func(tx eventstore.Tx) error { return InsertRows(t.Context(), tx, log, id, rows) }); err != nil {
			t.Fatal(err)
		}
		read, found := NewSeal(), 0
		for from := int64(0); from < 5; from += 2 {
			page, err := Rows(t.Context(), store, log, id.String(), from, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page {
				found++
				read.Add(r)
				if r.N == 1 && (r.Sample == nil || r.Sample.After != "Rome") {
					t.Errorf("sample %+v", r.Sample)
				}
			}
		}
		if found != 5 || read.Sum() != made.Sum() {
			t.Errorf("%d rows with digest %s, stored were 5 with %s", found, read.Sum(), made.Sum())
		}
		for before, want := range map[int64]int{1: 0, 2: 1, 5: 1} {
			if some, err := Samples(t.Context(), store, log, id.String(), before, 2); err != nil || len(some) != want {
				t.Errorf("%d samples before %d, want %d, %v", len(some), before, want, err)
			} else if want > 0 && (some[0].N != 1 || some[0].Sample.After != "Rome") {
				t.Errorf("sample %+v", some[0])
			}
		}
		for _, want := range []int64{3, 2, 0} {
			if n, err := DeleteRows(t.Context(), store, "acme", id, 3); err != nil || n != want {
				t.Errorf("removed %d, %v; want %d", n, err, want)
			}
		}
	})
}
