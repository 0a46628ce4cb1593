package postgres_test

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/duolog/duolog/eventstore/eventstoretest"
)

// dumpAndRestore does what the manual says to move a database, and returns the URL of the copy.
func dumpAndRestore(t *testing.T, from string) (to string) {
	t.Helper()
	to = eventstoretest.PostgresURL(t)
	file := filepath.Join(t.TempDir(), "log.dump")
	run(t, from, "pg_dump", "--format=custom", "--file="+file)
	run(t, to, "pg_restore", "--exit-on-error", "--dbname="+database(t, to).Get("PGDATABASE"), file)
	return to
}

// run starts one of PostgreSQL's programs on the database. The password goes by the environment: everybody on the
// machine can see arguments.
func run(t *testing.T, databaseURL, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t, name), args...)
	cmd.Env = os.Environ()
	for key, value := range database(t, databaseURL) {
		cmd.Env = append(cmd.Env, key+"="+value[0])
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// database gives the variables by which PostgreSQL's programs find a database.
func database(t *testing.T, databaseURL string) url.Values {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal("the database has no URL")
	}
	password, _ := u.User.Password()
	v := url.Values{
		"PGHOST": {u.Hostname()}, "PGUSER": {u.User.Username()}, "PGPASSWORD": {password},
		"PGDATABASE": {strings.TrimPrefix(u.Path, "/")},
	}
	if u.Port() != "" {
		v.Set("PGPORT", u.Port())
	}
	if mode := u.Query().Get("sslmode"); mode != "" {
		v.Set("PGSSLMODE", mode)
	}
	return v
}

// program finds a program where the server's lie, the newest first: an older one refuses a newer server.
func program(t *testing.T, name string) string {
	t.Helper()
	const folderVariable = "DUOLOG_TEST_POSTGRES_BIN"
	if folder := os.Getenv(folderVariable); folder != "" {
		return filepath.Join(folder, name)
	}
	var found []string
	for _, folders := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin",
	} {
		some, err := filepath.Glob(filepath.Join(folders, name))
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(some)
		found = append(found, some...)
	}
	if len(found) > 0 {
		return found[len(found)-1]
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed: install PostgreSQL's client programs, or name their folder in %s",
			name, folderVariable)
	}
	return path
}
