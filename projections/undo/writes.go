package undo

import (
	"bytes"
	"context"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/state"
)

// place is a field in one system.
type place struct {
	field  string
	system domain.System
}

// send is one write of one field.
type send struct {
	field   string
	input   int64 // on which it was decided
	command ulid.ULID
	record  domain.Record // written to
	digest  string        // of what was written
	from    domain.System // whose value it was, none for one from before
	value   *planner.Ref  // …and where that stood
	was     string        // digest of what had been agreed on there before
	over    string        // digest of what the write went over
	// settled: it was answered, and written: with yes. shown is the digest of what the answer shows.
	settled, written bool
	shown            string
}

// written is what was written for a contact, in the order it was decided.
type written struct {
	sends map[place][]*send
	made  map[domain.System]bool // records that were made
	// right, in a repair, is what would be written today, the last of each place; unlike: something else differs.
	right  map[place]*send
	unlike bool
}

// scan gathers what was written in the part of the log a plan asks for, and what became of it since.
type scan struct {
	log      eventstore.Log
	spec     domain.PlanSpec
	asks     func(contact ulid.ULID) bool
	view     *planner.View  // reads values as the planner does
	wrong    map[int64]bool // positions of decisions, in a repair
	contacts map[ulid.ULID]*written
	commands map[ulid.ULID][]*send
}

// pageSize is how many events are read at once.
const pageSize = 1000

// run reads the log after a position up to another.
func (s *scan) run(ctx context.Context, after, end int64) error {
	for after < end {
		events, err := s.log.Read(ctx, after, int(min(pageSize, end-after)))
		if err != nil {
			return fmt.Errorf("read what was written: %w", err)
		}
		if len(events) == 0 {
			return nil
		}
		for _, e := range events {
			after = e.Position
			if err := s.event(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *scan) event(e eventstore.Event) error {
	switch {
	case e.Erased:
	case e.Type == domain.DecisionMade && bytes.Contains(e.Data, []byte(`"commands":[`)):
		d, err := state.Decision(e)
		if err == nil && s.asked(e, d) {
			s.decision(d)
		}
		return err
	case e.Type == domain.CommandSettled && len(s.commands) > 0:
		var o domain.Outcome
		if err := domain.Decode(e.Type, e.Schema, e.Data, &o); err != nil {
			return fmt.Errorf("outcome at %d: %w", e.Position, err)
		}
		for _, w := range s.commands[o.Command] {
			s.outcome(w, o)
		}
	}
	return nil
}

// asked reports a decision of the part that is to be undone.
func (s *scan) asked(e eventstore.Event, d planner.Decision) bool {
	u := s.spec.Undo
	switch {
	case s.spec.Name == domain.OpRepair:
		return s.wrong[e.Position]
	case !s.asks(d.Contact):
		return false
	case u.Version != 0:
		return d.Settings == u.Version
	case !u.Operation.IsZero():
		return d.Operation == u.Operation
	}
	return e.RecordedAt >= u.From && (u.To == 0 || e.RecordedAt <= u.To)
}

func (s *scan) decision(d planner.Decision) {
	into := s.of(d.Contact)
	for _, c := range d.Commands {
		if c.Kind == domain.KindCreate {
			into.made[c.System] = true
		}
	}
	for _, w := range sendsOf(d, s.spec) {
		at := place{w.field, w.record.System}
		into.sends[at] = append(into.sends[at], w)
		s.commands[w.command] = append(s.commands[w.command], w)
	}
}

// sendsOf lists what a decision writes to records that are there, of the fields that are asked for.
func sendsOf(d planner.Decision, spec domain.PlanSpec) (all []*send) {
	targets := map[ulid.ULID]domain.Record{}
	for _, c := range d.Commands {
		if c.Kind == domain.KindUpdate {
			targets[c.ID] = c.Record
		}
	}
	for _, v := range d.Fields {
		target, ok := targets[v.Command]
		p := v.After.Pending
		if !ok || v.Result != planner.Sent || p == nil || p.Command != v.Command || !spec.Covers(v.Field) {
			continue
		}
		all = append(all, &send{
			field: v.Field, input: d.Input, command: v.Command, record: target, digest: p.Digest, from: v.From, value: v.Value,
			was: p.Was, over: p.Over,
		})
	}
	return all
}

func (s *scan) of(contact ulid.ULID) *written {
	w := s.contacts[contact]
	if w == nil {
		w = &written{sends: map[place][]*send{}, made: map[domain.System]bool{}, right: map[place]*send{}}
		s.contacts[contact] = w
	}
	return w
}

// outcome takes in what became of a write.
func (s *scan) outcome(w *send, o domain.Outcome) {
	w.settled = true
	w.written = o.Result == domain.ResultApplied || o.Result == domain.ResultPartly || o.Result == domain.ResultSuperseded
	f, ok := s.view.Control.Settings.Field(w.field)
	if !ok {
		return // it is told that it is not mapped any more
	}
	if _, refused := o.Refused[f.Side(w.record.System).Write]; refused {
		w.written = false
	}
	if raw, ok := o.Shows[f.Side(w.record.System).Read]; ok && w.written {
		w.shown = s.view.DigestOf(f, w.record.System, raw)
	}
}
