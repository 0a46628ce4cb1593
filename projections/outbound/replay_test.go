package outbound_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections/outbound"
	"github.com/duolog/duolog/projections/outbound/state"
	"github.com/duolog/duolog/projections/replay"
	"github.com/duolog/duolog/projections/replay/scratch"
)

// replay decides the whole log again; change, when not nil, changes events as they are read.
func (s *scene) replay(change func(eventstore.Event) []eventstore.Event) replay.Summary {
	s.Helper()
	log := s.log
	if change != nil {
		log = &altered{Log: s.log, change: change, changed: map[int64][]eventstore.Event{}}
	}
	sum, err := replay.Run(s.Context(), replay.Config{DB: s.store, Log: log, AtHand: 1, Scratch: scratch.Config{Dir: s.TempDir(), Memory: 1}})
	if err != nil {
		s.Fatal(err)
	}
	return sum
}

// altered is a log in which events read otherwise than they were written, the same each time.
type altered struct {
	eventstore.Log
	change  func(eventstore.Event) []eventstore.Event
	mu      sync.Mutex
	changed map[int64][]eventstore.Event
}

func (l *altered) Read(ctx context.Context, after int64, limit int) ([]eventstore.Event, error) {
	events, err := l.Log.Read(ctx, after, limit)
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []eventstore.Event
	for _, e := range events {
		now, ok := l.changed[e.Position]
		if !ok {
			now = l.change(e)
			l.changed[e.Position] = now
		}
		out = append(out, now...)
	}
	return out, err
}

// agrees fails unless a replay finds every decision again.
func (s *scene) agrees() {
	s.Helper()
	sum := s.replay(nil)
	if sum.Differences() > 0 || len(sum.Declared) > 0 {
		s.Fatalf("replayed: %+v\nfirst %+v\n%s", sum, sum.First, s.story())
	}
	if decided := int64(len(s.decisionEvents())); sum.Same != decided || sum.Decisions != decided || sum.Adopted > 0 {
		s.Fatalf("of %d decisions %d were replayed, %d the same", decided, sum.Decisions, sum.Same)
	}
}

// decisionEvents are the decisions in the log, in its order.
func (s *scene) decisionEvents() []eventstore.Event {
	return slices.DeleteFunc(s.events(), func(e eventstore.Event) bool { return e.Type != domain.DecisionMade })
}

// TestReplayFinds: one recorded decision that is not what the planner decides is found where it lies, alone, whatever
// it is about.
func TestReplayFinds(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.rnd = rand.New(rand.NewPCG(13, 1))
		s.drive(100)
		for name, c := range map[string]struct {
			change func(*planner.Decision) bool
			kind   string
		}{
			"a command's target": {func(d *planner.Decision) bool {
				if len(d.Commands) == 0 || d.Commands[0].Record.IsZero() {
					return false
				}
				d.Commands[0].Record.ID = "999"
				return true
			}, replay.Commands},
			"a command more": {func(d *planner.Decision) bool {
				d.Commands = append(d.Commands, planner.Command{Kind: domain.KindUpdate, System: domain.Aloware})
				return true
			}, replay.Commands},
			"a field's result": {func(d *planner.Decision) bool {
				if len(d.Fields) == 0 {
					return false
				}
				d.Fields[0].Result = planner.Blocked
				return true
			}, replay.Fields},
			"the contact's result": {func(d *planner.Decision) bool {
				if d.Whole == nil {
					return false
				}
				d.Whole.Rule = "another"
				return true
			}, replay.Whole},
			"the mode": {func(d *planner.Decision) bool { d.Mode = domain.ModePilot; return true }, replay.State},
		} {
			at := int64(0)
			sum := s.replay(func(e eventstore.Event) []eventstore.Event {
				if e.Type == domain.DecisionMade && e.Position > 60 && at == 0 {
					if d, err := state.Decision(e); err == nil && c.change(&d) {
						e.Data, _ = json.Marshal(d)
						at = e.Position
					}
				}
				return []eventstore.Event{e}
			})
			if at == 0 || sum.First == nil || sum.First.Position != at || sum.First.Kind != c.kind || sum.First.Recorded == sum.First.Now {
				t.Errorf("%s, changed at %d: %+v", name, at, sum.First)
			}
		}
		s.findsOneMissing()
		s.findsAnotherVersion()
		s.needsRoom()
	})
}

// needsRoom: where nothing can be put away, deciding again ends with that, and tells of no difference before.
func (s *scene) needsRoom() {
	s.Helper()
	c := replay.Config{
		DB: s.store, Log: s.log, AtHand: 1, Scratch: scratch.Config{Dir: s.TempDir() + "/none", Memory: 1},
		Differed: func(d replay.Difference) { s.Errorf("differs: %+v", d) },
		Began:    func(d replay.Divergence) { s.Errorf("begins to differ: %+v", d) },
	}
	sum, err := replay.Run(s.Context(), c)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "make room there") || sum.Inputs > 0 {
		s.Errorf("replay: %+v, %v", sum, err)
	}
	f, err := replay.WhatIf(s.Context(), c, s.edited(nil))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "make room there") || f.Inputs > 0 {
		s.Errorf("what if: %+v, %v", f, err)
	}
}

