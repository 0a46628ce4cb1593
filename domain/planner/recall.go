package planner

import (
	"encoding/json"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// An undo puts back values that the planner's state no longer holds: whoever hands it the page of one recalls the events
// that told them.

// recall is what an event from before told of a record.
type recall struct {
	values   domain.Properties
	complete bool
}

// Recalls lists the positions of the events an input refers to, sorted.
func Recalls(in Input) (at []int64) {
	var page domain.PlanPage
	if in.Type != domain.PlanApplied || json.Unmarshal(in.Data, &page) != nil {
		return nil
	}
	for _, r := range page.Rows {
		for _, b := range r.Back {
			at = append(at, b.Position)
		}
	}
	slices.Sort(at)
	return slices.Compact(at)
}

// Recall takes in what a fact or an outcome from before told. One that cannot be read tells nothing.
func (v *View) Recall(in Input) {
	if v.recalled == nil {
		v.recalled = map[int64]recall{}
	}
	if in.Type == domain.CommandSettled {
		var o domain.Outcome
		if json.Unmarshal(in.Data, &o) == nil {
			v.recalled[in.Position] = recall{o.Shows, o.Complete || o.Created}
		}
		return
	}
	var f domain.Fact
	if json.Unmarshal(in.Data, &f) == nil {
		v.recalled[in.Position] = recall{f.Properties, f.Complete}
	}
}

// before finds the value that is to be put back, null for a blank; false when nobody knows it any more.
func (v *View) before(position int64, property string) (json.RawMessage, bool) {
	r, ok := v.recalled[position]
	value, told := r.values[property]
	switch {
	case !ok, !told && !r.complete:
		return nil, false
	case !told:
		return json.RawMessage("null"), true
	}
	return value, true
}

// BackDigest tells what a row of an undo puts back.
func (v *View) BackDigest(contact ulid.ULID, back []domain.PutBack) string {
	text, err := json.Marshal(back)
	if err != nil {
		return ""
	}
	return v.Digester.Of("plan row", contact.String()+string(text))
}

// DigestOf tells a value of a system as it is compared.
func (v *View) DigestOf(f settings.Field, s domain.System, raw json.RawMessage) string {
	return v.read(&reading{}, &f, s, raw, true).digest
}

// ShownDigest tells what a record shows of a field.
func (v *View) ShownDigest(r domain.Record, f settings.Field) string {
	rec := v.rec(r)
	if rec == nil {
		return ""
	}
	seen, told := rec.value(f.Side(r.System).Read)
	return v.read(&reading{}, &f, r.System, seen.Value, told).digest
}

// Told is the latest value of a property, null for a blank one; false for one nobody has told of.
func (v *View) Told(r domain.Record, property string) (Seen, bool) {
	rec := v.rec(r)
	if rec == nil || v.Untold(rec, property) {
		return Seen{}, false
	}
	seen, ok := rec.value(property)
	if !ok {
		seen = Seen{Value: json.RawMessage("null"), Position: rec.Whole}
	}
	return seen, ok || rec.Known && rec.Whole > 0
}
