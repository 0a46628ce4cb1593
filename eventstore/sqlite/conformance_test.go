package sqlite_test

import (
	"context"
	"database/sql"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/eventstore/sqlite"
)

func TestMain(m *testing.M) { eventstoretest.Main(m, openAt) }

func openAt(ctx context.Context, path string, o eventstoretest.Options) (eventstore.Store, error) {
	return sqlite.OpenWrapped(ctx, sqlite.Config{
		Path: path, MasterKey: o.MasterKey, Migrate: true, PollInterval: o.Poll, Clock: o.Clock,
	}, wrongForms.Wrap(o))
}

func TestConformance(t *testing.T) {
	eventstoretest.Run(t, func(t *testing.T) *eventstoretest.Database {
		return databaseAt(t, backends.SQLiteFile(t))
	})
}

func databaseAt(t *testing.T, path string) *eventstoretest.Database {
	t.Helper()
	// As common tools open it: with no pragma of ours but patience.
	raw, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	return &eventstoretest.Database{
		Open: func(ctx context.Context, o eventstoretest.Options) (eventstore.Store, error) {
			return openAt(ctx, path, o)
		},
		Location:   path,
		Raw:        raw,
		Files:      []string{path + "*"},
		Statements: sqlite.Statements(),
		Backup: func(t *testing.T) *eventstoretest.Database {
			t.Helper()
			there := filepath.Join(t.TempDir(), "restored.db")
			if _, err := raw.ExecContext(t.Context(), "VACUUM INTO ?", there); err != nil {
				t.Fatalf("back up: %v", err)
			}
			return databaseAt(t, there)
		},
		AfterCrash: func(t *testing.T) *eventstoretest.Database {
			t.Helper()
			there := filepath.Join(t.TempDir(), "duolog.db")
			// While a reader has its snapshot, the write-ahead log does not begin anew: copied after the file, it
			// holds whatever a checkpoint may have half written there.
			reader, err := raw.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = reader.Rollback() }()
			if err := reader.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM event").Scan(new(int)); err != nil {
				t.Fatal(err)
			}
			copyFile(t, path, there)
			copyFile(t, path+"-wal", there+"-wal")
			return databaseAt(t, there)
		},
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
