package planner

import (
	"encoding/json"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/settings"
)

// weigh decides what the contact's records ask for: fields when it stands in both systems, a counterpart when it
// stands in one.
func (p *pass) weigh(d *draft) {
	a := p.standing(d.Contact, domain.Aloware, domain.Record{})
	h := p.standing(d.Contact, domain.HubSpot, domain.Record{})
	switch {
	case a != nil && h != nil:
		if a.Known && h.Known && a.Life == Live && h.Life == Live {
			p.fields(d, a, h)
		}
	case a != nil:
		p.alone(d, a)
	case h != nil:
		p.alone(d, h)
	}
}

// alone plans for a record without a counterpart. Only one that was never linked may be created from.
func (p *pass) alone(d *draft, r *Record) {
	if !r.Known || r.Life != Live || r.Link.State == Held {
		return
	}
	if r.Link.Ever {
		if p.e.Record == r.ID && p.e.Changed && d.Whole == nil {
			d.Whole = &Whole{Result: Blocked, Rule: "counterpart deleted", System: r.ID.System.Other()}
		}
		return
	}
	c := p.v.own(d.Contact)
	cr := d.head.Creation
	if !cr.Command.IsZero() && (c.Created == nil || c.Created.Command != cr.Command) {
		return // on its way
	}
	if p.e.Scanned && !p.v.Control.Baseline {
		d.head.Dirty = true // who stands on the other side is known when the scan of both is over
		return
	}
	if p.doubted(d, r) {
		return
	}
	p.create(d, r)
}

// doubted asks Aloware again, before anybody is created from what may be an older body that came late.
func (p *pass) doubted(d *draft, r *Record) bool {
	if r.ID.System != domain.Aloware {
		return false
	}
	for _, f := range p.v.Control.Settings.Fields {
		if seen, ok := r.value(f.Aloware.Read); ok && seen.Hasty {
			p.confirm(d, r)
			return true
		}
	}
	return false
}

func (p *pass) create(d *draft, r *Record) {
	target := r.ID.System.Other()
	if !d.head.Creation.Command.IsZero() && !p.e.Force && (p.e.Record != r.ID || !p.e.Changed || p.e.Answered) {
		return // was refused, and nothing has changed since
	}
	result, rule, others := p.mayCreate(d, r, target)
	if result != "" {
		p.decline(d, r, Creation{System: target, Result: result, Rule: rule}, others)
		return
	}
	p.readmit(d, r)
	if p.lookFirst(d, r, target) {
		return
	}
	p.sendCreate(d, r, target)
}

// mayCreate returns an empty result when the counterpart may be made now.
func (p *pass) mayCreate(d *draft, r *Record, target domain.System) (Result, string, []domain.Record) {
	s := p.v.Control.Settings
	if !s.Contacts.Create.Allows(target) {
		return Blocked, "contacts.create = " + string(s.Contacts.Create), nil
	}
	if missing := p.lacks(r, target); missing != "" {
		return OutOfScope, missing, nil
	}
	if rule, others := p.contested(d, r, target); rule != "" {
		return OutOfScope, rule, others
	}
	if rule := p.withheld(d, r, nil); rule != "" {
		return Withheld, rule, nil
	}
	return "", "", nil
}

// lacks names the first thing without which the target cannot hold the person.
func (p *pass) lacks(r *Record, target domain.System) string {
	props := r.Properties()
	for _, f := range p.v.Control.Settings.Fields {
		if !f.Required && (f.Name != settings.PhoneField || target != domain.Aloware) || !allowed(f, target) {
			continue
		}
		if text, _, err := f.Get(r.ID.System, props, p.v.env); err != nil || text == "" {
			if target == domain.Aloware || f.Name != settings.PhoneField {
				return "no usable " + f.Name
			}
		}
	}
	return ""
}

// contested names who holds, or is about to hold, the one key under which the target keeps people apart: the number
// in Aloware, the email in HubSpot. A pending create reserves it.
func (p *pass) contested(d *draft, r *Record, target domain.System) (string, []domain.Record) {
	kind := identity.KindEmail
	if target == domain.Aloware {
		kind = identity.KindPhone
	}
	for _, k := range r.keys {
		if k.Kind != kind {
			continue
		}
		for _, o := range p.holders(k) {
			if o.ID == r.ID || o.Link.Contact == d.Contact || !o.alive() && o.Link.State != Absorbed {
				continue
			}
			if o.ID.System == target || p.reserves(o, target) {
				return kind + " shared with " + o.ID.String(), []domain.Record{o.ID}
			}
		}
	}
	return "", nil
}

