package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// ContactChanged is the type of the events of the view Contacts. They are made when they are read, and stand at the
// position, and under the id, of the decision that recognised the change.
const ContactChanged = "contact.changed"

const subjectErased = "subject.erased"

// streamPage is how many decisions of a contact are read at once.
const streamPage = 500

// Changed is the payload of contact.changed.
type Changed struct {
	Contact ulid.ULID `json:"contact"`
	// What happened to the contact as a whole, if anything: new, linked, merged, parted, deleted or excluded.
	What   string        `json:"what,omitempty"`
	Source domain.System `json:"source,omitempty"` // where it was changed
	Record domain.Record `json:"record,omitzero"`
	Input  int64         `json:"input"` // position of the fact
	// Fields that changed, by the name the settings give them.
	Fields map[string]FieldChange `json:"fields,omitempty"`
}

// FieldChange is a value before and after, as the systems told them; null is blank, or erased.
type FieldChange struct {
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
	// Result says what becomes of it on the other side, in a word of the decision.
	Result string `json:"result"`
	Erased bool   `json:"erased,omitempty"`
}

// wholes are the results that say something about the contact itself.
var wholes = map[planner.Result]string{
	planner.LinkedUp: "linked", planner.Gone: "deleted", planner.Absorbing: "merged", planner.Parted: "parted",
	planner.OutOfScope: "excluded",
}

// moved is a field that a decision found changed.
type moved struct {
	field         string
	result        planner.Result
	before, after *planner.Ref
}

// past is what a contact's decisions so far made of each field: the value that counts on each side.
type past struct {
	decided bool
	fields  map[string]map[domain.System]*planner.Ref
}

// take folds a decision in and returns what it found changed. The digests of its references are of canonical values, so
// an echo, the same value decided on again, or another way to write it is no change.
func (p *past) take(d planner.Decision) (what string, all []moved) {
	if d.Whole != nil {
		what = wholes[d.Whole.Result]
	}
	if !p.decided && what == "" {
		what = "new"
	}
	p.decided = true
	for _, v := range d.Fields {
		if v.Value == nil || v.Result == planner.Stale {
			continue
		}
		sides := p.fields[v.Field]
		if sides == nil {
			sides = map[domain.System]*planner.Ref{}
			p.fields[v.Field] = sides
		}
		before := sides[v.Value.Record.System]
		sides[v.Value.Record.System] = v.Value
		switch v.Result {
		case planner.Sent, planner.Agreed, planner.Unchanged, planner.Echo: // both sides hold it, or will
			for _, s := range domain.Systems {
				sides[s] = v.Value
			}
		default:
		}
		if v.Result != planner.Echo && (before == nil || before.Digest != v.Value.Digest) {
			all = append(all, moved{v.Field, v.Result, before, v.Value})
		}
	}
	return what, all
}

// found is a decision that found something changed.
type found struct {
	event  eventstore.Event
	d      planner.Decision
	what   string
	fields []moved
}

// changes makes contact.changed events of the decisions among the events, and keeps the erasures.
func changes(ctx context.Context, log Reader, events []eventstore.Event) ([]eventstore.Event, error) {
	last := map[string]int64{} // stream of decisions: its last position among the events
	first := events[0].Position
	for _, e := range events {
		if e.Type == domain.DecisionMade {
			last[e.Stream] = e.Position
		}
	}
	all := map[int64]found{}
	for stream, through := range last {
		if err := decisions(ctx, log, stream, first, through, all); err != nil {
			return nil, err
		}
	}
	values, err := valuesOf(ctx, log, all)
	if err != nil {
		return nil, err
	}
	var out []eventstore.Event
	for _, e := range events {
		if f, ok := all[e.Position]; ok {
			if changed, ok := f.tell(values); ok {
				out = append(out, changed)
			}
		} else if e.Type == subjectErased {
			out = append(out, e)
		}
	}
	return out, nil
}

// decisions folds a contact's decisions up to a position and adds those from the first one on.
func decisions(ctx context.Context, log Reader, stream string, first, through int64, all map[int64]found) error {
	p := past{fields: map[string]map[domain.System]*planner.Ref{}}
	for after := int64(0); after < through; {
		page, err := log.ReadStream(ctx, stream, after, streamPage)
		if err != nil {
			return err
		}
		for _, e := range page {
			if e.Position > through || e.Type != domain.DecisionMade {
				continue
			}
			var d planner.Decision
			if err := json.Unmarshal(e.Data, &d); err != nil {
				return fmt.Errorf("read decision at %d: %w", e.Position, err)
			}
			if what, fields := p.take(d); e.Position >= first && (what != "" || len(fields) > 0) {
				all[e.Position] = found{e, d, what, fields}
			}
		}
		if len(page) < streamPage {
			return nil
		}
		after = page[len(page)-1].Position
	}
	return nil
}

// values are the events that hold the values, by position.
type values map[int64]eventstore.Event

func valuesOf(ctx context.Context, log Reader, all map[int64]found) (values, error) {
	var positions []int64
	for _, f := range all {
		positions = append(positions, f.d.Input)
		for _, m := range f.fields {
			for _, r := range []*planner.Ref{m.before, m.after} {
				if r != nil && r.Position > 0 {
					positions = append(positions, r.Position)
				}
			}
		}
	}
	slices.Sort(positions)
	v := values{}
	for chunk := range slices.Chunk(slices.Compact(positions), streamPage) {
		events, err := log.Get(ctx, chunk...)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			v[e.Position] = e
		}
	}
	return v, nil
}

// at returns the value a reference names; null for none.
func (v values) at(r *planner.Ref) (value json.RawMessage, erased bool) {
	null := json.RawMessage("null")
	if r == nil {
		return null, false
	}
	e, ok := v[r.Position]
	if !ok || e.Erased {
		return null, e.Erased
	}
	var told struct {
		Properties domain.Properties `json:"properties"`
		Shows      domain.Properties `json:"shows"`
	}
	if json.Unmarshal(e.Data, &told) != nil {
		return null, false
	}
	for _, props := range []domain.Properties{told.Properties, told.Shows} {
		if value := props[r.Property]; len(value) > 0 {
			return value, false
		}
	}
	return null, false
}

// tell makes the event. A value first seen that is blank is no change.
func (f found) tell(v values) (eventstore.Event, bool) {
	c := Changed{Contact: f.d.Contact, What: f.what, Input: f.d.Input}
	if rec, err := domain.ParseRecord(v[f.d.Input].Stream); err == nil {
		c.Source, c.Record = rec.System, rec
	}
	e := f.event
	for _, m := range f.fields {
		before, wasErased := v.at(m.before)
		after, isErased := v.at(m.after)
		if domain.Blank(before) && domain.Blank(after) && !wasErased && !isErased {
			continue
		}
		if c.Fields == nil {
			c.Fields = map[string]FieldChange{}
		}
		c.Fields[m.field] = FieldChange{Before: before, After: after, Result: string(m.result), Erased: wasErased || isErased}
		if c.Record.IsZero() {
			c.Source, c.Record = m.after.Record.System, m.after.Record
		}
	}
	if c.What == "" && len(c.Fields) == 0 {
		return e, false
	}
	e.Type, e.Schema, e.Causation = ContactChanged, 1, f.d.Input
	e.Data, _ = json.Marshal(c) // texts and raw values that were just parsed
	return e, true
}
