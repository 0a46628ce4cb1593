package history

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// shown is what a record showed so far.
type shown struct {
	values map[string]json.RawMessage
	clocks map[string]int64
}

// told folds values into what the record shows and returns what changed, by property. Values older than those known
// are returned as stale and change nothing.
func (s *story) told(
	rec domain.Record, position, clock int64, props domain.Properties, clocks map[string]int64, complete bool,
) []Change {
	now := s.shown[rec]
	if now == nil {
		now = &shown{map[string]json.RawMessage{}, map[string]int64{}}
		s.shown[rec] = now
	}
	var changes []Change
	for _, name := range slices.Sorted(maps.Keys(props)) {
		at := clock
		if c, ok := clocks[name]; ok {
			at = c
		}
		s.reads[valueKey{rec, name, position}] = props[name]
		changes = now.tell(changes, Change{Property: name, After: props[name], Position: position}, at)
	}
	if !complete {
		return changes
	}
	for _, name := range slices.Sorted(maps.Keys(now.values)) {
		if _, ok := props[name]; !ok && clock > now.clocks[name] {
			changes = now.tell(changes, Change{Property: name, Position: position}, clock)
		}
	}
	return changes
}

func (w *shown) tell(changes []Change, c Change, clock int64) []Change {
	c.Before = w.values[c.Property]
	same := bytes.Equal(c.Before, c.After) || domain.Blank(c.Before) && domain.Blank(c.After)
	if clock < w.clocks[c.Property] {
		if !same {
			c.Stale = true
			changes = append(changes, c)
		}
		return changes
	}
	w.clocks[c.Property] = clock
	if same {
		return changes
	}
	w.values[c.Property] = c.After
	return append(changes, c)
}

var factKinds = map[string]string{
	domain.RecordCreated: KindCreated, domain.RecordUpdated: KindChanged, domain.RecordObserved: KindSeen,
	domain.RecordDeleted: KindDeleted, domain.RecordRestored: KindRestored, domain.RecordMerged: KindMerged,
	domain.RecordAbsent: KindAbsent, domain.RecordSuppressed: KindSuppressed,
}

func (s *story) fact(e eventstore.Event, rec domain.Record) error {
	f, err := payload[domain.Fact](e)
	if err != nil {
		return err
	}
	var changes []Change
	if e.Type != domain.RecordAbsent && !e.Erased {
		changes = s.told(rec, e.Position, f.Clock, f.Properties, f.Clocks, f.Complete)
	}
	if to := s.readFor(f); to != nil {
		s.answer(to, e, rec, changes)
		return nil
	}
	if to, kind := s.toldBack(e, rec, f, changes); to != nil {
		s.add(to, e, Step{Kind: kind, System: rec.System, Record: rec})
		return nil
	}
	entry := Entry{Kind: factKinds[e.Type], System: rec.System, Record: rec, Via: f.Via, Vendor: f.Vendor, Changes: changes}
	entry.By, entry.ByKnown = who(rec.System, f.Origin)
	s.begin(e, entry)
	return nil
}

// readFor returns the entry whose command the fact answers.
func (s *story) readFor(f domain.Fact) *Entry {
	if f.Answer == nil {
		return nil
	}
	return s.byCommand[f.Answer.Command]
}

// answer tells what a read found: of the entry's own record it is what the change really was, so it stands there.
func (s *story) answer(to *Entry, e eventstore.Event, rec domain.Record, changes []Change) {
	step := Step{Kind: StepRead, System: rec.System, Record: rec}
	if to.Record == rec {
		to.Changes = append(to.Changes, changes...)
	} else {
		step.Changes = changes
	}
	s.add(to, e, step)
}

// toldBack returns the entry whose write the fact tells back, if it does no more than that.
func (s *story) toldBack(e eventstore.Event, rec domain.Record, f domain.Fact, changes []Change) (*Entry, string) {
	if e.Type != domain.RecordUpdated && e.Type != domain.RecordCreated && e.Type != domain.RecordObserved {
		return nil, ""
	}
	d, decided := s.decided[e.Position]
	if to := s.echoOf(d, rec); to != nil {
		return to, StepEcho
	}
	to := s.wrote[rec]
	if decided || len(changes) > 0 || to == nil || e.Erased {
		return nil, ""
	}
	if f.Origin.Own {
		return to, StepEcho
	}
	return to, StepRepeat
}

// echoOf returns the entry of the write that the decision found to be echoed, if it found nothing else.
func (s *story) echoOf(d planner.Decision, rec domain.Record) *Entry {
	var to *Entry
	if len(d.Commands) > 0 {
		return nil
	}
	for _, v := range d.Fields {
		switch v.Result {
		case planner.Echo:
			to = cmp.Or(s.byCommand[v.Command], s.wrote[rec], s.writes[rec.System])
		case planner.Unchanged, planner.Agreed:
		default:
			return nil
		}
	}
	return to
}

// who says who made a change, and whether the system told.
func who(system domain.System, o domain.Origin) (by string, known bool) {
	if o.Own {
		return byDuolog, true
	}
	if by = strings.TrimSpace(o.Source + " " + o.ID); by != "" {
		return by, true
	}
	return system.Title() + " does not tell by whom", false
}
