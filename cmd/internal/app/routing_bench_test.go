package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/projections/catalogs"
)

// callers is how many of the contacts have a deal that leads somewhere, and call.
const callers = 2000

// keepRows names the variable with a folder in which the SQLite databases of BenchmarkDealOwner are kept: to fill one
// takes minutes, to measure seconds.
const keepRows = "DUOLOG_BENCH_KEEP"

// slowest is how many times longer the hundredth caller may wait among a million than among ten thousand.
const slowest = 1.5

// BenchmarkDealOwner asks to whom callers are put through, among ten thousand contacts and among a million, and fails when
// the p99 grows by more than slowest. The rows of contacts are written as the projections write them: to fold a million
// people first would take the day.
//
//	make bench BENCH='^BenchmarkDealOwner$' PACKAGES=./cmd/internal/app
func BenchmarkDealOwner(b *testing.B) {
	among := map[string]time.Duration{} // the p99 among the fewer, by backend
	for _, n := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint("sqlite/contacts=", n), func(b *testing.B) {
			dir := os.Getenv(keepRows)
			if dir == "" {
				dir = b.TempDir()
			}
			grows(b, among, "sqlite", benchDealOwner(b, "sqlite:"+filepath.Join(dir, fmt.Sprint(n, ".db")), filepath.Join(dir, "master.key"), n))
		})
		b.Run(fmt.Sprint("postgres/contacts=", n), func(b *testing.B) {
			grows(b, among, "postgres", benchDealOwner(b, eventstoretest.PostgresURL(b), filepath.Join(b.TempDir(), "master.key"), n))
		})
	}
}

// grows compares a p99 with that among fewer contacts, once there is one.
func grows(b *testing.B, among map[string]time.Duration, backend string, p99 time.Duration) {
	b.Helper()
	few, ok := among[backend]
	if !ok {
		among[backend] = p99
		return
	}
	times := float64(p99) / float64(few)
	b.ReportMetric(times, "times-p99")
	if times > slowest {
		b.Errorf("p99 %s, %.2f times that among fewer contacts, want %.1f at most", p99, times, slowest)
	}
}

func benchDealOwner(b *testing.B, database, key string, n int) (p99 time.Duration) {
	b.Helper()
	a, err := app.Open(b.Context(), app.Config{
		Connection: "default", DatabaseURL: database, Data: b.TempDir(), Migrate: true, MasterKeyFile: key,
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = a.Close() })
	f := filler{b: b, a: a}
	if head, err := a.Log.Head(b.Context()); err != nil || head.Position == 0 {
		f.catalogs(n)
		f.contacts(n)
	}
	for i := range callers { // warm, as a service is
		f.route(i, n)
	}
	var took []time.Duration
	for b.Loop() { // filled once, however often it is asked
		began := time.Now()
		f.route(len(took), n)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	p99 = took[len(took)*99/100]
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(p99.Microseconds()), "p99-µs")
	return p99
}

// filler writes a connection's rows.
type filler struct {
	b *testing.B
	a *app.App
}

// caller is the number of the contact who is the i-th to call.
func caller(i, n int) int { return (i * 7919 % callers) * (n / callers) }

func phoneOf(i int) string { return fmt.Sprintf("+1415%07d", 2_000_000+i) }

func recordOf(i int) string {
	return domain.Record{System: domain.HubSpot, ID: fmt.Sprint(10_000_000 + i)}.Stream()
}

func (f filler) route(i, n int) {
	got, err := f.a.DealOwner(f.b.Context(), phoneOf(caller(i, n)))
	if err != nil || got.User == nil {
		f.b.Fatalf("caller %d: %+v, %v", i, got, err)
	}
}

