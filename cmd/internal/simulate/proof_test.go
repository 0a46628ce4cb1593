package simulate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/transfer"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/outbound"
	"github.com/duolog/duolog/projections/outbound/state"
	"github.com/duolog/duolog/projections/replay"
)

// proved counts what a proof rests on.
type proved struct {
	rows, decisions, adopted, found, copies int
	erasures                                int
}

func (p *proved) add(o proved) {
	p.rows, p.decisions, p.adopted = p.rows+o.rows, p.decisions+o.decisions, p.adopted+o.adopted
	p.found, p.copies, p.erasures = p.found+o.found, p.copies+o.copies, p.erasures+o.erasures
}

// proof holds what a run left in its database against what the log says.
type proof struct {
	*testing.T
	seed             uint64
	path, key, story string
}

// run proves one history; there and back, it is copied to PostgreSQL and to SQLite again.
func (p proof) run(copied bool) (sum proved) {
	here := app.Config{Connection: connection, DatabaseURL: "sqlite:" + p.path, MasterKeyFile: p.key}
	a := p.open(here)
	p.must(a.CatchUp(p.Context()))
	incremental, waiting := p.rows(a), p.texts(a, "SELECT command || state FROM outbox ORDER BY command")
	for _, one := range app.Projections() {
		d, err := a.Runner.Compare(p.Context(), one.Name(), nil)
		p.must(err)
		if d.Differences() > 0 {
			p.Errorf("%s rebuilt differs: %+v", one.Name(), d.Tables)
		}
		p.must(a.Runner.Rebuild(p.Context(), one.Name(), nil))
	}
	p.must(outbound.Rebuild(p.Context(), a.Store, a.Log, nil))
	p.same("rebuilt", p.rows(a), incremental)
	if left := p.texts(a, "SELECT command || state FROM outbox ORDER BY command"); !slices.Equal(left, waiting) {
		p.Errorf("a rebuild touched what waits to be sent: %v, was %v", left, waiting)
	}
	for _, rows := range incremental {
		sum.rows += len(rows)
	}
	sum.erasures = len(p.texts(a, "SELECT stream FROM event WHERE type = '"+domain.SubjectErased+"'"))
	sum.decisions, sum.adopted = p.replays(a)
	sum.found = p.finds(a)
	p.must(a.Close())
	if copied {
		p.copies(here)
		sum.copies++
	}
	return sum
}

func (p proof) open(c app.Config) *app.App {
	p.Helper()
	a, err := app.Open(p.Context(), c, discard)
	p.must(err)
	return a
}

func (p proof) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatalf("seed %d: %v\n%s", p.seed, err, p.story)
	}
}

// copies moves the log to PostgreSQL and back, and compares what is read there.
func (p proof) copies(here app.Config) {
	dir := p.TempDir()
	there, back := here, here
	there.DatabaseURL, there.MasterKeyFile, there.Migrate = eventstoretest.PostgresURL(p.T), filepath.Join(dir, "there.key"), true
	back.DatabaseURL, back.MasterKeyFile = "sqlite:"+filepath.Join(dir, "back.db"), filepath.Join(dir, "back.key")
	_, err := app.Move(p.Context(), here, there, app.CopyOptions{By: by}, discard)
	p.must(err)
	a := p.open(here)
	p.must(a.CatchUp(p.Context()))
	want := p.rows(a)
	p.must(a.Close())
	a = p.open(there)
	p.same("copied to PostgreSQL", p.rows(a), want)
	p.replays(a)
	p.must(a.Close())
	_, err = app.Move(p.Context(), there, back, app.CopyOptions{By: by}, discard)
	p.must(err)
	a = p.open(there) // its last event says that it was moved on, too
	p.must(a.CatchUp(p.Context()))
	want = p.rows(a)
	p.must(a.Close())
	a = p.open(back)
	p.same("copied back to SQLite", p.rows(a), want)
	p.must(a.Close())
}

