package postgres_test

import (
	"context"
	"database/sql"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/eventstore/postgres"
)

func TestMain(m *testing.M) { eventstoretest.Main(m, openAt) }

func openAt(ctx context.Context, url string, o eventstoretest.Options) (eventstore.Store, error) {
	return postgres.OpenWrapped(ctx, postgres.Config{
		URL: url, MasterKey: o.MasterKey, Migrate: true, PollInterval: o.Poll, NoNotify: o.NoNotify, Clock: o.Clock,
	}, wrongForms.Wrap(o))
}

func TestConformance(t *testing.T) {
	eventstoretest.NeedPostgres(t)
	eventstoretest.Run(t, func(t *testing.T) *eventstoretest.Database {
		return databaseAt(t, backends.PostgresURL(t))
	})
}

func databaseAt(t *testing.T, url string) *eventstoretest.Database {
	t.Helper()
	raw, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	raw.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = raw.Close() })
	d := &eventstoretest.Database{
		Open: func(ctx context.Context, o eventstoretest.Options) (eventstore.Store, error) {
			return openAt(ctx, url, o)
		},
		Location:   url,
		Raw:        raw,
		Statements: postgres.Statements(),
		Backup:     func(t *testing.T) *eventstoretest.Database { return databaseAt(t, dumpAndRestore(t, url)) },
	}
	d.AfterCrash = func(t *testing.T) *eventstoretest.Database {
		t.Helper()
		// To the server a client that died is a connection that is gone.
		const kill = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		  WHERE datname = current_database() AND pid <> pg_backend_pid()`
		if _, err := raw.ExecContext(t.Context(), kill); err != nil {
			t.Fatal(err)
		}
		return d
	}
	return d
}
