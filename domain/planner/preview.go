package planner

import (
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/settings"
)

// Preview is what an operation would do for a contact.
type Preview struct {
	Contact ulid.ULID
	Digest  string // of the state it starts from
	// Planned is what would be decided, and Left the fields that would stay apart.
	Planned []Planned
	Left    []Left
	// Stands says in which systems it stands.
	Stands map[domain.System]bool
	// Held and Creation are what would stand of the contact as such, Parked that a person has to look first.
	Held     bool
	Parked   bool
	Creation Creation
	// Keys are the match keys of its records.
	Keys []identity.Key
}

// Preview says what an operation would do for a contact of the view, which it changes: later previews in the same view
// see what this one did. False for a contact that is another's alias by now, or not meant by the filter.
func (v *View) Preview(in Input, s domain.PlanSpec, filter settings.Filter, watch map[domain.System][]string, contact ulid.ULID) (Preview, bool) {
	c := v.person(contact)
	if c == nil || !c.Alias.IsZero() || c.HeadAt >= in.Position {
		return Preview{}, false
	}
	p := v.operating(in, s.Scope, contact)
	if !v.Matches(filter, contact) {
		return Preview{}, false
	}
	p.e.Confirmed = true
	out := Preview{Contact: contact, Digest: v.RowDigest(contact, watch), Parked: c.Head.Parked, Stands: map[domain.System]bool{}}
	for _, r := range v.Members(contact) {
		out.Keys = append(out.Keys, r.keys...)
		out.Stands[r.ID.System] = out.Stands[r.ID.System] || r.alive()
	}
	p.planContact(contact)
	out.Planned, out.Left = p.done(), *p.left
	after := v.Contact(contact)
	out.Creation = after.Head.Creation
	out.Held = after.Head.Review != "" || slices.ContainsFunc(v.Members(after.ID), func(r *Record) bool { return r.Link.State == Held })
	out.Left = append(out.Left, v.apart(after, s.Scope, out.Left)...)
	return out, true
}

// PreviewBack says what an undo, or a repair, would put back for a contact, and leaves the view as it is.
func (v *View) PreviewBack(in Input, s domain.Scope, contact ulid.ULID, back []domain.PutBack) Preview {
	row := domain.PlanRow{Contact: contact, Digest: v.BackDigest(contact, back), Back: back}
	out := Preview{Contact: contact, Digest: row.Digest}
	planned, undo := v.Try(func() []Planned {
		p := v.operating(in, s, contact)
		p.e.Confirmed = true
		p.undo(v.Contact(contact), row)
		planned := p.done()
		out.Left = *p.left
		return planned
	})
	undo()
	out.Planned = planned
	return out
}

// Matches reports a contact that a filter means.
func (v *View) Matches(filter settings.Filter, contact ulid.ULID) bool {
	return filter.Match((&pass{v: v}).getter(v.Members(contact)...))
}

// apart lists the covered fields that stand apart, or wait for a person, and are not among those left already.
func (v *View) apart(c *Contact, s domain.Scope, left []Left) (out []Left) {
	for _, f := range v.Control.Settings.Fields {
		state := c.Fields[f.Name]
		told := slices.ContainsFunc(left, func(l Left) bool { return l.Field == f.Name })
		if state == nil || told || !s.Covers(f.Name) || state.State != Apart && state.State != Dirty {
			continue
		}
		out = append(out, Left{f.Name, state.Result, state.Rule})
	}
	return out
}

// Shown is what a record shows of a property, for whoever looks at a preview.
func (v *View) Shown(r domain.Record, property string) string {
	rec := v.rec(r)
	if rec == nil {
		return ""
	}
	s, _ := rec.value(property)
	return valueText(s.Value)
}