// replays fails unless everything is decided again as it was.
func (p proof) replays(a *app.App) (decisions, adopted int) {
	p.Helper()
	sum, err := replay.Run(p.Context(), replay.Config{DB: a.Store, Log: a.Log})
	p.must(err)
	if sum.Differences() > 0 || len(sum.Declared) > 0 || sum.Same+sum.Adopted != sum.Decisions {
		p.Errorf("replay: %+v, first %+v", sum, sum.First)
	}
	return int(sum.Decisions), int(sum.Adopted)
}

// otherwise is a log one decision of which was made by another planner than this one.
type otherwise struct {
	eventstore.Log
	at int64
}

func (o otherwise) Read(ctx context.Context, after int64, limit int) ([]eventstore.Event, error) {
	events, err := o.Log.Read(ctx, after, limit)
	for i, e := range events {
		if e.Position != o.at {
			continue
		}
		d, derr := state.Decision(e)
		if d.Mode = domain.ModePilot; derr == nil {
			events[i].Data, derr = json.Marshal(d)
		}
		err = errors.Join(err, derr)
	}
	return events, err
}

// finds has one decision after the other differ, and counts those that are found where they lie: all but those that are
// taken as they are.
func (p proof) finds(a *app.App) (found int) {
	positions := p.numbers(a, "SELECT position FROM event WHERE type = '"+domain.DecisionMade+"' ORDER BY position")
	r := rng(p.seed, 10)
	for range min(4, len(positions)) {
		at := positions[r.IntN(len(positions))]
		sum, err := replay.Run(p.Context(), replay.Config{DB: a.Store, Log: otherwise{a.Log, at}})
		p.must(err)
		switch {
		case sum.Differences() == 1 && sum.First.Position == at:
			found++
		case sum.Differences() > 0 || sum.Adopted == 0:
			p.Errorf("the decision at %d was made otherwise: %+v, first %+v", at, sum, sum.First)
		}
	}
	return found
}

// rows are those of everything that a rebuild fills, by table, sealed ones opened.
func (p proof) rows(a *app.App) map[string][]string {
	p.Helper()
	all := map[string][]string{}
	status, err := a.Runner.Status(p.Context())
	p.must(err)
	for i, one := range app.Projections() {
		for _, t := range one.Tables() {
			all[t.Name] = p.table(a, t, status[i].Version)
		}
	}
	version := p.numbers(a, "SELECT version FROM outbound WHERE live = 1")[0]
	for _, t := range planned {
		all[t.Name] = p.table(a, t, version)
	}
	all["outbound"] = p.texts(a, "SELECT control FROM outbound WHERE live = 1")
	return all
}

// planned are the tables of the planner's state.
var planned = []projections.Table{
	{Name: "outbound_contact", Columns: columns(projections.Text, "contact", "body")},
	{Name: "outbound_key", Columns: append(columns(projections.Text, "record"), projections.Bytes("key"))},
	{
		Name: "outbound_record", Columns: append(columns(projections.Text, "record", "contact", "link", "meta"), projections.Bytes("body")),
		Sealed: &projections.Sealed{Column: "body", Subject: "record", Purpose: "outbound/record", Parts: func(b []byte) (map[string]string, error) {
			return map[string]string{"": string(b)}, nil
		}},
	},
}

func columns(kind func(string) eventstore.Column, names ...string) []eventstore.Column {
	all := []eventstore.Column{projections.Text("connection"), projections.Int("version")}
	for _, name := range names {
		all = append(all, kind(name))
	}
	return all
}

