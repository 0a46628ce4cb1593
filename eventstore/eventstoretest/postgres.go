package eventstoretest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// databaseURL names the environment variable with the URL of a PostgreSQL server on which tests may make databases.
const databaseURL = "DUOLOG_TEST_DATABASE_URL"

// PostgresURL returns the URL of a fresh, empty database of the test's own, dropped when the test ends. The test
// fails when there is no server to make it on.
func PostgresURL(tb testing.TB) string {
	tb.Helper()
	// template0 is the one template nobody can be connected to, so creations do not get in each other's way.
	return PostgresCopy(tb, "template0")
}

// PostgresCopy is PostgresURL of a copy of a database that takes no connections.
func PostgresCopy(tb testing.TB, template string) string {
	tb.Helper()
	server := NeedPostgres(tb)
	u, err := url.Parse(server)
	if err != nil || u.Host == "" {
		tb.Fatalf("%s is not a URL of the form postgres://user@host:port/database", databaseURL)
	}
	name := "duolog_test_" + randomHex(tb)
	execOn(tb, server, "CREATE DATABASE "+name+" TEMPLATE "+template)
	tb.Cleanup(func() { execOn(tb, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	u.Path = "/" + name
	return u.String()
}

// NeedPostgres returns the URL of the server on which tests make their databases, and fails the test when there is
// none: called before subtests, it fails once for all of them.
func NeedPostgres(tb testing.TB) string {
	tb.Helper()
	server := os.Getenv(databaseURL)
	if server == "" {
		tb.Fatalf("PostgreSQL tests need %s: run make test", databaseURL)
	}
	return server
}

// execOn runs one statement on a connection of its own.
func execOn(tb testing.TB, server, statement string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		tb.Fatalf("connect to the server of %s: %v", databaseURL, err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		tb.Fatalf("%s: %v", statement, err)
	}
}

func randomHex(tb testing.TB) string {
	tb.Helper()
	b := make([]byte, 8)
	if _, err := rand.Read(b); err != nil {
		tb.Fatalf("random bytes: %v", err)
	}
	return hex.EncodeToString(b)
}
