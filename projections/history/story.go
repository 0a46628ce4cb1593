package history

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// story puts events, in position order, into entries.
type story struct {
	entries []*Entry
	// causes tell to which entry an event or a command belongs.
	byPosition map[int64]*Entry
	byCommand  map[ulid.ULID]*Entry
	decided    map[int64]planner.Decision // by input: what became of it, known before the input is told
	wrote      map[domain.Record]*Entry   // the entry whose command the record answered last
	writes     map[domain.System]*Entry   // the entry that last wrote to the system
	shown      map[domain.Record]*shown
	reads      map[valueKey]json.RawMessage
	settings   settingsStory
}

// valueKey is where a value stands.
type valueKey struct {
	record   domain.Record
	property string
	position int64
}

// tell makes the entries of one contact's events.
func tell(events []eventstore.Event) ([]Entry, error) {
	s := &story{
		byPosition: map[int64]*Entry{}, byCommand: map[ulid.ULID]*Entry{}, decided: map[int64]planner.Decision{},
		wrote: map[domain.Record]*Entry{}, writes: map[domain.System]*Entry{}, shown: map[domain.Record]*shown{},
		reads: map[valueKey]json.RawMessage{},
	}
	for _, e := range events {
		if e.Type != domain.DecisionMade {
			continue
		}
		d, err := payload[planner.Decision](e)
		if err != nil {
			return nil, err
		}
		s.decided[d.Input] = merged(s.decided[d.Input], d)
	}
	for _, e := range events {
		if err := s.event(e); err != nil {
			return nil, err
		}
	}
	out := make([]Entry, len(s.entries))
	for i, e := range s.entries {
		slices.SortStableFunc(e.Steps, func(a, b Step) int { return int(a.Position - b.Position) })
		out[i] = *e
	}
	return out, nil
}

// merged lets decisions on one input for several contacts count together.
func merged(a, b planner.Decision) planner.Decision {
	b.Fields = append(slices.Clone(a.Fields), b.Fields...)
	b.Commands = append(slices.Clone(a.Commands), b.Commands...)
	return b
}

func (s *story) event(e eventstore.Event) error {
	rec, err := domain.ParseRecord(e.Stream)
	switch {
	case e.Type == domain.DecisionMade:
		return s.decision(e)
	case e.Type == domain.CommandSettled:
		return s.outcome(e, rec)
	case strings.HasPrefix(e.Type, "record.") && err == nil:
		return s.fact(e, rec)
	case e.Type == domain.ActivityObserved && err == nil:
		return s.activity(e, rec)
	case e.Type == domain.CatalogObserved && err == nil:
		return s.deal(e, rec)
	case err == nil:
		s.begin(e, Entry{Kind: KindActivity, System: rec.System, Record: rec})
		return nil
	}
	return s.act(e)
}

func payload[T any](e eventstore.Event) (T, error) {
	var v T
	if e.Erased {
		return v, nil
	}
	if err := domain.Decode(e.Type, e.Schema, e.Data, &v); err != nil {
		return v, fmt.Errorf("read %s at %d: %w", e.Type, e.Position, err)
	}
	return v, nil
}

// begin opens an entry for the event.
func (s *story) begin(e eventstore.Event, entry Entry) *Entry {
	entry.Position, entry.Type, entry.Erased = e.Position, e.Type, e.Erased
	entry.At, entry.RecordedAt = micros(e.OccurredAt), micros(e.RecordedAt)
	s.entries = append(s.entries, &entry)
	s.byPosition[e.Position] = &entry
	return &entry
}

// add puts a step into the entry.
func (s *story) add(to *Entry, e eventstore.Event, step Step) {
	step.Position, step.At, step.Erased = e.Position, micros(e.RecordedAt), e.Erased
	step.After = max(step.At.Sub(to.RecordedAt), 0)
	to.Steps = append(to.Steps, step)
	s.byPosition[e.Position] = to
}

func (s *story) decision(e eventstore.Event) error {
	d, err := payload[planner.Decision](e)
	if err != nil {
		return err
	}
	to := s.byPosition[d.Input]
	if to == nil { // its input concerns another contact, or the whole connection
		to = s.begin(e, Entry{Kind: KindAct, By: byDuolog, ByKnown: true})
	}
	view := &Decision{
		Planner: d.Planner, Settings: d.Settings, Mode: d.Mode, Input: d.Input, Whole: d.Whole, Links: d.Links,
		Commands: d.Commands,
	}
	if d.Head != nil {
		view.Review = d.Head.Review
	}
	for _, v := range d.Fields {
		view.Verdicts = append(view.Verdicts, Verdict{
			Field: v.Field, Result: v.Result, Rule: v.Rule, From: v.From, Command: v.Command,
			Kept: s.value(v.Value), Lost: s.value(v.Loser),
		})
	}
	for _, c := range d.Commands {
		s.byCommand[c.ID] = to
		if c.Kind == domain.KindCreate || c.Kind == domain.KindUpdate {
			s.writes[c.System] = to
		}
	}
	s.add(to, e, Step{Kind: StepDecided, Decision: view})
	return nil
}

// value reads what a decision refers to from the events told so far.
func (s *story) value(ref *planner.Ref) *Value {
	if ref == nil {
		return nil
	}
	return &Value{
		Record: ref.Record, Property: ref.Property, Position: ref.Position,
		Value: s.reads[valueKey{ref.Record, ref.Property, ref.Position}],
	}
}

func (s *story) outcome(e eventstore.Event, rec domain.Record) error {
	o, err := payload[domain.Outcome](e)
	if err != nil {
		return err
	}
	to := s.byCommand[o.Command]
	if to == nil {
		if to = s.byPosition[e.Causation]; to == nil {
			to = s.begin(e, Entry{Kind: KindAct, By: byDuolog, ByKnown: true})
		}
	}
	target := o.Record
	if target.IsZero() {
		target = rec
	}
	step := Step{Kind: StepSettled, System: o.System, Record: o.Record}
	if !e.Erased {
		step.Outcome = &Outcome{
			Command: o.Command, Kind: o.Kind, Result: o.Result, Reason: o.Reason, Detail: o.Detail,
			Attempts: o.Attempts, Created: o.Made(), Unneeded: o.Unneeded, Refused: o.Refused, Existing: o.Existing,
		}
		if !o.Record.IsZero() {
			step.Changes = s.told(target, e.Position, o.Clock, o.Shows, nil, false)
		}
	}
	s.wrote[target] = to
	s.add(to, e, step)
	return nil
}

const byDuolog = "duolog"

func micros(at int64) time.Time { return time.UnixMicro(at).UTC() }
