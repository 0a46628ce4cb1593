package eventstoretest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/duolog/duolog/eventstore"
)

var vaultTests = map[string]func(*testing.T, *fixture){
	"RoundTrip":        testSealRoundTrip,
	"BoundToItsPlace":  testSealBound,
	"BlindAndSecret":   testBlindAndSecret,
	"NothingInClear":   testNothingInClear,
	"RacingForOneKey":  testRacingForSubject,
	"InTransactions":   testSealInTransactions,
	"RolledBackKey":    testRolledBackKey,
	"AnotherMasterKey": testAnotherMasterKey,
	"ManySubjects":     testManySubjects,
}

func mustSeal(t *testing.T, v eventstore.Vault, subject, purpose, plain string) []byte {
	t.Helper()
	sealed, err := v.Seal(t.Context(), subject, purpose, []byte(plain))
	if err != nil {
		t.Fatalf("seal: %v", err)
	}
	return sealed
}

func wantOpens(t *testing.T, v eventstore.Vault, subject, purpose string, sealed []byte, want string) {
	t.Helper()
	plain, err := v.Open(t.Context(), subject, purpose, sealed)
	if err != nil || string(plain) != want {
		t.Errorf("opened as %q, error %v, want %q", plain, err, want)
	}
}

func testSealRoundTrip(t *testing.T, f *fixture) {
	_, log := f.log(t)
	_, other := f.log(t)
	for _, plain := range []string{"Ann", "", "\x00é✓", strings.Repeat("x", 1<<20)} {
		sealed := mustSeal(t, log.Vault(), "hubspot/contact/1", "contacts.name", plain)
		if len(plain) > 2 && bytes.Contains(sealed, []byte(plain)) {
			t.Error("the sealed value holds the plain one")
		}
		wantOpens(t, log.Vault(), "hubspot/contact/1", "contacts.name", sealed, plain)
		wantOpens(t, other.Vault(), "hubspot/contact/1", "contacts.name", sealed, plain)
	}
	one := mustSeal(t, log.Vault(), "hubspot/contact/1", "contacts.name", "Ann")
	if bytes.Equal(one, mustSeal(t, log.Vault(), "hubspot/contact/1", "contacts.name", "Ann")) {
		t.Error("equal values look equal when sealed")
	}
}

// A sealed value opens for its own subject and purpose, unaltered, and nowhere else.
func testSealBound(t *testing.T, f *fixture) {
	store, log := f.log(t)
	v, foreign := log.Vault(), logOf(t, store, "other").Vault()
	sealed := mustSeal(t, v, "hubspot/contact/1", "contacts.name", "Ann")
	mustSeal(t, v, "hubspot/contact/2", "contacts.name", "Bob")
	mustSeal(t, foreign, "hubspot/contact/1", "contacts.name", "Cyd")
	open := func(v eventstore.Vault, subject, purpose string, sealed []byte) {
		t.Helper()
		if plain, err := v.Open(t.Context(), subject, purpose, sealed); err == nil {
			t.Errorf("opened as %q", plain)
		} else if strings.Contains(err.Error(), "Ann") {
			t.Errorf("the error holds the value: %v", err)
		}
	}
	open(v, "hubspot/contact/2", "contacts.name", sealed)
	open(v, "hubspot/contact/3", "contacts.name", sealed)
	open(v, "hubspot/contact/1", "contacts.email", sealed)
	open(foreign, "hubspot/contact/1", "contacts.name", sealed)
	open(v, "hubspot/contact/1", "contacts.name", nil)
	open(v, "hubspot/contact/1", "contacts.name", sealed[:len(sealed)-1])
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		open(v, "hubspot/contact/1", "contacts.name", altered)
	}
}

func testBlindAndSecret(t *testing.T, f *fixture) {
	store, log := f.log(t)
	_, other := f.log(t)
	v, same, foreign := log.Vault(), other.Vault(), logOf(t, store, "other").Vault()
	token := v.Blind("email", "ann@example.com")
	if len(token) != 16 {
		t.Errorf("a blind token has %d bytes, want 16", len(token))
	}
	if !bytes.Equal(token, same.Blind("email", "ann@example.com")) {
		t.Error("two processes do not find each other's tokens")
	}
	if len(v.Secret("dedupe")) != 32 || !bytes.Equal(v.Secret("dedupe"), same.Secret("dedupe")) {
		t.Error("a secret is not the same 32 bytes everywhere")
	}
	for what, differs := range map[string][2][]byte{
		"values":                 {token, v.Blind("email", "bob@example.com")},
		"kinds":                  {token, v.Blind("phone", "ann@example.com")},
		"kind and value, joined": {v.Blind("ab", "c"), v.Blind("a", "bc")},
		"connections' tokens":    {token, foreign.Blind("email", "ann@example.com")},
		"secrets' names":         {v.Secret("dedupe"), v.Secret("webhook")},
		"connections' secrets":   {v.Secret("dedupe"), foreign.Secret("dedupe")},
	} {
		if bytes.Equal(differs[0], differs[1]) {
			t.Errorf("no difference between %s", what)
		}
	}
}

