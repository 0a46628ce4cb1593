package planner

import (
	"cmp"
	"encoding/json"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// weigh decides what the contact's records ask for: fields when it stands in both systems, a counterpart when it
// stands in one.
func (p *pass) weigh(d *draft) {
	if p.out(d) {
		return
	}
	a := p.standing(d.Contact, domain.Aloware, domain.Record{})
	h := p.standing(d.Contact, domain.HubSpot, domain.Record{})
	switch {
	case a != nil && h != nil:
		if a.Known && h.Known && a.Life == Live && h.Life == Live && !p.leave(d, a, h) {
			p.fields(d, a, h, false)
			p.awaitFit(d)
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
			if r.Link.Reason == partedByPerson {
				d.Whole.Rule = partedByPerson
			}
		}
		return
	}
	if !p.makes(r.ID.System.Other()) {
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
		if r.doubtful(f.Aloware.Read) {
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

func (p *pass) sendCreate(d *draft, r *Record, target domain.System) {
	props := r.Properties()
	values, digests := map[string]json.RawMessage{}, map[string]string{}
	type sent struct {
		f      settings.Field
		digest string
	}
	var fields []sent
	for _, f := range p.v.Control.Settings.Fields {
		text, _, err := f.Get(r.ID.System, props, p.v.env())
		prop, raw, bad := f.Put(target, text, p.v.env())
		switch {
		case p.v.env().Lacks(f) != "" || p.v.Control.ShutFields[f.Name] != "" || text == "" && err == nil || !allowed(f, target):
		case err != nil || bad != nil:
			p.unfit(d, f, r, cmp.Or(err, bad))
		default:
			dg := p.v.Digester.Of(f.Name, text)
			values[prop], digests[prop] = raw, dg
			fields = append(fields, sent{f, dg})
		}
	}
	p.placeholder(d, r, target, values)
	p.onCreate(r, target, values, digests)
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

// rulePlaceholder is the rule of a name that stands for a caller who has none.
const rulePlaceholder = "placeholder"

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
		after := FieldState{State: Apart, Result: Kept, Rule: rulePlaceholder, Base: map[domain.System]string{
			r.ID.System: p.v.Digester.Of(f.Name, ""), target: p.v.Digester.Of(f.Name, name),
		}}
		d.verdict(p, Verdict{Field: f.Name, Result: Kept, Rule: rulePlaceholder, After: after})
	}
}
