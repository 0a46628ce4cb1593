package main

import (
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore/eventstoretest"
)

// TestMigrateNamesTheRole: who migrates as a role that only serves, or leaves out the role that serves, reads what is so and
// what to do.
func TestMigrateNamesTheRole(t *testing.T) {
	t.Parallel()
	owner, role := eventstoretest.PostgresURL(t), "app_"+strings.ToLower(ulid.Make().String())
	conn, err := pgx.Connect(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	do := func(statement string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	do("CREATE ROLE " + role + " LOGIN PASSWORD 'app'")
	defer func() {
		do("DROP OWNED BY " + role)
		do("DROP ROLE " + role)
		_ = conn.Close(t.Context())
	}()
	mine, err := url.Parse(owner)
	if err != nil {
		t.Fatal(err)
	}
	mine.User = url.UserPassword(role, "app")
	says := func(as string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "duolog", append([]string{"migrate"}, args...)...)
		cmd.Env = append(os.Environ(), "DUOLOG_DATABASE_URL="+as, "DUOLOG_DATA="+t.TempDir())
		var errs strings.Builder
		cmd.Stderr = &errs
		_ = cmd.Run() // how it ends is in what it says
		return strings.Join(strings.Fields(errs.String()), " ")
	}
	const advice = "hint: as the owner of the tables, duolog migrate up --runtime-role ROLE brings them up to date"
	if got := says(mine.String(), "up"); !strings.Contains(got, role+" may make no tables") || !strings.Contains(got, advice) {
		t.Errorf("an empty database: %s", got)
	}
	if got := says(owner, "up"); got != "" {
		t.Errorf("nobody serves: %s", got)
	}
	if got := says(mine.String(), "status"); !strings.Contains(got, "permission denied for table") || !strings.Contains(got, advice) || strings.Contains(got, "SQLSTATE") {
		t.Errorf("without any right: %s", got)
	}
	if got := says(owner, "up", "--runtime-role", role); !strings.Contains(got, role+" may read and append") {
		t.Errorf("granted: %s", got)
	}
	if got := says(owner, "up"); got != "" {
		t.Errorf("it serves: %s", got)
	}
	do("REVOKE ALL ON outbox FROM " + role) // as on a table that a migration makes
	if got := says(owner, "up"); got != role+" serves here and has no right to what is new: duolog migrate up --runtime-role "+role+" gives it." {
		t.Errorf("left out: %s", got)
	}
}
