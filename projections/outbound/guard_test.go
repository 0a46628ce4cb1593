package outbound_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections/outbound"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// crowd is a connection with people in both systems who agree, under a guard that lets ten be written to within an hour.
func crowd(t *testing.T, store eventstore.Store, people int) *scene {
	t.Helper()
	s := newScene(t, store)
	s.set(func(set *settings.Settings) {
		set.Guards = settings.Guards{MaxChangedShare: 5, MaxDeletedShare: 5, EmptiedSide: settings.EmptiedPause}
	})
	s.act(domain.BaselineCompleted, domain.Act{})
	s.people(people)
	s.settle()
	return s
}

// rename changes first names in HubSpot, by one webhook each.
func (s *scene) rename(from, to int, name string) {
	s.Helper()
	var hooks []eventstore.NewEvent
	for _, id := range sortedIDs(s.systems[domain.HubSpot])[from:to] {
		hooks = append(hooks, s.edit(domain.Record{System: domain.HubSpot, ID: id}, "firstname", name, false))
	}
	s.append(hooks...)
}

// pauses lists the acts of a guard.
func (s *scene) pauses() (trips []domain.Trip) {
	s.Helper()
	for _, e := range s.events() {
		var a domain.Act
		if e.Type == domain.SyncPaused && json.Unmarshal(e.Data, &a) == nil && a.Guard != nil {
			trips = append(trips, *a.Guard)
		}
	}
	return trips
}

// TestGuardPauses: the decision on which a guard trips and the act that pauses the sync are committed together, once,
// and everybody after the limit is held; a resume plans them.
func TestGuardPauses(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := crowd(t, store, 40)
		s.rename(0, 25, "Bob")
		for _, db := range []*broken{{Store: store, nth: 1}, {Store: store, nth: 1, after: true}} {
			p := s.process(func(c *outbound.Config) { c.DB = db })
			if _, err := p.Step(t.Context()); !errors.Is(err, errBroken) {
				t.Fatalf("step: %v", err)
			}
			if n := len(s.pauses()); n != map[bool]int{false: 0, true: 1}[db.after] {
				t.Fatalf("%d pauses, committed %t", n, db.after)
			}
		}
		s.plan(s.process(nil))
		want := domain.Trip{Guard: planner.GuardChanged, Counted: 11, Limit: 10, Of: 40, Share: 5}
		if got := s.pauses(); len(got) != 1 || got[0] != want {
			t.Fatalf("paused %+v, want %+v", got, want)
		}
		if n := len(s.waiting()); n != 10 {
			t.Fatalf("%d writes, want ten", n)
		}
		s.act(domain.SyncResumed, domain.Act{})
		s.plan(s.process(nil))
		if n := len(s.waiting()); n != 25 || len(s.pauses()) != 1 {
			t.Fatalf("%d writes after a person went on, want 25; %d pauses", n, len(s.pauses()))
		}
	})
}

// TestGuardIsOneComputation: what guards counted, and on whom they tripped, is the same live, rebuilt from the log, and
// planned again in pages of any size, also when acts come between an input and what was decided on it.
func TestGuardIsOneComputation(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2} {
		backends.Each(t, func(t *testing.T, store eventstore.Store) {
			s := crowd(t, store, 30)
			s.rnd = rand.New(rand.NewPCG(seed, 2))
			for range 40 {
				s.stir()
			}
			s.act(domain.SyncResumed, domain.Act{})
			s.plan(s.process(nil))
			if len(s.pauses()) < 2 {
				t.Fatalf("%d pauses: too little to prove anything", len(s.pauses()))
			}
			want, decided := s.rows(), s.decisions()
			if err := outbound.Rebuild(t.Context(), store, s.log, nil); err != nil {
				t.Fatal(err)
			}
			s.same("rebuilt", want)
			s.agrees()
			for _, page := range []int{1, 7, 500} {
				s.again(page, decided)
				s.same("planned again", want)
			}
		})
	}
}

// stir lets something happen before the planner looks again: changes, people gone, a sweep, another schema, the gate of a
// field, writes answered or refused, pauses and resumes.
func (s *scene) stir() {
	s.Helper()
	for range 1 + s.rnd.IntN(4) {
		switch s.rnd.IntN(12) {
		case 0, 1, 2:
			from := s.rnd.IntN(20)
			s.rename(from, from+1+s.rnd.IntN(9), []string{"Ann", "Bob", "Cyd"}[s.rnd.IntN(3)])
		case 3:
			id := sortedIDs(s.systems[domain.HubSpot])[s.rnd.IntN(20)]
			s.append(s.fact(domain.RecordAbsent, domain.Record{System: domain.HubSpot, ID: id}, domain.Fact{Via: "scan", Clock: s.tick()}))
		case 4:
			s.act(domain.SweepCompleted, domain.Act{Counts: map[string]int64{"known_hubspot": 30, "found_hubspot": int64(s.rnd.IntN(8))}})
		case 5, 6:
			s.act(domain.SyncResumed, domain.Act{})
		case 7:
			s.act(domain.SyncPaused, domain.Act{})
		case 8:
			s.append(s.event(domain.SchemaObserved, "schema/aloware", eventstore.SubjectLog, domain.Schema{
				System: domain.Aloware, Clock: s.tick(), Digest: fmt.Sprint(s.rnd.IntN(3)), Properties: []domain.Property{{Name: "x"}},
			}))
		case 9:
			s.act(domain.GateChanged, domain.Act{Field: "first_name", Open: s.rnd.IntN(2) == 0, Reason: "a test"})
		case 10:
			if all := s.waiting(); len(all) > 0 {
				s.refuse(all[s.rnd.IntN(len(all))], "PROPERTY_DOESNT_EXIST")
			}
		default:
			if all := s.waiting(); len(all) > 0 {
				s.send(all[s.rnd.IntN(len(all))])
			}
		}
	}
	if s.rnd.IntN(3) > 0 {
		s.plan(s.process(func(c *outbound.Config) { c.Page = 1 + s.rnd.IntN(30) }))
	}
}

// refuse answers a write by refusing all of its properties.
func (s *scene) refuse(e *outbox.Entry, why string) {
	s.Helper()
	o := domain.Outcome{
		Record: e.Record, Result: domain.ResultRejected, Reason: domain.ReasonInvalid, Refused: map[string]string{},
	}
	for name := range e.Payload.Values {
		o.Refused[name] = why
	}
	answer, err := outbox.Outcome(s.log.Vault(), e.Row, o, s.id())
	if err != nil {
		s.Fatal(err)
	}
	s.settleBy(e, answer)
}
