package eventstoretest

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/duolog/duolog/eventstore"
)

var planTests = map[string]func(*testing.T, *fixture){
	"NeverAnalysed": testPlansNeverAnalysed,
	"RowsTouched":   testRowsTouched,
	"KeysTouched":   testKeysTouched,
}

// The plan of every statement that reads the log goes straight to its rows, by an index and all of its leading
// columns, in a database that has rows and no statistics. How PostgreSQL looks up a list depends on its length and on
// plans cached earlier: that is for the test of rows touched.
func testPlansNeverAnalysed(t *testing.T, f *fixture) {
	store, log := f.log(t)
	f.forbidStatistics(t, store)
	fill(t, log, 2000)
	if len(f.Statements) == 0 {
		t.Fatal("the factory names no statements")
	}
	for name, statement := range f.Statements {
		if store.Backend() == backendPostgres && strings.Contains(statement, "$keys") {
			continue
		}
		plan := f.explain(t, store, statement)
		for _, bad := range []string{"Seq Scan", "SCAN ", "Filter:", "USE TEMP B-TREE", "AUTOMATIC"} {
			if strings.Contains(plan, bad) {
				t.Errorf("%q in the plan of %s, which is\n%s\n\n%s", bad, name, statement, plan)
			}
		}
		if store.Backend() != backendPostgres {
			wantEveryEquality(t, name, statement, plan)
		}
	}
}

// equality is a column compared with one value or with a list.
var equality = regexp.MustCompile(`(\w+) (?:= |IN \()`)

// wantEveryEquality fails when SQLite finds rows by fewer columns than the statement names: it then reads all of a
// connection, and its plan says so in no other way.
func wantEveryEquality(t *testing.T, name, statement, plan string) {
	t.Helper()
	for _, match := range equality.FindAllStringSubmatch(statement, -1) {
		if !strings.Contains(plan, match[1]+"=?") {
			t.Errorf("%s finds no rows by %s: its plan is\n%s", name, match[1], plan)
		}
	}
}

// forbidStatistics keeps PostgreSQL from analysing by itself; SQLite never does.
func (f *fixture) forbidStatistics(t *testing.T, store eventstore.Store) {
	t.Helper()
	if store.Backend() != backendPostgres {
		return
	}
	for _, table := range []string{"event", "append_key", "log_head", "subject_key"} {
		f.rawExec(t, "ALTER TABLE "+table+" SET (autovacuum_enabled = false)")
	}
}

// fill appends n events over twenty streams.
func fill(t *testing.T, log eventstore.Log, n int) {
	t.Helper()
	for at := 0; at < n; at += 500 {
		batch := make([]eventstore.NewEvent, 500)
		for i := range batch {
			batch[i] = event(fmt.Sprintf("hubspot/contact/%d", i%20))
		}
		mustAppend(t, log, batch...)
	}
}

// explain returns the plan as text. PostgreSQL plans for any parameters, as it does for a statement used often.
func (f *fixture) explain(t *testing.T, store eventstore.Store, statement string) string {
	t.Helper()
	if store.Backend() == backendPostgres {
		return f.explainPostgres(t, strings.ReplaceAll(statement, "IN ($keys)", "= ANY ($9)"))
	}
	statement = strings.ReplaceAll(statement, "IN ($keys)", "IN ($9, $10)")
	rows, err := f.Raw.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement, make([]any, 10)...)
	if err != nil {
		t.Fatalf("explain %s: %v", statement, err)
	}
	defer func() { _ = rows.Close() }()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}

