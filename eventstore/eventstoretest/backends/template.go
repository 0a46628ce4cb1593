package backends

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/postgres"
	"github.com/duolog/duolog/eventstore/sqlite"
	"github.com/duolog/duolog/migrations"
)

// SQLiteFile returns the path of a fresh database in a temporary folder, migrated and without a connection. It is a copy:
// under the race detector migrating takes longer than many a test.
func SQLiteFile(tb testing.TB) string {
	tb.Helper()
	file, err := MigratedFile()
	if err != nil {
		tb.Fatalf("migrate a file to copy: %v", err)
	}
	path := filepath.Join(tb.TempDir(), "duolog.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// MigratedFile returns what is in such a file.
var MigratedFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "duolog-template")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "duolog.db")
	if _, err := sqlite.Migrate(context.Background(), sqlite.Config{Path: path, MasterKey: eventstore.NewMasterKey()}); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// PostgresURL returns the URL of a fresh database of the test's own, migrated and without a connection, dropped when the test
// ends: a copy of one that stays on the server for the migrations it was made with.
func PostgresURL(tb testing.TB) string {
	tb.Helper()
	name, err := migratedDatabase(eventstoretest.NeedPostgres(tb))
	if err != nil {
		tb.Fatalf("migrate a database to copy: %v", err)
	}
	return eventstoretest.PostgresCopy(tb, name)
}

var (
	migrating sync.Mutex
	migrated  = map[string]string{} // by server
)

func migratedDatabase(server string) (string, error) {
	migrating.Lock()
	defer migrating.Unlock()
	if name, ok := migrated[server]; ok {
		return name, nil
	}
	digest := sha256.New()
	files, err := migrations.For("postgres")
	if err == nil {
		err = fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := fs.ReadFile(files, path)
			fmt.Fprintf(digest, "%s %d\n%s", path, len(text), text)
			return err
		})
	}
	name := "duolog_template_" + hex.EncodeToString(digest.Sum(nil)[:8])
	if err == nil {
		err = makeTemplate(context.Background(), server, name)
	}
	if err == nil {
		migrated[server] = name
	}
	return name, err
}

// makeTemplate makes the database unless it is there. One that takes connections was left half made. Packages are tested side
// by side, so one waits for the other.
func makeTemplate(ctx context.Context, server, name string) error {
	u, err := url.Parse(server)
	if err != nil {
		return err
	}
	u.Path = "/" + name
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // and with it goes the lock
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", name); err != nil {
		return err
	}
	var made bool
	err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND NOT datallowconn)", name).Scan(&made)
	if err != nil || made {
		return err
	}
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + name + " WITH (FORCE)", "CREATE DATABASE " + name + " TEMPLATE template0"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	if _, err := postgres.Migrate(ctx, postgres.Config{URL: u.String(), MasterKey: eventstore.NewMasterKey()}); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false")
	return err
}
