package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/duolog/duolog/eventstore"
)

// ErrRole: the role does not exist, or may do more than a runtime role must whatever is granted to it.
var ErrRole = errors.New("not fit to be a runtime role")

// rights are those of a runtime role on tables it may not change at will; on all others it may read and write rows.
// What it lacks no program error and no stolen password can do: no event and no dedupe key can be changed or removed, and
// no trigger taken off. Of subjects' keys it may change what an erasure does; verify finds one that was replaced.
var rights = map[string]string{
	"event": "SELECT, INSERT", "append_key": "SELECT, INSERT",
	"subject_key": "SELECT, INSERT, UPDATE (" + keyColumns + ")",
	"tree_hash":   "SELECT, INSERT", "tree_head": "SELECT, INSERT",
	"log_head": "SELECT, INSERT, UPDATE", "goose_db_version": "SELECT", "goose_lock": "",
}

const keyColumns = "master_id, wrapped, since"

const readWrite = "SELECT, INSERT, UPDATE, DELETE"

// GrantRuntime gives a role what serving needs on the tables of the schema, and takes from it whatever else was granted
// to it there. It fails with ErrRole, and grants nothing, when the role could still change the log.
func GrantRuntime(ctx context.Context, c Config, role string) (err error) {
	db, err := openSQL(c.withDefaults())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("grant to %s: %w", role, translate(err))
	}
	defer func() { _ = tx.Rollback() }()
	if err := grant(ctx, tx, role); err != nil {
		return fmt.Errorf("grant to %s: %w", role, translate(err))
	}
	return translate(tx.Commit())
}

func grant(ctx context.Context, tx *sql.Tx, role string) error {
	known, err := texts(ctx, tx, "SELECT rolname FROM pg_roles WHERE rolname = $1", role)
	if err != nil {
		return err
	}
	if len(known) == 0 {
		return fmt.Errorf("%w: there is none; CREATE ROLE %s LOGIN PASSWORD '…' makes it", ErrRole, quoted(role))
	}
	schema, err := texts(ctx, tx, "SELECT current_schema()")
	if err != nil {
		return err
	}
	tables, err := texts(ctx, tx, `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v') ORDER BY c.relname`)
	if err != nil {
		return err
	}
	for _, statement := range grants(schema[0], tables, role) {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	excess, err := texts(ctx, tx, excess, role)
	if err != nil {
		return err
	}
	if len(excess) > 0 {
		return fmt.Errorf("%w: it %s", ErrRole, excess[0])
	}
	return nil
}

func grants(schema string, tables []string, role string) []string {
	in, to := quoted(schema), quoted(role)
	all := []string{
		"REVOKE ALL ON ALL TABLES IN SCHEMA " + in + " FROM " + to,
		"REVOKE CREATE ON SCHEMA " + in + " FROM " + to,
		"GRANT USAGE ON SCHEMA " + in + " TO " + to,
	}
	for _, table := range tables {
		may, special := rights[table]
		if !special {
			may = readWrite
		}
		if may != "" {
			all = append(all, "GRANT "+may+" ON "+in+"."+quoted(table)+" TO "+to)
		}
	}
	return all
}

// excess says what a role may do that a runtime role must not, by whatever way it came by it.
const excess = `WITH log AS (
	SELECT oid, relname, relowner FROM pg_class WHERE oid IN ('event'::regclass, 'append_key'::regclass, 'tree_hash'::regclass,
		'tree_head'::regclass)
), home AS (
	SELECT nspname, nspowner FROM pg_namespace WHERE nspname = current_schema()
)
SELECT 'is a superuser' FROM pg_roles WHERE rolname = $1 AND rolsuper
UNION ALL SELECT 'may act as the owner of ' || relname FROM log WHERE pg_has_role($1, relowner, 'MEMBER')
UNION ALL SELECT 'may act as the owner of schema ' || nspname FROM home WHERE pg_has_role($1, nspowner, 'MEMBER')
UNION ALL SELECT 'may change or remove rows of ' || relname || ' by a right of PUBLIC or of another role' FROM log
	WHERE has_table_privilege($1, oid, 'UPDATE, DELETE, TRUNCATE')
UNION ALL SELECT 'may make tables in schema ' || nspname || ': REVOKE CREATE ON SCHEMA ' || nspname || ' FROM PUBLIC'
	FROM home WHERE has_schema_privilege($1, nspname, 'CREATE')
LIMIT 1`

// Unserved lists the roles that were given the rights to serve and lack those to some table, as one that was made since.
func Unserved(ctx context.Context, c Config) (roles []string, err error) {
	db, err := openSQL(c.withDefaults())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	special, err := json.Marshal(rights)
	if err != nil {
		return nil, err
	}
	if roles, err = texts(ctx, db, unserved, string(special)); err != nil {
		err = fmt.Errorf("look at the roles that serve: %w", translate(err))
	}
	return roles, err
}

const unserved = `SELECT DISTINCT CAST(g.grantee AS TEXT) FROM information_schema.role_table_grants g
	JOIN pg_roles r ON r.rolname = g.grantee
	WHERE g.table_schema = current_schema() AND g.table_name = 'event' AND g.privilege_type = 'INSERT'
		AND NOT pg_has_role(r.oid, (SELECT relowner FROM pg_class WHERE oid = 'event'::regclass), 'MEMBER')
		AND EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v')
			AND c.relowner = (SELECT relowner FROM pg_class WHERE oid = 'event'::regclass) AND (
			EXISTS (SELECT 1 FROM unnest(string_to_array(COALESCE(CAST(CAST($1 AS TEXT) AS JSON) ->> c.relname, '` + readWrite + `'), ', ')) AS may
				WHERE CASE WHEN may IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE') THEN NOT has_table_privilege(r.oid, c.oid, may) END)
			OR c.relname = 'subject_key' AND EXISTS (SELECT 1 FROM unnest(string_to_array('` + keyColumns + `', ', ')) AS part
				WHERE NOT has_column_privilege(r.oid, c.oid, part, 'UPDATE'))))
	ORDER BY 1`

// Protection says what keeps the log as it is, in words, and whether nothing is missing.
func Protection(ctx context.Context, q eventstore.Querier) (string, bool, error) {
	rows, err := q.Query(ctx, protection)
	found, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (p struct {
		role            string
		triggers        int64
		owns, mayChange bool
	}, err error,
	) {
		return p, r.Scan(&p.role, &p.triggers, &p.owns, &p.mayChange)
	})
	if err != nil {
		return "", false, fmt.Errorf("look at the log's protection: %w", err)
	}
	p := found[0]
	switch {
	case p.triggers < 4:
		return fmt.Sprintf("only %d of 4 triggers refuse changes to events and their keys", p.triggers), false, nil
	case p.owns:
		return "triggers refuse changes; " + p.role + " owns the tables and could take them off", true, nil
	case p.mayChange:
		return "triggers refuse changes; " + p.role + " has the right to try", true, nil
	}
	return "triggers refuse changes, and " + p.role + " has no right to any", true, nil
}

const protection = `SELECT CAST(current_user AS TEXT),
	(SELECT COUNT(*) FROM pg_trigger WHERE tgrelid IN ('event'::regclass, 'append_key'::regclass)
		AND tgenabled IN ('O', 'A') AND NOT tgisinternal),
	pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = 'event'::regclass), 'MEMBER'),
	has_table_privilege('event', 'UPDATE, DELETE, TRUNCATE') OR has_table_privilege('append_key', 'UPDATE, DELETE, TRUNCATE')`

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

func texts(ctx context.Context, q interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}, query string, args ...any,
) (all []string, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}