func (f *fixture) explainPostgres(t *testing.T, statement string) string {
	t.Helper()
	// A statement cannot be explained without values for its parameters unless it is prepared, and planned for any.
	conn, err := f.Raw.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var plan strings.Builder
	for _, s := range []string{
		"SET plan_cache_mode = force_generic_plan",
		"PREPARE probe AS " + densely(statement),
	} {
		if _, err := conn.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	var n int
	query := "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'probe'"
	if err := conn.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	nulls := strings.TrimSuffix(strings.Repeat("NULL, ", n), ", ")
	rows, err := conn.QueryContext(t.Context(), "EXPLAIN EXECUTE probe ("+nulls+")")
	if err != nil {
		t.Fatalf("explain %s: %v", statement, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&plan, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "DEALLOCATE probe"); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}

// densely renumbers $9, which stands for the list, to the first number that is free: PostgreSQL cannot tell the type
// of a parameter that is not used.
func densely(statement string) string {
	n := 1
	for strings.Contains(statement, fmt.Sprintf("$%d", n)) {
		n++
	}
	return strings.ReplaceAll(statement, "$9", fmt.Sprintf("$%d", n))
}

// What PostgreSQL really touches while a log grows from nothing under one process, whatever plans it caches on the
// way: no table is read through, and an index gives about as many entries as there are answers.
func testRowsTouched(t *testing.T, f *fixture) {
	migrated, err := f.Open(t.Context(), Options{MasterKey: f.master})
	if err == nil {
		err = migrated.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if migrated.Backend() != backendPostgres {
		return // SQLite counts nothing, and its plans depend neither on parameters nor on what was cached
	}
	before := f.touched(t)
	store, err := f.Open(t.Context(), Options{MasterKey: f.master})
	if err != nil {
		t.Fatal(err)
	}
	closeStore := sync.OnceFunc(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	t.Cleanup(closeStore)
	f.forbidStatistics(t, store)
	log := logOf(t, store, connection)
	answers := int64(0)
	for _, size := range []int{500, 1000, 3000} {
		fill(t, log, size)
		for i := range int64(20) {
			answers += readSomeOfAll(t.Context(), t, log, i)
		}
	}
	closeStore() // a session's counts are complete when it has ended
	after := f.touched(t)
	if n := after.scans - before.scans; n > 0 {
		t.Errorf("event or append_key was read through %d times", n)
	}
	if n := after.entries - before.entries; n > 3*answers {
		t.Errorf("%d index entries for %d answers: %s", n, answers, after.detail)
	}
}

// readSomeOfAll makes one round of every kind of read and returns how many rows that takes.
func readSomeOfAll(ctx context.Context, t *testing.T, log eventstore.Log, i int64) int64 {
	t.Helper()
	page := mustRead(t, log, i*20, 10)
	stream, err := log.ReadStream(ctx, fmt.Sprintf("hubspot/contact/%d", i%20), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	positions := make([]int64, 10)
	for j := range positions {
		positions[j] = i*20 + int64(j)*3 + 1
	}
	some, err := log.Get(ctx, positions...)
	if err != nil {
		t.Fatal(err)
	}
	redelivered := event("hubspot/contact/1")
	redelivered.Key = page[0].ID[:]
	mustAppend(t, log, redelivered)
	mustAppend(t, log, expecting(page[0].Stream, 1<<40))
	return int64(len(page)+len(stream)+len(some)) + 2
}

type touched struct {
	scans, entries int64
	detail         string
}

// touched reads the server's counts once every session of the store has written its own.
func (f *fixture) touched(t *testing.T) touched {
	t.Helper()
	const others = `SELECT COUNT(*) FROM pg_stat_activity
	  WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`
	for ctx := soon(t); f.rawInt(t, others) > 0; {
		if ctx.Err() != nil {
			t.Fatal("the store's sessions do not end")
		}
	}
	got := touched{scans: f.rawInt(t, `SELECT SUM(seq_scan) FROM pg_stat_user_tables
	  WHERE relname IN ('event', 'append_key')`)}
	query := `SELECT SUM(idx_tup_read), STRING_AGG(indexrelname || ' ' || idx_tup_read, ', ')
	  FROM pg_stat_user_indexes WHERE relname IN ('event', 'append_key')`
	if err := f.Raw.QueryRowContext(t.Context(), query).Scan(&got.entries, &got.detail); err != nil {
		t.Fatal(err)
	}
	return got
}

// A page's keys are looked up in a table that has grown a moment ago, as a rebuild's has, by their index and nothing
// else.
func testKeysTouched(t *testing.T, f *fixture) {
	store := f.withItems(t)
	if store.Backend() != backendPostgres {
		return // SQLite counts nothing
	}
	f.rawExec(t, "ALTER TABLE item SET (autovacuum_enabled = false)")
	rows := items(0, 20_000, "1")
	for i := range rows {
		rows[i][0] = "all of one connection"
	}
	mustBulk(t, store, itemOp(eventstore.Insert), rows)
	keys := make([]int64, 500)
	for i := range keys {
		keys[i] = int64(i) * 7
	}
	for range 10 {
		found, err := store.QueryKeys(t.Context(), "SELECT v FROM item WHERE k = $1 AND n IN ($keys)", keys, rows[0][0])
		got, err := eventstore.Scan(found, err, func(r eventstore.Rows) (v string, err error) { return v, r.Scan(&v) })
		if err != nil || len(got) != len(keys) {
			t.Fatalf("%d rows for %d keys, %v", len(got), len(keys), err)
		}
	}
	if err := store.Close(); err != nil { // a session's counts are complete when it has ended
		t.Fatal(err)
	}
	f.touched(t)
	touched := f.rawInt(t, "SELECT COALESCE(idx_tup_fetch, 0) + seq_tup_read FROM pg_stat_user_tables WHERE relname = 'item'")
	if most := int64(10 * 2 * len(keys)); touched > most {
		t.Errorf("%d rows were read, want at most %d", touched, most)
	}
}
