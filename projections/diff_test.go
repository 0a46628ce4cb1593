package projections_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections"
)

// entries is a table with a key of two columns behind connection and version.
var entries = projections.Table{Name: "history_entry", Key: 4, Columns: []eventstore.Column{
	projections.Text("connection"), projections.Int("version"), projections.Text("owner"), projections.Int("position"),
	projections.Text("type"), projections.Int("input"),
}}

// TestCompareManyRows: more rows than are compared at once, of which some are in one version only or differ, wherever a
// stretch ends; a version may also be empty.
func TestCompareManyRows(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log, err := store.Log(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		want, rows := projections.TableDiff{}, [][]any(nil)
		row := func(version int64, n int, kind string) {
			rows = append(rows, []any{"default", version, fmt.Sprintf("hubspot/contact/%d", n%7), int64(n), kind, int64(0)})
		}
		rnd := rand.New(rand.NewPCG(3, 1))
		for n := range 4500 {
			switch rnd.IntN(4) {
			case 0:
				want.Added++
				row(2, n, "x")
			case 1:
				want.Removed++
				row(1, n, "x")
			case 2:
				want.Changed++
				row(1, n, "x")
				row(2, n, "y")
			default:
				want.Same++
				row(1, n, "x")
				row(2, n, "x")
			}
		}
		op := eventstore.BulkOp{Mode: eventstore.Insert, Table: entries.Name, Columns: entries.Columns, Key: entries.Key}
		if err := store.InTx(t.Context(), func(tx eventstore.Tx) error { return tx.Bulk(t.Context(), op, rows) }); err != nil {
			t.Fatal(err)
		}
		all := func(d projections.TableDiff) [4]int64 { return [4]int64{d.Same, d.Added, d.Removed, d.Changed} }
		for versions, want := range map[[2]int64][4]int64{
			{1, 2}: all(want), {2, 1}: {want.Same, want.Removed, want.Added, want.Changed},
			{1, 3}: {0, 0, want.Same + want.Removed + want.Changed, 0}, {3, 2}: {0, want.Same + want.Added + want.Changed, 0, 0},
		} {
			got, err := entries.Compare(t.Context(), store, log.Vault(), "default", versions[0], versions[1])
			if err != nil || all(got) != want || len(got.First) != projections.FirstRows {
				t.Errorf("version %d with %d: %+v, want %v: %v", versions[0], versions[1], got, want, err)
			}
		}
	})
}
