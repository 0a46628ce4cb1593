package planner

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// intakeSource is where Aloware says how a contact came to be.
const intakeSource = "intake_source"

// hear notes how a call with the person ended: Aloware tells of the contact first, and of the end of its call later.
func (r *Record) hear(event string, e *Effect) {
	s, ok := domain.CallSource(event)
	if !ok || r.ID.System != domain.Aloware || slices.Contains(r.Calls, s) {
		return
	}
	r.Calls = append(r.Calls, s)
	slices.Sort(r.Calls)
	e.Changed = true
}

// native counts a record that Aloware's own integration with HubSpot made, when that is first told of it.
func (v *View) native(in Input, f domain.Fact, r *Record) {
	told, ok := f.Properties[intakeSource]
	if _, before := r.Seen[intakeSource]; !ok || before || r.ID.System != domain.Aloware || !domain.NativeHubSpot(domain.Scalar(told)) {
		return
	}
	v.Control.Native.Records, v.control = v.Control.Native.Records+1, true
	if in.Type == domain.RecordCreated {
		v.Control.Native.At = in.RecordedAt
	}
}

// sources returns how a record came to be. One that came with a call is also what a later call makes of it: who was
// missed first and spoken to afterwards is somebody who was spoken to. Empty: a call of which nobody told the end.
func (r *Record) sources() (all []domain.Source, contacted bool) {
	if r.ID.System == domain.HubSpot {
		return []domain.Source{domain.FromHubSpot}, false
	}
	told, _ := r.value(intakeSource)
	s, call := domain.IntakeSource(domain.Scalar(told.Value))
	if call {
		return r.Calls, true
	}
	return []domain.Source{s}, s == domain.TextMessage
}

// Source says how the record came to be, as far as its system tells; empty while a call's end is not told.
func (r *Record) Source() string {
	if all, _ := r.sources(); len(all) > 0 {
		return string(all[0])
	}
	return ""
}

// unwelcome names the setting by which no counterpart is made of a record, given how it came to be; empty when one may
// be made.
func (p *pass) unwelcome(r *Record) string {
	c := p.v.Control.Settings.Contacts
	sources, contacted := r.sources()
	if len(sources) == 0 {
		answered, missed := c.CreatesFrom(domain.AnsweredCall), c.CreatesFrom(domain.MissedCall)
		if answered != missed {
			return ruleFrom + ": how the call ended is not told yet"
		}
		sources = []domain.Source{domain.AnsweredCall, domain.MissedCall}
	}
	if !slices.ContainsFunc(sources, c.CreatesFrom) {
		words := make([]string, len(sources))
		for i, s := range sources {
			words[i] = string(s)
		}
		return ruleFrom + "." + strings.Join(words, ", ") + " = false"
	}
	if contacted && r.nameless() && !c.CreatesFrom(domain.UnknownCaller) {
		return ruleFrom + "." + string(domain.UnknownCaller) + " = false"
	}
	return ""
}

const (
	ruleFrom = "contacts.create_from"
	ruleOnly = "contacts.only"
)

// nameless reports a contact of Aloware of whom neither a name nor an email is known.
func (r *Record) nameless() bool {
	for _, property := range []string{"first_name", "last_name", "name", "email"} {
		if told, _ := r.value(property); domain.Scalar(told.Value) != "" {
			return false
		}
	}
	return true
}

// onCreate adds what the settings write with a new contact. What the person's own values say stands above it.
func (p *pass) onCreate(r *Record, target domain.System, values map[string]json.RawMessage, digests map[string]string) {
	source := domain.Source("call")
	if all, _ := r.sources(); len(all) > 0 {
		source = all[0]
	}
	for property, value := range p.v.Control.Settings.Contacts.OnCreate.Values(target) {
		if _, own := values[property]; own {
			continue
		}
		text := settings.OnCreateValue(value, source)
		raw, err := json.Marshal(text)
		if err == nil {
			values[property], digests[property] = raw, p.v.Digester.Of(property, text)
		}
	}
}

// takesPart reports whether a contact of these records takes part at all.
func (p *pass) takesPart(records ...*Record) bool {
	return p.v.only == settings.Filter{} || p.v.only.Match(p.getter(records...))
}

// reasonLeft is the reason of the links of a pair that was ended because it no longer takes part.
const reasonLeft = "left " + ruleOnly

// left reports a record whose pair was ended so. It belongs to its counterpart as before, and matches nobody else.
func (r *Record) left() bool { return r.Link.State == Excluded && r.Link.Reason == reasonLeft }

// leave ends a pair that no longer takes part, where the settings say so, and takes it up again when it does; then
// everything is as at first sight. It reports whether the pair is ended.
func (p *pass) leave(d *draft, a, h *Record) bool {
	inside := p.takesPart(a, h)
	unlinks := p.v.Control.Settings.Contacts.WhenLeaving == settings.LeavingUnlink
	switch {
	case a.left() && h.left() && (inside || !unlinks):
		p.relink(d, Linked, "takes part again", a, h)
		d.head.Creation = Creation{}
		d.Whole = &Whole{Result: LinkedUp, Rule: "takes part again", Others: []domain.Record{a.ID, h.ID}}
	case a.Link.State == Linked && h.Link.State == Linked && !inside && unlinks:
		p.relink(d, Excluded, reasonLeft, a, h)
		d.head.Creation = Creation{Result: OutOfScope, Rule: ruleOnly}
		d.Whole = &Whole{Result: OutOfScope, Rule: ruleOnly, Others: []domain.Record{a.ID, h.ID}}
		p.leaveFields(d)
	}
	return a.left() && h.left()
}

func (p *pass) relink(d *draft, state LinkState, reason string, records ...*Record) {
	for _, r := range records {
		l := r.Link
		l.State, l.Reason = state, reason
		d.link(p, r, l)
	}
}

// leaveFields leaves the fields of a pair that was ended without bases.
func (p *pass) leaveFields(d *draft) {
	own := p.v.own(d.Contact)
	for _, f := range p.v.Control.Settings.Fields {
		if own.Fields[f.Name] != nil {
			d.verdict(p, Verdict{
				Field: f.Name, Result: OutOfScope, Rule: ruleOnly, After: FieldState{State: Apart, Result: OutOfScope, Rule: ruleOnly},
			})
		}
	}
}