func (p *pass) reserves(o *Record, target domain.System) bool {
	c := p.v.Contact(o.Link.Contact)
	if c == nil {
		return false
	}
	cr := c.Head.Creation
	return !cr.Command.IsZero() && cr.System == target && cr.Result != Refused ||
		p.standing(c.ID, target, domain.Record{}) != nil
}

// decline says, once per reason, why no counterpart is made.
func (p *pass) decline(d *draft, r *Record, cr Creation, others []domain.Record) {
	state := Unlinked
	if cr.Result == OutOfScope {
		state = Excluded
	}
	if r.Link.State != state {
		l := r.Link
		l.State, l.Reason = state, cr.Rule
		d.link(p, r, l)
	}
	if d.head.Creation == cr {
		return
	}
	d.head.Creation, d.head.Others, d.head.Lookups = cr, others, nil
	d.Whole = &Whole{Result: cr.Result, Rule: cr.Rule, System: cr.System, Others: others}
}

// readmit takes back an exclusion whose reason is gone.
func (p *pass) readmit(d *draft, r *Record) {
	if r.Link.State == Excluded {
		l := r.Link
		l.State, l.Reason = Unlinked, ""
		d.link(p, r, l)
		d.head.Others = nil
	}
}

// lookFirst asks HubSpot for each match key before a create, until the baseline says that everybody there is known.
// A create in Aloware needs none: its write begins with a look-up of its own.
func (p *pass) lookFirst(d *draft, r *Record, target domain.System) bool {
	if p.v.Control.Baseline || target == domain.Aloware {
		return false
	}
	c := p.v.own(d.Contact)
	waiting, news, asked := false, false, []Lookup(nil)
	for _, k := range r.keys {
		if k.Kind == identity.KindUnique {
			continue
		}
		l := Lookup{By: k.Kind, Digest: p.v.Digester.Of("lookup/"+k.Kind, k.Value)}
		i := slices.IndexFunc(d.head.Lookups, func(o Lookup) bool { return o.By == l.By && o.Digest == l.Digest })
		if i >= 0 && !slices.Contains(c.Unasked, d.head.Lookups[i].Command) {
			l = d.head.Lookups[i]
		} else {
			news = true
			l.Command = d.command(p, Outgoing{
				Command: Command{Kind: domain.KindLookup, System: target, Source: r.ID, By: k.Kind}, Value: k.Value,
			})
		}
		waiting = waiting || !slices.Contains(c.Looked, l.Command)
		asked = append(asked, l)
	}
	d.head.Lookups = asked
	if news {
		d.head.Creation = Creation{System: target, Result: Looking}
		d.Whole = &Whole{Result: Looking, Rule: "no baseline yet", System: target}
	}
	return waiting
}

func (p *pass) sendCreate(d *draft, r *Record, target domain.System) {
	props := r.Properties()
	values, digests := map[string]json.RawMessage{}, map[string]string{}
	type sent struct {
		f      settings.Field
		digest string
	}
	var fields []sent
	for _, f := range p.v.Control.Settings.Fields {
		text, _, err := f.Get(r.ID.System, props, p.v.env)
		prop, raw, bad := f.Put(target, text, p.v.env)
		switch {
		case p.v.Control.ShutFields[f.Name] != "" || text == "" && err == nil || !allowed(f, target):
		case err != nil || bad != nil:
			p.unfit(d, f, r, err)
		default:
			dg := p.v.Digester.Of(f.Name, text)
			values[prop], digests[prop] = raw, dg
			fields = append(fields, sent{f, dg})
		}
	}
	p.placeholder(d, r, target, values)
	phone, _, _ := p.phone(r)
	id := d.command(p, Outgoing{
		Command: Command{Kind: domain.KindCreate, System: target, Source: r.ID, Digests: digests},
		Values:  values, Phone: phone,
	})
	for _, s := range fields {
		d.verdict(p, Verdict{
			Field: s.f.Name, Result: Sent, Rule: "with the new contact", From: r.ID.System, Command: id,
			Value: ref(r, s.f, s.digest),
			After: FieldState{
				Base: map[domain.System]string{r.ID.System: s.digest}, State: Pending, From: r.ID.System,
				Pending: &PendingWrite{System: target, Command: id, Digest: s.digest},
			},
		})
	}
	d.head.Creation, d.head.Lookups, d.head.Others = Creation{System: target, Command: id}, nil, nil
	d.Whole = &Whole{Result: Creating, System: target, Command: id}
}

