package outbound_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections/outbound"
	"github.com/duolog/duolog/projections/undo"
)

// drive makes a seeded history: people appear and edit on both sides, webhooks come late, twice and out of order, the
// sync is paused, resumed and given other settings, operations are applied, records are deleted and merged, inputs are poison; the planner takes them in pages of
// many sizes.
func (s *scene) drive(steps int) {
	s.Helper()
	s.set(nil)
	for n := range 4 {
		sys := domain.Systems[n%2]
		s.hooks = append(s.hooks, s.born(sys, fmt.Sprint(n+1), person(sys, n, "P")))
	}
	for i := range steps {
		switch i {
		case steps / 3:
			s.act(domain.BaselineCompleted, domain.Act{})
		case steps / 2:
			s.set(func(set *settings.Settings) { set.PhoneRegion = "DE" })
		default:
			s.step()
		}
	}
	s.act(domain.SyncResumed, domain.Act{})
	s.settle()
}

func (s *scene) step() {
	s.Helper()
	switch n := s.rnd.IntN(26); {
	case n < 6:
		s.plan(s.process(func(c *outbound.Config) { c.Page = 1 + s.rnd.IntN(9) }))
	case n < 11:
		if all := s.waiting(); len(all) > 0 {
			s.send(all[s.rnd.IntN(len(all))])
		}
	case n < 15:
		s.deliver()
	case n < 20:
		s.randomEdit()
	case n == 20:
		s.act([]string{domain.SyncPaused, domain.SyncResumed, domain.SyncResumed}[s.rnd.IntN(3)], domain.Act{})
	case n == 21:
		s.newcomer()
	case n == 22:
		s.vanish()
	case n < 25:
		s.operate([]string{domain.OpPush, domain.OpPull, domain.OpMatch, domain.OpReconcile, domain.OpUndo}[s.rnd.IntN(5)])
	default:
		s.append(eventstore.NewEvent{
			ID: s.id(), Type: domain.RecordUpdated, Schema: 1, Stream: "hubspot/contact/" + fmt.Sprint(1+s.rnd.IntN(12)),
			Subject: eventstore.SubjectLog, Actor: "test", Data: []byte(`{"via":7}`),
		})
	}
}

// operate starts an operation on everybody, as they stand now; things may happen before its page is planned.
func (s *scene) operate(name string) {
	s.Helper()
	if name == domain.OpUndo {
		s.undo()
		return
	}
	var rows []domain.PlanRow
	control, _, err := outbound.EachPreview(s.Context(), s.store, s.log, domain.PlanSpec{Scope: domain.Scope{Name: name}}, s.tick(),
		func(p outbound.Previewed) error {
			rows = append(rows, domain.PlanRow{Contact: p.Contact, Digest: p.Digest})
			return nil
		})
	if err != nil {
		s.Fatal(err)
	}
	s.apply(name, outbound.Watch(control.Settings), rows)
}