// catalogs tells, as facts, who owns deals and the deals of the callers, and writes a deal of everybody else.
func (f filler) catalogs(n int) {
	f.b.Helper()
	fact := func(s domain.System, c domain.Catalog, id, stream, subject string, e domain.CatalogEntry) eventstore.NewEvent {
		data, _ := json.Marshal(domain.CatalogFact{System: s, Catalog: c, ID: id, Via: domain.ViaPull, Clock: 1, Entry: e})
		return eventstore.NewEvent{
			ID: f.a.NewID(), Stream: stream, Type: domain.CatalogObserved, Schema: 1, Actor: "bench", Subject: subject, Data: data,
		}
	}
	person := func(s domain.System, c domain.Catalog, id, email string) eventstore.NewEvent {
		return fact(s, c, id, domain.CatalogStream(s, c), domain.PersonSubject(s, id), domain.CatalogEntry{Label: email, Email: email})
	}
	events := []eventstore.NewEvent{fact(domain.HubSpot, domain.Pipelines, "default", "hubspot/catalog/pipelines", eventstore.SubjectLog,
		domain.CatalogEntry{Label: "Sales", Stages: []domain.Stage{{ID: "open", Label: "Open"}}})}
	for i := range 50 {
		email := fmt.Sprintf("rep%d@acme.example", i)
		events = append(events, person(domain.HubSpot, domain.Owners, fmt.Sprint(i), email),
			person(domain.Aloware, domain.Users, fmt.Sprint(i), email))
	}
	for i := range callers {
		who := recordOf(caller(i, n))
		events = append(events, fact(domain.HubSpot, domain.Deals, fmt.Sprint(i), who, who, domain.CatalogEntry{
			Label: "A deal", Deal: &domain.Deal{Pipeline: "default", Stage: "open", Owner: fmt.Sprint(i % 50), Created: 1},
		}))
	}
	for part := range slices.Chunk(events, 500) {
		if _, err := f.a.Log.Append(f.b.Context(), part...); err != nil {
			f.b.Fatal(err)
		}
	}
	if err := f.a.CatchUp(f.b.Context()); err != nil {
		f.b.Fatal(err)
	}
	f.bulk("catalog_deal", 4, n, func(i int) []any {
		return []any{recordOf(i), fmt.Sprintf("x%07d", i), []byte{0}, int64(1), int64(1), int64(1), int64(1)}
	}, "record", "deal", "body:blob", "first_at:int", "changed_at:int", "gone_at:int", "position:int")
	if err := f.a.Runner.CatchUpOf(f.b.Context(), catalogs.Name); err != nil {
		f.b.Fatal(err)
	}
}

// contacts writes n people with a number each.
func (f filler) contacts(n int) {
	f.b.Helper()
	v := f.a.Log.Vault()
	id := func(i int) string {
		var u ulid.ULID
		_ = u.SetTime(uint64(1_700_000_000_000 + i))
		return u.String()
	}
	f.bulk("contact", 3, n, func(i int) []any {
		body := fmt.Sprintf(`{"members":{%q:{"state":"linked","order":{"input":1,"position":1}}},"head":{"order":{"input":1,"position":1}}}`, recordOf(i))
		return []any{id(i), "in_step", "", body, int64(0), int64(0), int64(0), int64(0), int64(1), int64(1), int64(1)}
	}, "contact", "status", "alias_of", "body", "pending:int", "apart:int", "held:int", "failing:int", "created_at:int", "updated_at:int", "position:int")
	f.bulk("contact_record", 3, n, func(i int) []any {
		return []any{recordOf(i), id(i), "linked", int64(1), int64(1), []byte{0}, int64(1)}
	}, "record", "contact", "link", "linked_by:int", "linked_at:int", "body:blob", "position:int")
	type held struct {
		key    []byte
		record string
	}
	keys := make([]held, n)
	for i := range keys {
		keys[i] = held{v.Blind("contact "+identity.KindPhone, phoneOf(i)), recordOf(i)}
	}
	slices.SortFunc(keys, func(x, y held) int { return bytes.Compare(x.key, y.key) }) // written in their order: quicker
	f.bulk("contact_key", 4, n, func(i int) []any { return []any{keys[i].key, keys[i].record} }, "key:blob", "record")
}

// bulk writes rows of version 1; columns are texts unless they say otherwise.
func (f filler) bulk(table string, key, n int, row func(i int) []any, columns ...string) {
	f.b.Helper()
	op := eventstore.BulkOp{Mode: eventstore.InsertNew, Table: table, Key: key, Columns: []eventstore.Column{
		{Name: "connection", Kind: eventstore.Text}, {Name: "version", Kind: eventstore.Int},
	}}
	for _, c := range columns {
		op.Columns = append(op.Columns, column(c))
	}
	const chunk = 5000
	for from := 0; from < n; from += chunk {
		var rows [][]any
		for i := from; i < min(from+chunk, n); i++ {
			rows = append(rows, append([]any{"default", int64(1)}, row(i)...))
		}
		if err := f.a.Store.InTx(f.b.Context(), func(tx eventstore.Tx) error { return tx.Bulk(f.b.Context(), op, rows) }); err != nil {
			f.b.Fatal(err)
		}
	}
}

func column(text string) eventstore.Column {
	for suffix, kind := range map[string]eventstore.Kind{":int": eventstore.Int, ":blob": eventstore.Bytes} {
		if name, ok := strings.CutSuffix(text, suffix); ok {
			return eventstore.Column{Name: name, Kind: kind}
		}
	}
	return eventstore.Column{Name: text, Kind: eventstore.Text}
}
