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

const subjectErased = domain.SubjectErased

// streamPage is how many decisions of a contact are read at once.
const streamPage = 500

// Changed is the payload of contact.changed.
type Changed struct {
	Contact ulid.ULID `json:"contact"`
	// What happened to the contact as a whole, if anything: new, linked, merged, parted, deleted, restored or excluded.
	What   string        `json:"what,omitempty"`
	Source domain.System `json:"source,omitempty"` // where it was changed
	Record domain.Record `json:"record,omitzero"`
	// Records that were linked, parted, merged or lost, when something happened to the contact as a whole.
	Records []domain.Record `json:"records,omitempty"`
	Input   int64           `json:"input"` // position of the fact
	// Fields that changed, by the name the settings give them.
	Fields map[string]FieldChange `json:"fields,omitempty"`
}

// FieldChange is a value before and after, as the systems told them; null is blank, or erased. Before is what the change
// before this one told or, for the first, what the record showed.
type FieldChange struct {
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
	// Result says what becomes of it on the other side, in a word of the decision.
	Result string `json:"result"`
	Erased bool   `json:"erased,omitempty"`
}

// wholes are the results that say something about the contact itself.
var wholes = map[planner.Result]string{
	planner.LinkedUp: "linked", planner.Gone: "deleted", planner.Restored: "restored", planner.Absorbing: "merged", planner.Parted: "parted",
	planner.OutOfScope: "excluded",
}

// moved is a field that a decision found changed, where the value stands, and where the one before it stands if a change
// told it.
type moved struct {
	field  string
	result planner.Result
	before *planner.Ref
	after  planner.Ref
}

// value is what a contact's field is, by the digest of its canonical form, and where that stands if it is known.
type value struct {
	digest string
	at     *planner.Ref
}

// past is what a contact's decisions so far made of each field, whichever system it came from.
type past struct {
	decided bool
	fields  map[string]value
}

// take folds a decision in and returns what it found changed. An echo, the same value decided on again, or another way
// to write it is no change.
func (p *past) take(d planner.Decision) (what string, all []moved) {
	if d.Whole != nil {
		what = wholes[d.Whole.Result]
	}
	if !p.decided && what == "" {
		what = "new"
	}
	p.decided = true
	for _, v := range d.Fields {
		was := p.fields[v.Field]
		switch {
		case v.Result == planner.Stale, v.Result == planner.Echo:
		case v.Value == nil:
			if base := v.After.Base[domain.HubSpot]; v.Result == planner.Agreed && base != was.digest {
				p.fields[v.Field] = value{digest: base}
			}
		case v.Value.Digest != was.digest:
			all = append(all, moved{v.Field, v.Result, was.at, *v.Value})
			p.fields[v.Field] = value{v.Value.Digest, v.Value}
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
	inputs, err := inputsOf(ctx, log, all)
	if err != nil {
		return nil, err
	}
	values, err := valuesOf(ctx, log, all)
	if err != nil {
		return nil, err
	}
	var out []eventstore.Event
	for _, e := range events {
		if f, ok := all[e.Position]; ok {
			if changed, ok := f.tell(inputs[f.d.Input], values); ok {
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
	p := past{fields: map[string]value{}}
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

// inputsOf reads what the decisions were made on, by position.
func inputsOf(ctx context.Context, log Reader, all map[int64]found) (map[int64]eventstore.Event, error) {
	var positions []int64
	for _, f := range all {
		positions = append(positions, f.d.Input)
	}
	slices.Sort(positions)
	inputs := map[int64]eventstore.Event{}
	for chunk := range slices.Chunk(slices.Compact(positions), streamPage) {
		events, err := log.Get(ctx, chunk...)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			inputs[e.Position] = e
		}
	}
	return inputs, nil
}

// tell makes the event. A value that its record showed before, or a blank one first seen, is no change.
func (f found) tell(input eventstore.Event, v values) (eventstore.Event, bool) {
	c := Changed{Contact: f.d.Contact, What: f.what, Input: f.d.Input}
	if rec, err := domain.ParseRecord(input.Stream); err == nil {
		c.Source, c.Record = rec.System, rec
	}
	if f.what != "" {
		for _, l := range f.d.Links {
			c.Records = append(c.Records, l.Record)
		}
	}
	e := f.event
	for _, m := range f.fields {
		change := v[spotOf(m.after)]
		if m.before != nil {
			before := v[spotOf(*m.before)]
			change.Before, change.Erased = before.After, change.Erased || before.Erased
		}
		if !change.Erased && same(change.Before, change.After) {
			continue
		}
		if c.Fields == nil {
			c.Fields = map[string]FieldChange{}
		}
		change.Result = string(m.result)
		c.Fields[m.field] = change
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

func same(before, after json.RawMessage) bool {
	return domain.Blank(before) && domain.Blank(after) || string(before) == string(after)
}