// Nothing of what events and rows hold stands readable in any column of any table, or in the database's files.
func testNothingInClear(t *testing.T, f *fixture) {
	const marker = "ann.example-4711"
	store, log := f.log(t)
	f.rawExec(t, "CREATE TABLE caller (k BIGINT PRIMARY KEY, v "+blobType(store)+")")
	e := event("hubspot/contact/1")
	e.Data = fmt.Appendf(nil, `{"email":%q}`, marker)
	mustAppend(t, log, e)
	sealed := mustSeal(t, log.Vault(), "hubspot/contact/1", "caller.v", marker)
	if _, err := store.Exec(t.Context(), "INSERT INTO caller (k, v) VALUES ($1, $2)", int64(1), sealed); err != nil {
		t.Fatal(err)
	}
	cells := 0
	for _, table := range f.tables(t, store) {
		cells += f.wantAbsent(t, table, marker)
	}
	if cells < 20 {
		t.Errorf("only %d cells were looked at", cells)
	}
	for _, path := range f.files(t) {
		if text, err := os.ReadFile(path); err != nil || bytes.Contains(text, []byte(marker)) {
			t.Errorf("%s holds what was sealed, error %v", filepath.Base(path), err)
		}
	}
}

func blobType(store eventstore.Store) string {
	if store.Backend() == backendPostgres {
		return "BYTEA"
	}
	return "BLOB"
}

func (f *fixture) files(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range f.Files {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no file is called %s, error %v", pattern, err)
		}
		all = append(all, found...)
	}
	return all
}

