package outbound_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/eventstore/sqlite"
	"github.com/duolog/duolog/projections/lease"
	"github.com/duolog/duolog/projections/outbound"
	"github.com/duolog/duolog/projections/outbound/state"
)

var errBroken = errors.New("the wire broke")

// broken is a database whose nth transaction fails: before its commit, or, with after, when it was committed but
// nobody is told.
type broken struct {
	eventstore.Store
	nth   int
	after bool
	count int
}

func (b *broken) InTx(ctx context.Context, fn func(eventstore.Tx) error) error {
	b.count++
	if b.count != b.nth {
		return b.Store.InTx(ctx, fn)
	}
	err := b.Store.InTx(ctx, func(tx eventstore.Tx) error {
		if err := fn(tx); err != nil || b.after {
			return err
		}
		return errBroken
	})
	if err == nil {
		err = errBroken
	}
	return err
}

// people appends n of them, born in HubSpot, and returns the position of the last.
func (s *scene) people(n int) int64 {
	s.Helper()
	events := make([]eventstore.NewEvent, n)
	for i := range n {
		events[i] = s.born(domain.HubSpot, fmt.Sprint(i+1), person(domain.HubSpot, i, "P"))
	}
	return s.append(events...)
}

// commands lists the ids of what was decided and of what lies in the outbox, both sorted.
func (s *scene) commands() (decided, queued []ulid.ULID) {
	s.Helper()
	for _, e := range s.events() {
		if e.Type != domain.DecisionMade {
			continue
		}
		d, err := state.Decision(e)
		if err != nil {
			s.Fatal(err)
		}
		for _, c := range d.Commands {
			decided = append(decided, c.ID)
		}
	}
	for _, e := range s.waiting() {
		queued = append(queued, e.Command)
	}
	slices.SortFunc(decided, ulid.ULID.Compare)
	slices.SortFunc(queued, ulid.ULID.Compare)
	return decided, queued
}

// exactly checks that n commands were decided and all of them, and no others, wait in the outbox.
func (s *scene) exactly(n int) {
	s.Helper()
	decided, queued := s.commands()
	if len(decided) != n || !slices.Equal(decided, queued) {
		s.Fatalf("%d commands decided, %d in the outbox, want the same %d", len(decided), len(queued), n)
	}
}

// TestCommit: a transaction that fails leaves nothing, and one that was committed though it was said to have failed
// is not done again.
func TestCommit(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprint("committed ", after), func(t *testing.T) {
			backends.Each(t, func(t *testing.T, store eventstore.Store) {
				s := newScene(t, store)
				s.open()
				s.plan(s.process(nil))
				s.people(5)
				before := s.rows()
				p := s.process(func(c *outbound.Config) { c.DB = &broken{Store: store, nth: 1, after: after} })
				if _, err := p.Step(t.Context()); !errors.Is(err, errBroken) {
					t.Fatalf("step: %v", err)
				}
				if !after {
					s.exactly(0)
					s.same("after a transaction that failed", before)
				}
				s.plan(p)
				s.exactly(5)
			})
		})
	}
}

// TestTwoProcesses: of two that plan the same inputs without a lease, one loses, and nothing is done twice.
func TestTwoProcesses(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.open()
		a, b := s.process(nil), s.process(nil)
		s.plan(a)
		s.plan(b)
		s.people(3)
		s.plan(a)
		if _, err := b.Step(t.Context()); !errors.Is(err, outbound.ErrMoved) {
			t.Fatalf("the second: %v, want ErrMoved", err)
		}
		s.plan(b)
		s.exactly(3)
	})
}

// TestLeaseFence: an owner that lost its lease writes nothing.
func TestLeaseFence(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.open()
		s.plan(s.process(nil))
		old := s.formerOwner()
		s.people(2)
		p := s.process(func(c *outbound.Config) { c.Lease = old })
		if _, err := p.Step(t.Context()); !errors.Is(err, lease.ErrLost) {
			t.Fatalf("a lost lease: %v", err)
		}
		s.exactly(0)
	})
}

