package app_test

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/postgres"
	"github.com/duolog/duolog/projections/contacts"
)

// roleRig is a database whose tables one role owns, and a role to serve with.
type roleRig struct {
	t          *testing.T
	owner      app.Config
	role, mine string // the role's name, and the database's URL for it
}

func newRoleRig(t *testing.T, attributes string) *roleRig {
	t.Helper()
	database := eventstoretest.PostgresURL(t)
	r := &roleRig{t: t, role: "Duolog-app-" + strings.ToLower(ulid.Make().String())}
	r.owner = app.Config{Connection: "default", DatabaseURL: database, Data: t.TempDir()}
	if _, err := app.Migrate(t.Context(), r.owner); err != nil {
		t.Fatal(err)
	}
	r.exec(database, `CREATE ROLE "`+r.role+`" LOGIN PASSWORD 'app' `+attributes)
	t.Cleanup(func() { r.exec(database, `DROP OWNED BY "`+r.role+`"; DROP ROLE "`+r.role+`"`) })
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(r.role, "app")
	r.mine = u.String()
	return r
}

func (r *roleRig) exec(database, statement string) {
	r.t.Helper()
	if err := r.try(database, statement); err != nil {
		r.t.Fatalf("%s: %v", statement, err)
	}
}

func (r *roleRig) try(database, statement string) error {
	r.t.Helper()
	ctx := context.WithoutCancel(r.t.Context()) // the test's own has ended when it cleans up
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, statement)
	return err
}

// TestRuntimeRole: a role that was given the rights to serve does so, in both directions and through a rebuild, and the
// database itself refuses it everything by which the log could be changed.
func TestRuntimeRole(t *testing.T) {
	t.Parallel()
	r := newRoleRig(t, "")
	for range 2 { // again is no harm
		if err := app.GrantRuntime(t.Context(), r.owner, r.role); err != nil {
			t.Fatal(err)
		}
	}
	people := sandboxkit.People(7, 12)
	served := start(t, plan{database: r.mine, people: people, config: func(c *app.Config) { c.Migrate = false }})
	served.settle()
	sandboxkit.Traffic{
		Aloware: served.aloware, HubSpot: served.hubspot, Seed: 7, CreateShare: 0.2, FirstPerson: len(people),
	}.Do(30)
	served.settle()
	served.agreed()
	served.verified()
	if err := served.Runner.Rebuild(t.Context(), "contacts", nil); err != nil {
		t.Error(err)
	}
	someone, err := served.Contacts.List(t.Context(), contacts.Filter{Limit: 1})
	if err != nil || len(someone) == 0 {
		t.Fatalf("%d contacts, %v", len(someone), err)
	}
	if _, err := served.Erase(t.Context(), someone[0].ID, httpapi.Erasing{}, tester); err != nil {
		t.Errorf("erase: %v", err)
	}
	if _, err := served.Lift(t.Context(), someone[0].ID, tester); err != nil {
		t.Errorf("lift: %v", err)
	}
	served.verified()
	r.says(served.App, "has no right to any")
	for _, statement := range []string{
		"UPDATE event SET actor = 'x'", "DELETE FROM event", "TRUNCATE event",
		"UPDATE append_key SET position = 1", "DELETE FROM append_key", "TRUNCATE append_key",
		"UPDATE subject_key SET subject = 'x'", "DELETE FROM subject_key", "TRUNCATE subject_key", "DELETE FROM log_head",
		"ALTER TABLE event DISABLE TRIGGER ALL", "DROP TABLE event", "DROP FUNCTION duolog_immutable CASCADE",
		"CREATE TABLE mine (a int)", "CREATE TRIGGER mine BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION duolog_immutable()",
		"UPDATE goose_db_version SET version_id = 0",
	} {
		var refused *pgconn.PgError
		if err := r.try(r.mine, statement); !errors.As(err, &refused) || refused.Code != "42501" {
			t.Errorf("%s: %v, want insufficient_privilege", statement, err)
		}
	}
}

