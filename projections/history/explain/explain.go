package explain

import (
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history"
)

// explanation is an answer in the making.
type explanation struct {
	Question
	field  settings.Field
	sides  map[domain.System]*Side
	state  *contacts.Field // nil: never decided
	counts *ruling         // the decision that counts, nil for none
	whole  *ruling         // the last decision about the contact as such
	from   domain.System   // whose value flows, or would
	write  ulid.ULID       // the write it led to
	words  words
	answer Answer
}

// Explain answers the question.
func Explain(q Question) Answer {
	f, mapped := Mapped(q.Sync.Settings, q.Field)
	if !mapped {
		return unmapped(q)
	}
	x := &explanation{Question: q, field: f, sides: map[domain.System]*Side{}}
	for _, s := range domain.Systems {
		x.sides[s] = x.side(s)
	}
	for i := range q.Contact.Fields {
		if q.Contact.Fields[i].Field == f.Name {
			x.state = &q.Contact.Fields[i]
		}
	}
	x.find()
	x.answer = x.begin(f.Name)
	x.answer.Cause = x.judge()
	x.chain()
	x.finish()
	return x.answer
}

// Mapped returns the field people mean by a word: its name, or a property of either system.
func Mapped(s settings.Settings, word string) (settings.Field, bool) {
	if f, ok := s.Named(word); ok {
		return f, true
	}
	return s.FieldFor(domain.Aloware, word)
}

func (x *explanation) begin(field string) Answer {
	a := Answer{
		Contact: x.Contact.ID, Field: field, At: x.At, Settings: x.Sync.Settings.Version, Sides: []Side{}, Because: []Reason{}, Do: []Advice{},
	}
	for _, s := range domain.Systems {
		a.Sides = append(a.Sides, *x.sides[s])
	}
	return a
}

// finish puts the cause into words.
func (x *explanation) finish() {
	x.answer.Says = x.fill(causes[x.answer.Cause].says)
	if x.answer.Cause == NeverTold {
		x.answer.Says += " " + x.untold()
	}
	if x.answer.Cause == Same {
		x.answer.Says += x.lastSet()
	}
	for _, do := range causes[x.answer.Cause].do {
		x.answer.Do = append(x.answer.Do, Advice{x.fill(do.Says), x.fill(do.Command)})
	}
	switch {
	case len(x.answer.Because) == 0:
	case x.differs() || x.answer.Cause == NeverTold:
		x.answer.About = x.fill("Why {to} does not have {from}'s value")
	default:
		x.answer.About = "How it came to be so"
	}
}

// lastSet says by whom, as far as the system tells.
func (x *explanation) lastSet() string {
	last := x.sides[x.from]
	switch {
	case !last.Told:
		return ""
	case last.By == "":
		return " Last set in " + last.System.Title() + ", which does not tell by whom."
	}
	return " Last set in " + last.System.Title() + " by " + history.Author(last.By) + "."
}

// fill puts names in for what stands in braces.
func (x *explanation) fill(text string) string {
	to := x.from.Other()
	return strings.NewReplacer("{field}", x.answer.Field, "{from}", x.from.Title(), "{to}", to.Title(), "{to_id}", string(to),
		"{contact}", name(x.Contact), "{command}", x.write.String()).Replace(text)
}

// name is what a person types to name the contact.
func name(c contacts.Contact) string {
	for _, r := range c.Records {
		if r.State != string(planner.Merged) {
			return domain.Record{System: r.System, ID: r.ID}.String()
		}
	}
	return c.ID.String()
}

// unmapped answers about a field that no setting knows, with what the systems told of a property of that name.
func unmapped(q Question) Answer {
	x := &explanation{Question: q, sides: map[domain.System]*Side{}, from: domain.HubSpot}
	told := false
	for _, s := range domain.Systems {
		x.sides[s] = x.shows(s, q.Field)
		told = told || x.sides[s].Told
	}
	x.answer = x.begin(q.Field)
	x.answer.Cause = NotMapped
	x.finish()
	if !told {
		x.answer.Says += " No fact about this contact carried a property of that name either."
	}
	return x.answer
}

// side is the field in a system.
func (x *explanation) side(s domain.System) *Side {
	property := x.field.Side(s).Read
	side := x.shows(s, property)
	if text, _, err := x.field.Get(s, domain.Properties{property: side.Value}, x.Env); err != nil {
		side.bad = true
	} else {
		side.text = text
	}
	if live, ok := x.Live[s]; ok {
		if live.Error == "" && !live.Gone && !live.Lacks {
			now, _, err := x.field.Get(s, domain.Properties{property: live.Value}, x.Env)
			live.Differs = now != side.text || (err != nil) != side.bad
		}
		side.Live = &live
	}
	return side
}

// shows is what the contact's record in a system shows under a property.
func (x *explanation) shows(s domain.System, property string) *Side {
	side := &Side{System: s, Property: property}
	for _, r := range x.Contact.Records {
		if r.System != s || r.State == string(planner.Merged) || side.Record != "" && r.State != string(planner.Linked) {
			continue
		}
		side.Record = r.ID
		if v, ok := r.Values[property]; ok {
			side.Told, side.Value, side.Since, side.By, side.Position = true, v.Value, v.OccurredAt, v.By, v.Position
		}
	}
	return side
}

// differs reports that the two sides show different things.
func (x *explanation) differs() bool {
	a, h := x.sides[domain.Aloware], x.sides[domain.HubSpot]
	return a.bad || h.bad || a.text != h.text
}