// formerOwner is the handle of an owner that has lost its lease to another.
func (s *scene) formerOwner() *lease.Handle {
	s.Helper()
	ended, stop := context.WithCancel(s.Context())
	var old *lease.Handle
	err := (&lease.Keeper{DB: s.store, Logger: slog.New(slog.DiscardHandler)}).Run(ended, "acme", "first", func(_ context.Context, h *lease.Handle) error {
		old = h
		stop()
		return nil
	})
	if old == nil {
		s.Fatalf("no lease: %v", err)
	}
	takeOver(s.T, s.store)
	return old
}

// takeOver has a second owner take the connection, and give it back.
func takeOver(t *testing.T, store eventstore.Store) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 3*lease.TTL)
	defer stop()
	owned := false
	err := (&lease.Keeper{DB: store, Logger: slog.New(slog.DiscardHandler)}).Run(ctx, "acme", "second", func(context.Context, *lease.Handle) error {
		owned = true
		stop()
		return nil
	})
	if !owned {
		t.Fatalf("no second owner: %v", err)
	}
}

// TestPoison: inputs that cannot be decided are parked, their neighbours are not held up, and their contacts take in
// what they are told until a person has the planner try again.
func TestPoison(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.open()
		bad := func(id string) eventstore.NewEvent {
			return eventstore.NewEvent{
				ID: s.id(), Type: domain.RecordUpdated, Schema: 1, Stream: "hubspot/contact/" + id,
				Subject: eventstore.SubjectLog, Actor: "test", Data: []byte(`{"via":7}`),
			}
		}
		first := s.born(domain.HubSpot, "1", person(domain.HubSpot, 1, "P"))
		s.append(bad("1"), bad("2"), s.born(domain.HubSpot, "3", person(domain.HubSpot, 3, "P")), first)
		s.plan(s.process(nil))
		s.exactly(1) // the neighbour's
		parked := s.parked()
		if len(parked) != 2 {
			t.Fatalf("%d parked, want 2\n%s", len(parked), s.story())
		}
		s.act(domain.SyncPaused, domain.Act{})
		s.act(domain.SyncResumed, domain.Act{})
		s.plan(s.process(nil))
		s.exactly(1)
		s.act(domain.PlannerRetried, domain.Act{Contact: parked[0]})
		s.plan(s.process(nil))
		s.exactly(2)
	})
}

// TestPanic: a contact whose stored state makes the planner panic is parked, and its neighbour goes on: on a fact, on
// the act that opens the sync, and on an outcome, on which already the folding panics.
func TestPanic(t *testing.T) {
	first, second := domain.Record{System: domain.HubSpot, ID: "1"}, domain.Record{System: domain.HubSpot, ID: "2"}
	rename := func(s *scene) {
		s.append(s.edit(first, "firstname", "Bob", false), s.edit(second, "firstname", "Bob", false))
	}
	for _, c := range []struct {
		name    string
		run     func(s *scene)
		waiting int // commands, at the end
	}{
		{"fact", func(s *scene) {
			s.damage(first)
			rename(s)
		}, 1},
		{"act", func(s *scene) {
			s.damage(first)
			s.act(domain.SyncPaused, domain.Act{})
			rename(s)
			s.act(domain.SyncResumed, domain.Act{})
		}, 1},
		{"outcome", func(s *scene) {
			rename(s)
			s.plan(s.process(nil))
			s.damage(first)
			for _, e := range s.waiting() {
				s.send(e)
			}
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			backends.Each(t, func(t *testing.T, store eventstore.Store) {
				s := newScene(t, store)
				s.open()
				s.people(2)
				s.settle()
				c.run(s)
				s.plan(s.process(nil))
				if parked, waiting := s.parked(), s.waiting(); len(parked) != 1 || len(waiting) != c.waiting {
					t.Fatalf("%d parked and %d commands, want 1 and %d\n%s", len(parked), len(waiting), c.waiting, s.story())
				}
			})
		})
	}
}

