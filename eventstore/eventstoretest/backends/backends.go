// Package backends gives tests a fresh store on each backend.
package backends

import (
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/postgres"
	"github.com/duolog/duolog/eventstore/sqlite"
)

// Each runs fn as a subtest on a fresh, migrated store of each backend.
func Each(t *testing.T, fn func(t *testing.T, store eventstore.Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, Postgres(t)) })
}

// SQLite opens a fresh database in a temporary folder; it is closed when the test ends.
func SQLite(tb testing.TB) eventstore.Store {
	tb.Helper()
	return Keyed(tb, "sqlite", eventstore.NewMasterKey())
}

// Postgres opens a fresh database on the server of DUOLOG_TEST_DATABASE_URL; it is closed and dropped when the test
// ends.
func Postgres(tb testing.TB) eventstore.Store {
	tb.Helper()
	return Keyed(tb, "postgres", eventstore.NewMasterKey())
}

// Keyed is SQLite or Postgres under a master key of the test's own.
func Keyed(tb testing.TB, backend string, key eventstore.MasterKey) eventstore.Store {
	tb.Helper()
	if backend == "sqlite" {
		store, err := sqlite.Open(tb.Context(), sqlite.Config{
			Path: SQLiteFile(tb), MasterKey: key,
		})
		return opened(tb, store, err)
	}
	store, err := postgres.Open(tb.Context(), postgres.Config{
		URL: PostgresURL(tb), MasterKey: key,
	})
	return opened(tb, store, err)
}

func opened(tb testing.TB, store eventstore.Store, err error) eventstore.Store {
	tb.Helper()
	if err != nil {
		tb.Fatalf("open: %v", err)
	}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return store
}