// table reads a version's rows.
func (p proof) table(a *app.App, t projections.Table, version int64) []string {
	p.Helper()
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	rows, err := a.Store.Query(p.Context(), "SELECT "+strings.Join(names, ", ")+" FROM "+t.Name+
		" WHERE connection = $1 AND version = $2", connection, version)
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (row map[string]any, err error) {
		into := make([]any, len(names))
		for i, c := range t.Columns {
			switch c.Kind {
			case eventstore.Int:
				into[i] = new(int64)
			case eventstore.Text:
				into[i] = new(string)
			default:
				into[i] = new([]byte)
			}
		}
		if err := r.Scan(into...); err != nil {
			return nil, err
		}
		row = map[string]any{}
		for i, name := range names {
			switch v := into[i].(type) {
			case *int64:
				row[name] = *v
			case *string:
				row[name] = *v
			case *[]byte:
				row[name] = fmt.Sprintf("%x", *v)
				if s := t.Sealed; s != nil && s.Column == name && len(*v) > 0 {
					row[name] = string(*v)
				}
			}
		}
		return row, nil
	})
	p.must(err)
	texts := make([]string, len(all))
	for i, row := range all {
		delete(row, "version")
		if t.Sealed != nil {
			row[t.Sealed.Column] = p.opened(a, *t.Sealed, row)
		}
		b, err := json.Marshal(row)
		p.must(err)
		texts[i] = string(b)
	}
	slices.Sort(texts)
	return texts
}

// opened is what a sealed column of a row holds.
func (p proof) opened(a *app.App, s projections.Sealed, row map[string]any) string {
	p.Helper()
	sealed, subject := row[s.Column].(string), row[s.Subject].(string)
	if sealed == "" {
		return ""
	}
	plain, err := a.Log.Vault().Open(p.Context(), subject, s.Purpose, []byte(sealed))
	if errors.Is(err, eventstore.ErrErased) {
		return "erased"
	}
	p.must(err)
	parts, err := s.Parts(plain)
	p.must(err)
	return fmt.Sprint(parts) // by name, sorted
}

// same fails with the rows that differ.
func (p proof) same(what string, got, want map[string][]string) {
	p.Helper()
	for _, table := range slices.Sorted(maps.Keys(want)) {
		for _, row := range got[table] {
			if !slices.Contains(want[table], row) {
				p.Errorf("seed %d, %s: %s has\n%s", p.seed, what, table, row)
			}
		}
		for _, row := range want[table] {
			if !slices.Contains(got[table], row) {
				p.Errorf("seed %d, %s: %s lacks\n%s", p.seed, what, table, row)
			}
		}
	}
}

func (p proof) texts(a *app.App, query string) []string {
	p.Helper()
	rows, err := a.Store.Query(p.Context(), query)
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (s string, err error) { return s, r.Scan(&s) })
	p.must(err)
	return all
}

func (p proof) numbers(a *app.App, query string) []int64 {
	p.Helper()
	rows, err := a.Store.Query(p.Context(), query)
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (n int64, err error) { return n, r.Scan(&n) })
	p.must(err)
	return all
}

// operational are the tables that are neither part of the log nor made from it.
var operational = []string{
	"outbox", "plan_row", "secret", "consumer", "consumer_partition", "consumer_parked", "consumer_member",
	"rejected_webhook", "parked_delivery", "lease", "lease_fence", "transfer", "rebuild", "goose_db_version", "goose_lock",
	"projection", "projection_live", "parked", "projection_bench",
}

// TestEveryTableIsProved: whatever a rebuild fills is compared, and the outbox is not among it.
func TestEveryTableIsProved(t *testing.T) {
	made := []string{"outbound"}
	for _, table := range planned {
		made = append(made, table.Name)
	}
	for _, one := range app.Projections() {
		for _, table := range one.Tables() {
			made = append(made, table.Name)
		}
	}
	path := filepath.Join(t.TempDir(), "duolog.db")
	p := proof{T: t, path: path}
	a := p.open(app.Config{Connection: connection, DatabaseURL: "sqlite:" + path, MasterKeyFile: filepath.Join(filepath.Dir(path), "key")})
	defer func() { p.must(a.Close()) }()
	log := slices.DeleteFunc(transfer.Copied(), func(name string) bool { return slices.Contains(operational, name) || name == "outbound" })
	for _, name := range p.texts(a, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") {
		if !slices.Contains(made, name) && !slices.Contains(operational, name) && !slices.Contains(log, name) {
			t.Errorf("nobody says what table %s is: neither the log's, nor operational, nor made from the log", name)
		}
	}
	for _, name := range operational {
		if slices.Contains(made, name) {
			t.Errorf("%s is made from the log", name)
		}
	}
}