// damage gives a record's contact a field without a state, as no program of ours writes it.
func (s *scene) damage(rec domain.Record) {
	s.Helper()
	s.query(`SELECT contact, body FROM outbound_contact r WHERE `+live+` AND contact =
		(SELECT contact FROM outbound_record r WHERE `+live+` AND record = '`+rec.Stream()+`')`,
		func(r eventstore.Rows) error {
			var id, body string
			var c map[string]json.RawMessage
			var fields map[string]any
			if err := errors.Join(r.Scan(&id, &body), json.Unmarshal([]byte(body), &c), json.Unmarshal(c["fields"], &fields)); err != nil {
				return err
			}
			fields["none"] = nil
			c["fields"], _ = json.Marshal(fields)
			b, _ := json.Marshal(c)
			return s.store.InTx(s.Context(), func(tx eventstore.Tx) error {
				_, err := tx.Exec(s.Context(), `UPDATE outbound_contact SET body = $1 WHERE connection = $2 AND contact = $3`,
					string(b), s.log.Connection(), id)
				return err
			})
		})
}

// parked lists the contacts that were parked, once for each time.
func (s *scene) parked() (contacts []ulid.ULID) {
	s.Helper()
	for _, e := range s.events() {
		if e.Type != domain.DecisionMade {
			continue
		}
		if d, _ := state.Decision(e); d.Whole != nil && d.Whole.Result == planner.Parked {
			contacts = append(contacts, d.Contact)
		}
	}
	return contacts
}

// TestNewerEvent: events of a newer program stop the planner; they are not parked.
func TestNewerEvent(t *testing.T) {
	s := newScene(t, backends.SQLite(t))
	s.open()
	e := s.born(domain.HubSpot, "1", person(domain.HubSpot, 1, "P"))
	e.Schema = domain.SchemaOf(e.Type) + 1
	s.append(e)
	p := s.process(nil)
	var err error
	for n := 1; n > 0 && err == nil; {
		n, err = p.Step(t.Context())
	}
	if !errors.Is(err, domain.ErrNewerSchema) || len(s.decisions()) > 0 {
		t.Fatalf("%v, want ErrNewerSchema and no decision", err)
	}
}

// TestRelease: after a resume every dirty contact is planned exactly once, in id order, whatever breaks in between.
func TestRelease(t *testing.T) {
	const people = 450
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.open()
		s.act(domain.SyncPaused, domain.Act{})
		s.people(people)
		s.plan(s.process(nil))
		s.exactly(0)
		act := s.act(domain.SyncResumed, domain.Act{})
		for _, db := range []*broken{{Store: store, nth: 2}, {Store: store, nth: 3, after: true}} {
			p := s.process(func(c *outbound.Config) { c.DB = db })
			if _, err := p.Step(t.Context()); !errors.Is(err, errBroken) {
				t.Fatalf("step: %v", err)
			}
			want := s.rows()
			if err := outbound.Rebuild(t.Context(), store, s.log, nil); err != nil {
				t.Fatalf("rebuild in the midst: %v", err)
			}
			s.same("rebuilt in the midst", want)
		}
		s.exactly(400) // two chunks, the second of which was said to have failed
		s.plan(s.process(nil))
		s.exactly(people)
		var order []string
		for _, e := range s.events() {
			if e.Type == domain.DecisionMade && e.Causation == act {
				order = append(order, e.Stream)
			}
		}
		if len(order) != people || !slices.IsSorted(order) || len(slices.Compact(order)) != people {
			t.Fatalf("%d decisions on the act, sorted %t", len(order), slices.IsSorted(order))
		}
	})
}

// TestSealed: no value stands in clear in the database's files.
func TestSealed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "duolog.db")
	store, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, MasterKey: eventstore.NewMasterKey(), Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	s := newScene(t, store)
	s.open()
	s.people(3)
	s.plan(s.process(nil))
	s.exactly(3)
	if err := outbound.Rebuild(t.Context(), store, s.log, nil); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(s.rows(), func(r string) bool { return bytes.Contains([]byte(r), []byte(surname)) }) {
		t.Fatal("the name is nowhere in planner state: this test proves nothing")
	}
	if err := store.Close(); err != nil { // which writes the log of writes into the file
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		all, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{surname, "p1@example.com", "+18182124001"} {
			if bytes.Contains(all, []byte(secret)) {
				t.Errorf("%s holds %q in clear", filepath.Base(file), secret)
			}
		}
	}
}