// findsOneMissing takes decisions out of the log, or puts one in.
func (s *scene) findsOneMissing() {
	s.Helper()
	all := s.decisionEvents()
	last := all[len(all)-1] // nothing follows from it
	sum := s.replay(func(e eventstore.Event) []eventstore.Event {
		if e.Position == last.Position {
			return nil
		}
		return []eventstore.Event{e}
	})
	if sum.Differences() != 1 || sum.Differing[replay.Added] != 1 || sum.First.Input != last.Causation {
		s.Errorf("a decision is missing: %+v, %+v", sum, sum.First)
	}
	sum = s.replay(func(e eventstore.Event) []eventstore.Event {
		if e.Position != last.Position {
			return []eventstore.Event{e}
		}
		other := e
		other.ID = s.id()
		return []eventstore.Event{e, other}
	})
	if sum.Differences() != 1 || sum.Differing[replay.Missing] != 1 || sum.First.Position != last.Position {
		s.Errorf("a decision too many: %+v, %+v", sum, sum.First)
	}
}

// findsAnotherVersion has an older planner have decided: what is the same is the same, and what is not is declared.
func (s *scene) findsAnotherVersion() {
	s.Helper()
	n := 0
	sum := s.replay(func(e eventstore.Event) []eventstore.Event {
		if e.Type == domain.DecisionMade {
			d, err := state.Decision(e)
			if err != nil {
				s.Fatal(err)
			}
			d.Planner = planner.Version - 1
			if len(d.Fields) > 0 && n == 0 {
				d.Fields[0].Rule, n = "an old one", n+1
			}
			e.Data, _ = json.Marshal(d)
		}
		return []eventstore.Event{e}
	})
	versions := fmt.Sprintf("%d → %d", planner.Version-1, planner.Version)
	if sum.Differences() != 0 || sum.Declared[versions] != 1 || sum.Same != sum.Decisions-1 {
		s.Errorf("an older planner: %+v, first %+v", sum, sum.First)
	}
}

// TestReplayErased: what was decided with regard to somebody who was erased is taken as it is, and everybody else is
// compared.
func TestReplayErased(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.rnd = rand.New(rand.NewPCG(60, 1))
		s.drive(100)
		gone := domain.Record{System: domain.HubSpot, ID: "2"}
		sum := s.replay(func(e eventstore.Event) []eventstore.Event {
			if e.Subject == gone.Stream() {
				e.Data, e.Erased = nil, true
			}
			return []eventstore.Event{e}
		})
		if sum.Differences() > 0 || sum.Adopted == 0 || sum.Same == 0 || sum.Same+sum.Adopted != int64(len(s.decisionEvents())) {
			t.Fatalf("%+v, first %+v", sum, sum.First)
		}
	})
}

// TestReplayUndo: what was put back from the log is decided again from it, and is the same; so are the rows it left.
func TestReplayUndo(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.rnd = rand.New(rand.NewPCG(13, 2))
		s.drive(60)
		for range 12 {
			s.randomEdit()
			s.settle()
		}
		s.undo()
		s.settle()
		undone := 0
		for _, e := range s.decisionEvents() {
			d, err := state.Decision(e)
			if err != nil {
				t.Fatal(err)
			}
			undone += len(slices.DeleteFunc(d.Fields, func(v planner.Verdict) bool { return v.Result != planner.Sent || v.Rule != domain.OpUndo }))
		}
		if undone == 0 {
			t.Error("nothing was put back")
		}
		s.agrees()
		want := s.rows()
		if err := outbound.Rebuild(t.Context(), store, s.log, nil); err != nil {
			t.Fatal(err)
		}
		s.same("rebuilt", want)
	})
}

// TestReplayPart: only what is asked for is compared.
func TestReplayPart(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.rnd = rand.New(rand.NewPCG(96, 1))
		s.drive(100)
		all := s.decisionEvents()
		from, to := all[len(all)/3].Causation, all[2*len(all)/3].Causation
		var within, about int64
		contact := all[len(all)/2].Stream
		id, err := state.Decision(all[len(all)/2])
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			if e.Causation >= from && e.Causation <= to {
				within++
			}
			if e.Stream == contact {
				about++
			}
		}
		sum, err := replay.Run(t.Context(), replay.Config{DB: s.store, Log: s.log, From: from, To: to})
		if err != nil || sum.Same != within || sum.Decisions != within || sum.From != from || sum.To != to {
			t.Errorf("from %d to %d, with %d decisions: %+v, %v", from, to, within, sum, err)
		}
		sum, err = replay.Run(t.Context(), replay.Config{DB: s.store, Log: s.log, Contact: id.Contact})
		if err != nil || sum.Same < about || sum.Same == int64(len(all)) {
			t.Errorf("of a contact with %d decisions: %+v, %v", about, sum, err)
		}
	})
}
