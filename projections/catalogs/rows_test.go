package catalogs

import (
	"fmt"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/internal/logtest"
)

func TestRowsDoNotDependOnHowTheLogIsCut(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			backends.Each(t, func(t *testing.T, store eventstore.Store) {
				logtest.SameRowsOf(t, store, Projection{}, seed, dump, (*logtest.Generator).NextOfCatalogs)
			})
		})
	}
}

// dump lists every row of the live version, bodies opened.
func dump(tb testing.TB, store eventstore.Store, log eventstore.Log) []string {
	tb.Helper()
	version, err := projections.Live(tb.Context(), store, log.Connection(), Name)
	if err != nil {
		tb.Fatalf("live version: %v", err)
	}
	var out []string
	entries := all(tb, store, log, version, `SELECT `+entryColumns+` FROM catalog_entry`, scanEntry)
	deals := all(tb, store, log, version, `SELECT `+dealColumns+` FROM catalog_deal`, scanDeal)
	r := NewReader(store, log)
	for purpose, rows := range map[string][]*row{purposeEntry: entries, purposeDeal: deals} {
		opened, err := r.open(tb.Context(), purpose, rows)
		if err != nil {
			tb.Fatalf("open %s: %v", purpose, err)
		}
		for i, e := range opened {
			w := rows[i]
			out = append(out, fmt.Sprintf("%s %s %q %x %s %d %d %d %+v", purpose, w.key, w.hubspot, w.match, w.subject, w.first, w.changed,
				w.gone, shown(e)))
		}
	}
	for _, p := range all(tb, store, log, version, `SELECT `+pullColumns+` FROM catalog_pull`, scanPull) {
		out = append(out, fmt.Sprintf("pull %+v", *p))
	}
	return out
}

func shown(e Entry) string {
	deal := ""
	if e.Deal != nil {
		deal = fmt.Sprint(*e.Deal)
		e.Deal = nil
	}
	return fmt.Sprint(e.ID, e.CatalogEntry, deal, e.Position, e.Erased)
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