// unfit notes a value that is not of its field's type; the others go on.
func (p *pass) unfit(d *draft, f settings.Field, r *Record, err error) {
	dg := p.invalidDigest(f, r)
	after := FieldState{Base: map[domain.System]string{r.ID.System: dg}, State: Apart, Result: Invalid, Rule: reasonText(err)}
	d.verdict(p, Verdict{
		Field: f.Name, Result: Invalid, Rule: after.Rule, From: r.ID.System, Value: ref(r, f, dg), After: after,
	})
}

// placeholder gives HubSpot, which needs an email or a name, a name for a caller that has none. It is nobody's value:
// the base pair of the name takes it as settled, so it never flows back.
func (p *pass) placeholder(d *draft, r *Record, target domain.System, values map[string]json.RawMessage) {
	if target != domain.HubSpot || values["email"] != nil || values["firstname"] != nil || values["lastname"] != nil {
		return
	}
	phone, _, _ := p.phone(r)
	name := "Caller " + phone
	raw, err := json.Marshal(name)
	if err != nil {
		return
	}
	values["firstname"] = raw
	if f, ok := p.v.Control.Settings.FieldFor(domain.HubSpot, "firstname"); ok {
		after := FieldState{State: Apart, Result: Kept, Rule: "placeholder", Base: map[domain.System]string{
			r.ID.System: p.v.Digester.Of(f.Name, ""), target: p.v.Digester.Of(f.Name, name),
		}}
		d.verdict(p, Verdict{Field: f.Name, Result: Kept, Rule: "placeholder", After: after})
	}
}

// creationOutcome draws the consequences of a create that was answered.
func (p *pass) creationOutcome(d *draft) {
	c := p.v.own(d.Contact)
	if c == nil || c.Created == nil || c.Created.Command != d.head.Creation.Command {
		return
	}
	s := c.Created
	target := d.head.Creation.System
	switch {
	case s.Result == domain.ResultApplied || s.Result == domain.ResultPartly:
		p.adopt(d, s.Record, "created", target)
	case s.Result == domain.ResultWithdrawn:
		d.head.Creation = Creation{}
	case s.Reason == domain.ReasonExists && !s.Existing.IsZero():
		p.existing(d, s.Existing, target)
	case d.head.Creation.Result != Refused:
		d.head.Creation.Result, d.head.Creation.Rule = Refused, s.Reason
		d.Whole = &Whole{Result: Refused, Rule: s.Reason, System: target, Command: s.Command}
	}
}

// adopt links a record of the target to the contact, whatever contact it had.
func (p *pass) adopt(d *draft, id domain.Record, reason string, target domain.System) {
	d.head.Creation = Creation{}
	if id.IsZero() {
		return
	}
	lone := p.standing(d.Contact, target.Other(), domain.Record{})
	r := p.v.records[id]
	if lone == nil || r == nil || r.Link.Contact == d.Contact && r.Link.State == Linked {
		return
	}
	if r.Link.Contact.IsZero() || r.Link.Contact == d.Contact {
		d.link(p, r, Link{Contact: d.Contact, State: Linked, Reason: reason})
		l := lone.Link
		l.State, l.Reason = Linked, reason
		d.link(p, lone, l)
		d.Whole = &Whole{Result: LinkedUp, Rule: reason, System: target, Others: []domain.Record{id}}
		return
	}
	p.join(d, lone, r, reason)
	d.head.Creation = Creation{}
}

// existing decides on the record that stood in the way of a create: linked if it is nobody's and nothing contradicts,
// otherwise the contact stays out, and says because of whom.
func (p *pass) existing(d *draft, id domain.Record, target domain.System) {
	lone := p.standing(d.Contact, target.Other(), domain.Record{})
	r := p.v.records[id]
	if lone == nil || r == nil {
		return
	}
	d.Considered = append(d.Considered, id)
	taken := !r.Link.Contact.IsZero() && r.Link.Contact != d.Contact &&
		p.standing(r.Link.Contact, target.Other(), domain.Record{}) != nil
	if !taken && r.alive() && !identity.Contradicts(lone.keys, r.keys) {
		p.adopt(d, id, "existed there", target)
		return
	}
	kind := "email"
	if target == domain.Aloware {
		kind = "phone"
	}
	p.decline(d, lone, Creation{System: target, Result: OutOfScope, Rule: kind + " shared with " + id.String()},
		[]domain.Record{id})
}