// undo puts back what was written until now, where values came from first.
func (s *scene) undo() {
	s.Helper()
	var first, later []domain.PlanRow
	_, _, err := undo.Each(s.Context(), undo.Config{DB: s.store, Log: s.log, Now: s.tick(), Spec: domain.PlanSpec{
		Scope: domain.Scope{Name: domain.OpUndo}, Undo: &domain.Undo{From: 1, Source: s.rnd.IntN(2) == 0},
	}}, func(f undo.Found) error {
		for _, r := range f.Rows {
			row := domain.PlanRow{Contact: f.Contact, Digest: r.Preview.Digest, Back: r.Back}
			if r.Source {
				first = append(first, row)
			} else {
				later = append(later, row)
			}
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	s.apply(domain.OpUndo, nil, first, later)
}

// apply starts an operation of some pages.
func (s *scene) apply(name string, watch map[domain.System][]string, pages ...[]domain.PlanRow) {
	s.Helper()
	page := domain.PlanPage{Scope: domain.Scope{Name: name}, Operation: s.id(), Watch: watch}
	s.append(s.actOf(page.Operation, domain.OperationStarted, domain.Act{Name: name, Counts: map[string]int64{domain.CountBudget: 2}}))
	for _, rows := range pages {
		page.Rows = rows
		s.append(s.actOf(s.id(), domain.PlanApplied, page))
		page.First += int64(len(rows))
	}
}

func (s *scene) actOf(id ulid.ULID, kind string, payload any) eventstore.NewEvent {
	s.Helper()
	data, err := json.Marshal(payload)
	if err != nil {
		s.Fatal(err)
	}
	return eventstore.NewEvent{
		ID: id, Type: kind, Schema: 1, Stream: "connection", Subject: eventstore.SubjectLog, Actor: "test", Data: data,
	}
}

// deliver appends webhooks that are under way, some again.
func (s *scene) deliver() {
	s.Helper()
	for range 1 + s.rnd.IntN(3) {
		if len(s.hooks) == 0 {
			return
		}
		i := s.rnd.IntN(len(s.hooks))
		h := s.hooks[i]
		if s.rnd.IntN(4) == 0 {
			h.ID = s.id() // and once more later
		} else {
			s.hooks = append(s.hooks[:i], s.hooks[i+1:]...)
		}
		s.append(h)
	}
}

func (s *scene) randomEdit() {
	s.Helper()
	sys := domain.Systems[s.rnd.IntN(2)]
	ids := sortedIDs(s.systems[sys])
	if len(ids) == 0 {
		return
	}
	rec := domain.Record{System: sys, ID: ids[s.rnd.IntN(len(ids))]}
	name := names[sys][1+s.rnd.IntN(2)]
	value := []string{"Ann", "Bob", "Cyd", "p1@example.com", "p9@example.com"}[s.rnd.IntN(5)]
	s.hooks = append(s.hooks, s.edit(rec, name, value, false))
}

// newcomer is a record that may share its number or email with another.
func (s *scene) newcomer() {
	s.Helper()
	sys := domain.Systems[s.rnd.IntN(2)]
	s.made++
	s.hooks = append(s.hooks, s.born(sys, fmt.Sprint(100+s.made), person(sys, s.rnd.IntN(7), "N")))
}

// vanish deletes a HubSpot record, or merges it into a new one.
func (s *scene) vanish() {
	s.Helper()
	ids := sortedIDs(s.systems[domain.HubSpot])
	if len(ids) < 2 {
		return
	}
	a, b := domain.Record{System: domain.HubSpot, ID: ids[0]}, domain.Record{System: domain.HubSpot, ID: ids[1]}
	gone := domain.Fact{Via: "webhook", Clock: s.tick()}
	if s.rnd.IntN(2) == 0 {
		delete(s.systems[domain.HubSpot], a.ID)
		s.hooks = append(s.hooks, s.fact(domain.RecordDeleted, a, gone))
		return
	}
	s.made++
	c := domain.Record{System: domain.HubSpot, ID: fmt.Sprint(200 + s.made)}
	s.systems[domain.HubSpot][c.ID] = s.systems[domain.HubSpot][a.ID]
	delete(s.systems[domain.HubSpot], a.ID)
	delete(s.systems[domain.HubSpot], b.ID)
	s.hooks = append(s.hooks, s.fact(domain.RecordDeleted, b, gone), s.fact(domain.RecordMerged, c,
		domain.Fact{Via: "webhook", Clock: s.now, Merged: []domain.Record{a, b}, Primary: a}))
}

// TestOneComputation: the live run, a rebuild from the log alone, and planning again with a restart at every position
// or in other pages end in the same rows, and decide the same to the byte.
func TestOneComputation(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{13, 60, 96, 134} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			backends.Each(t, func(t *testing.T, store eventstore.Store) { oneComputation(t, store, seed) })
		})
	}
}

