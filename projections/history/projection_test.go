package history_test

import (
	"fmt"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/history"
	"github.com/duolog/duolog/projections/internal/logtest"
)

func TestRowsDoNotDependOnHowTheLogIsCut(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			backends.Each(t, func(t *testing.T, store eventstore.Store) {
				logtest.SameRows(t, store, history.Projection{}, seed, dump)
			})
		})
	}
}

func dump(tb testing.TB, store eventstore.Store, log eventstore.Log) []string {
	tb.Helper()
	version, err := projections.Live(tb.Context(), store, log.Connection(), history.Name)
	if err != nil {
		tb.Fatalf("live version: %v", err)
	}
	rows, err := store.Query(tb.Context(), `SELECT owner, position, type, input FROM history_entry
		WHERE connection = $1 AND version = $2`, log.Connection(), version)
	all, err := eventstore.Scan(rows, err, func(row eventstore.Rows) (string, error) {
		var (
			owner, kind     string
			position, input int64
		)
		err := row.Scan(&owner, &position, &kind, &input)
		return fmt.Sprint(owner, " ", position, " ", kind, " ", input), err
	})
	if err != nil {
		tb.Fatalf("read rows: %v", err)
	}
	return all
}