// says checks what the doctor says about the log's protection.
func (r *roleRig) says(a *app.App, want string) {
	r.t.Helper()
	found, err := a.Doctor(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range found {
		if f.Name == "immutability" && (!f.OK || !strings.Contains(f.Detail, want)) {
			r.t.Errorf("the doctor says %+v, want %q", f, want)
		}
	}
}

// TestRuntimeRoleRefused: a role that could change the log all the same is not taken for one that cannot.
func TestRuntimeRoleRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, attributes, statement, want string }{
		{"superuser", "SUPERUSER", "", "superuser"},
		{"owner", "", `ALTER TABLE event OWNER TO %s`, "owner of event"},
		{"by PUBLIC", "", `GRANT DELETE ON append_key TO PUBLIC`, "rows of append_key"},
		{"schema", "", `GRANT CREATE ON SCHEMA public TO PUBLIC`, "REVOKE CREATE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRoleRig(t, c.attributes)
			if c.statement != "" {
				r.exec(r.owner.DatabaseURL, strings.ReplaceAll(c.statement, "%s", `"`+r.role+`"`))
			}
			err := app.GrantRuntime(t.Context(), r.owner, r.role)
			if !errors.Is(err, postgres.ErrRole) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	r := newRoleRig(t, "")
	if err := app.GrantRuntime(t.Context(), r.owner, "nobody-"+r.role); !errors.Is(err, postgres.ErrRole) {
		t.Errorf("no such role: %v", err)
	}
}

// TestRoleWithoutRights: a role that lacks a right is told so at once, whatever it wanted, and nothing is laid to the
// events; the owner who migrates learns which role cannot serve any more.
func TestRoleWithoutRights(t *testing.T) {
	t.Parallel()
	r := newRoleRig(t, "")
	mine := r.owner
	mine.DatabaseURL = r.mine
	ctx, stop := context.WithTimeout(t.Context(), time.Minute) // a lock was waited for for five
	defer stop()
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, eventstore.ErrRights) || strings.Contains(err.Error(), "SQLSTATE") {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := app.Migrate(ctx, mine)
	refused("migrate, before anything was granted", err)
	_, err = app.MigrationStatus(ctx, mine)
	refused("status, before anything was granted", err)
	grant := func() {
		t.Helper()
		if err := app.GrantRuntime(ctx, r.owner, r.role); err != nil {
			t.Fatal(err)
		}
	}
	grant()
	if steps, err := app.MigrationStatus(ctx, mine); err != nil || len(steps) == 0 || !steps[len(steps)-1].Applied {
		t.Errorf("status: %v, %v", steps, err)
	}
	r.exec(r.owner.DatabaseURL, "CREATE TABLE last AS SELECT * FROM goose_db_version ORDER BY version_id DESC LIMIT 1")
	r.exec(r.owner.DatabaseURL, "DELETE FROM goose_db_version WHERE version_id IN (SELECT version_id FROM last)")
	_, err = app.Migrate(ctx, mine)
	refused("migrate, with a step missing", err)
	r.exec(r.owner.DatabaseURL, "INSERT INTO goose_db_version (version_id, is_applied) SELECT version_id, is_applied FROM last; DROP TABLE last")

	r.exec(r.owner.DatabaseURL, "CREATE TABLE theirs (n INT); ALTER TABLE theirs OWNER TO pg_monitor") // another program's
	if roles, err := app.Unserved(ctx, r.owner); err != nil || len(roles) > 0 {
		t.Errorf("cannot serve: %q, %v", roles, err)
	}
	for _, lacks := range []string{ // as of a column, or a table, that a migration makes; the last one stays off
		"UPDATE (since) ON subject_key", "INSERT ON tree_hash", "DELETE ON outbox", "ALL ON history_entry",
	} {
		grant()
		r.exec(r.owner.DatabaseURL, "REVOKE "+lacks+` FROM "`+r.role+`"`)
		if roles, err := app.Unserved(ctx, r.owner); err != nil || !slices.Equal(roles, []string{r.role}) {
			t.Errorf("without %s, cannot serve: %q, %v", lacks, roles, err)
		}
	}
	mine.MasterKeyFile = filepath.Join(t.TempDir(), "master.key")
	a, err := app.Open(ctx, mine, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	if _, err := a.Pause(ctx, tester); err != nil {
		t.Fatal(err)
	}
	refused("fold", a.CatchUp(ctx))
	grant()
	if err := a.CatchUp(ctx); err != nil {
		t.Error(err)
	}
	status, err := a.Runner.Status(ctx)
	for _, p := range status {
		if err != nil || p.Parked > 0 || p.Lag > 0 {
			t.Errorf("%s: %d parked, %d behind, %v", p.Name, p.Parked, p.Lag, err)
		}
	}
}