func oneComputation(t *testing.T, store eventstore.Store, seed uint64) {
	t.Helper()
	s := newScene(t, store)
	s.rnd = rand.New(rand.NewPCG(seed, 1))
	s.drive(150)
	want, decided := s.rows(), s.decisions()
	if len(want) < 20 || len(decided) < 30 {
		t.Fatalf("%d rows of %d decisions: too little to prove anything", len(want), len(decided))
	}
	var last, total int64
	err := outbound.Rebuild(t.Context(), store, s.log, func(done, end int64) { last, total = done, end })
	if err != nil {
		t.Fatalf("rebuild: %v\n%s", err, s.story())
	}
	s.same("rebuilt", want)
	if last != total || total != int64(len(s.events())) {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	s.only(2)
	s.agrees()
	for _, page := range []int{1, 7, 500} {
		s.again(page, decided)
		s.same(fmt.Sprintf("planned again in pages of %d", page), want)
	}
}

// only checks that one version is left.
func (s *scene) only(version int64) {
	s.Helper()
	for _, table := range []string{"outbound", "outbound_record", "outbound_contact", "outbound_key"} {
		s.query("SELECT DISTINCT version FROM "+table+" WHERE connection = $1", func(r eventstore.Rows) error {
			var v int64
			err := r.Scan(&v)
			if v != version {
				s.Errorf("%s holds version %d", table, v)
			}
			return err
		})
	}
}

// again plans the whole log from nothing, a new process for every step, and compares what it decides.
func (s *scene) again(page int, decided map[ulid.ULID][]byte) {
	s.Helper()
	for _, table := range []string{"outbound", "outbound_record", "outbound_contact", "outbound_key"} {
		if _, err := s.store.Exec(s.Context(), "DELETE FROM "+table+" WHERE connection = $1", s.log.Connection()); err != nil {
			s.Fatal(err)
		}
	}
	db := &replayed{Store: s.store, t: s.T, decided: decided, done: map[ulid.ULID]bool{}}
	for n := 1; n > 0; {
		var err error
		if n, err = s.process(func(c *outbound.Config) { c.DB, c.Page = db, page }).Step(s.Context()); err != nil {
			s.Fatalf("pages of %d: %v", page, err)
		}
	}
	if len(db.done) != len(decided) {
		s.Fatalf("pages of %d: %d decisions, first %d", page, len(db.done), len(decided))
	}
}

// replayed is a database in which decisions stand already: they are compared and not appended, and commands are not
// inserted.
type replayed struct {
	eventstore.Store
	t       *testing.T
	decided map[ulid.ULID][]byte
	done    map[ulid.ULID]bool
}

func (r *replayed) InTx(ctx context.Context, fn func(eventstore.Tx) error) error {
	return r.Store.InTx(ctx, func(tx eventstore.Tx) error { return fn(replayedTx{tx, r}) })
}

type replayedTx struct {
	eventstore.Tx
	*replayed
}

func (r replayedTx) Bulk(ctx context.Context, op eventstore.BulkOp, rows [][]any) error {
	if op.Table == "outbox" {
		return nil
	}
	return r.Tx.Bulk(ctx, op, rows)
}

func (r replayedTx) Append(_ context.Context, _ eventstore.Log, events ...eventstore.NewEvent) (
	[]eventstore.Appended, error,
) {
	for _, e := range events {
		if !bytes.Equal(e.Data, r.decided[e.ID]) {
			r.t.Fatalf("on %d decided\n%s\nfirst\n%s", e.Causation, e.Data, r.decided[e.ID])
		}
		r.done[e.ID] = true
	}
	return make([]eventstore.Appended, len(events)), nil
}

func (r replayedTx) Exec(ctx context.Context, q string, args ...any) (int64, error) {
	return r.Tx.Exec(ctx, q, args...)
}

func (r replayedTx) Query(ctx context.Context, q string, args ...any) (eventstore.Rows, error) {
	return r.Tx.Query(ctx, q, args...)
}

func (r replayedTx) QueryKeys(ctx context.Context, q string, keys any, args ...any) (eventstore.Rows, error) {
	return r.Tx.QueryKeys(ctx, q, keys, args...)
}

// TestRebuildCannotReachTheOutbox: what rebuilds does not know the package that could add a command.
func TestRebuildCannotReachTheOutbox(t *testing.T) {
	files, err := filepath.Glob("state/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			if path == "github.com/duolog/duolog/projections/outbound/outbox" {
				t.Errorf("%s imports the outbox", file)
			}
		}
	}
}

// meddled is a database in which something happens before each transaction begins.
type meddled struct {
	eventstore.Store
	before func(n int)
	count  int
}

func (m *meddled) InTx(ctx context.Context, fn func(eventstore.Tx) error) error {
	m.count++
	m.before(m.count)
	return m.Store.InTx(ctx, fn)
}

// TestRebuildBesideThePlanner: whatever the planner writes while a rebuild is about to swap stands in the new version.
func TestRebuildBesideThePlanner(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.open()
		s.people(3)
		s.settle()
		p, want := s.process(nil), []string(nil)
		db := &meddled{Store: store, before: func(n int) {
			if n > 9 || n%2 == 0 { // every other time, so that the rebuild is about to swap now and then
				return
			}
			s.append(s.edit(domain.Record{System: domain.HubSpot, ID: "1"}, "firstname", fmt.Sprint("Bob ", n), false))
			s.plan(p)
			want = s.rows()
		}}
		if err := outbound.Rebuild(t.Context(), db, s.log, nil); err != nil {
			t.Fatal(err)
		}
		s.same("after the swap", want)
	})
}