func (f *fixture) tables(t *testing.T, store eventstore.Store) []string {
	t.Helper()
	query := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if store.Backend() == backendPostgres {
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
	}
	rows, err := f.Raw.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

// wantAbsent looks for the marker in every cell of the table and returns how many there were.
func (f *fixture) wantAbsent(t *testing.T, table, marker string) (cells int) {
	t.Helper()
	rows, err := f.Raw.QueryContext(t.Context(), "SELECT * FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	row := make([]any, len(columns))
	for i := range row {
		row[i] = new(any)
	}
	for rows.Next() {
		if err := rows.Scan(row...); err != nil {
			t.Fatal(err)
		}
		for i, cell := range row {
			cells++
			value := *cell.(*any)
			if b, ok := value.([]byte); ok {
				value = string(b)
			}
			if strings.Contains(fmt.Sprint(value), marker) {
				t.Errorf("%s.%s holds what was sealed", table, columns[i])
			}
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return cells
}

// Two processes meet a subject for the first time at once, by sealing, prefetching and appending: one key wins, and
// everything either has stored opens in both.
func testRacingForSubject(t *testing.T, f *fixture) {
	_, one := f.log(t)
	_, two := f.log(t)
	logs := []eventstore.Log{one, two}
	for round := range 10 {
		subject := fmt.Sprintf("hubspot/contact/%d", round)
		sealed := make([][]byte, 6)
		var work sync.WaitGroup
		for i := range sealed {
			work.Go(func() {
				log := logs[i%2]
				var err error
				switch i / 2 {
				case 0:
					sealed[i], err = log.Vault().Seal(t.Context(), subject, "p", []byte("Ann"))
				case 1:
					err = log.Vault().Prefetch(t.Context(), subject, "aloware/contact/1")
				default:
					_, err = log.Append(t.Context(), event(subject))
				}
				if err != nil {
					t.Errorf("round %d, caller %d: %v", round, i, err)
				}
			})
		}
		work.Wait()
		for _, s := range sealed[:2] {
			wantOpens(t, one.Vault(), subject, "p", s, "Ann")
			wantOpens(t, two.Vault(), subject, "p", s, "Ann")
		}
	}
	wantReadable(t, one, 20)
	wantReadable(t, two, 20)
}

// Sealing for a new subject inside a transaction waits for nothing the transaction holds, and what is committed opens
// in another process.
func testSealInTransactions(t *testing.T, f *fixture) {
	store, log := f.withSealedRows(t)
	ctx := soon(t)
	for k := range int64(3) {
		subject := fmt.Sprintf("hubspot/contact/%d", k)
		err := store.InTx(ctx, func(tx eventstore.Tx) error {
			if _, err := tx.Exec(ctx, "UPDATE caller SET v = v"); err != nil {
				return err
			}
			if err := sealRow(ctx, tx, log, k, subject); err != nil {
				return err
			}
			_, err := tx.Append(ctx, log, event(subject))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, other := f.log(t)
	for k := range int64(3) {
		f.wantSealedRow(t, other, k, fmt.Sprintf("hubspot/contact/%d", k))
	}
	wantReadable(t, other, 3)
}

// A transaction that made a subject's key is rolled back; what is sealed for it afterwards still opens elsewhere.
func testRolledBackKey(t *testing.T, f *fixture) {
	store, log := f.withSealedRows(t)
	ctx := soon(t)
	err := store.InTx(ctx, func(tx eventstore.Tx) error {
		if err := sealRow(ctx, tx, log, 1, "hubspot/contact/1"); err != nil {
			return err
		}
		if _, err := tx.Append(ctx, log, event("hubspot/contact/2")); err != nil {
			return err
		}
		return errOnPurpose
	})
	wantError(t, "the transaction", err, errOnPurpose)
	if err := sealRow(ctx, store, log, 2, "hubspot/contact/1"); err != nil {
		t.Fatal(err)
	}
	if err := store.InTx(ctx, func(tx eventstore.Tx) error {
		return sealRow(ctx, tx, log, 3, "hubspot/contact/2")
	}); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, log, event("hubspot/contact/1"), event("hubspot/contact/2"))
	_, other := f.log(t)
	f.wantSealedRow(t, other, 2, "hubspot/contact/1")
	f.wantSealedRow(t, other, 3, "hubspot/contact/2")
	wantReadable(t, other, 2)
}

func (f *fixture) withSealedRows(t *testing.T) (eventstore.Store, eventstore.Log) {
	t.Helper()
	store, log := f.log(t)
	f.rawExec(t, "CREATE TABLE caller (k BIGINT PRIMARY KEY, v "+blobType(store)+" NOT NULL)")
	return store, log
}

func sealRow(ctx context.Context, q eventstore.Querier, log eventstore.Log, k int64, subject string) error {
	sealed, err := log.Vault().Seal(ctx, subject, "caller.v", []byte("Ann"))
	if err != nil {
		return err
	}
	_, err = q.Exec(ctx, "INSERT INTO caller (k, v) VALUES ($1, $2)", k, sealed)
	return err
}

func (f *fixture) wantSealedRow(t *testing.T, log eventstore.Log, k int64, subject string) {
	t.Helper()
	var sealed []byte
	query := fmt.Sprintf("SELECT v FROM caller WHERE k = %d", k)
	if err := f.Raw.QueryRowContext(t.Context(), query).Scan(&sealed); err != nil {
		t.Fatalf("row %d: %v", k, err)
	}
	wantOpens(t, log.Vault(), subject, "caller.v", sealed, "Ann")
}

func testAnotherMasterKey(t *testing.T, f *fixture) {
	f.log(t)
	stranger := f.openWith(t, Options{MasterKey: eventstore.NewMasterKey()})
	_, err := stranger.Log(t.Context(), connection)
	wantError(t, "open a log under another master key", err, eventstore.ErrMasterKey)
}

// More subjects than fit into one statement, some known, some new, some twice.
func testManySubjects(t *testing.T, f *fixture) {
	_, log := f.log(t)
	subjects := make([]string, 3000)
	for i := range subjects {
		subjects[i] = fmt.Sprintf("hubspot/contact/%d", i%2500)
	}
	if err := log.Vault().Prefetch(t.Context(), subjects[:100]...); err != nil {
		t.Fatal(err)
	}
	if err := log.Vault().Prefetch(t.Context(), subjects...); err != nil {
		t.Fatal(err)
	}
	if err := log.Vault().Prefetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := f.rawInt(t, "SELECT COUNT(*) FROM subject_key WHERE wrapped IS NOT NULL"); n != 2500 {
		t.Errorf("%d keys are stored, want 2500", n)
	}
	sealed := mustSeal(t, log.Vault(), "hubspot/contact/2499", "p", "Ann")
	_, other := f.log(t)
	wantOpens(t, other.Vault(), "hubspot/contact/2499", "p", sealed, "Ann")
}
