package planner

import (
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/settings"
)

// mayCreate returns an empty result when the counterpart may be made now.
func (p *pass) mayCreate(d *draft, r *Record, target domain.System) (Result, string, []domain.Record) {
	s := p.v.Control.Settings
	if !s.Contacts.Create.Allows(target) {
		return Blocked, "contacts.create = " + string(s.Contacts.Create), nil
	}
	if rule := p.unwelcome(r); rule != "" {
		return OutOfScope, rule, nil
	}
	if !p.takesPart(r) {
		return OutOfScope, ruleOnly, nil
	}
	if missing := p.lacks(r, target); missing != "" {
		return OutOfScope, missing, nil
	}
	if rule, others := p.contested(d, r, target); rule != "" {
		return OutOfScope, rule, others
	}
	if others := p.suspects(r, target); len(others) > 0 {
		return HeldBack, "phone shared, emails differ", others
	}
	if rule := p.withheld(d, r, nil); rule != "" {
		return Withheld, rule, nil
	}
	return "", "", nil
}

// suspects are records of HubSpot, which itself keeps only emails apart, that share a number with the person, stand
// alone and have another email: maybe somebody else, maybe the same person with a new address. Nobody is made before
// a person has looked.
func (p *pass) suspects(r *Record, target domain.System) []domain.Record {
	var out []domain.Record
	for _, k := range r.keys {
		if k.Kind != identity.KindPhone || target != domain.HubSpot {
			continue
		}
		for _, o := range p.v.Holders(k) {
			if o.ID.System == target && o.alive() && !r.separate(o.ID) && p.counterpart(o.Link.Contact, o) == nil && !slices.Contains(out, o.ID) {
				out = append(out, o.ID)
			}
		}
	}
	return out
}

// lacks names the first thing without which the target cannot hold the person.
func (p *pass) lacks(r *Record, target domain.System) string {
	props := r.Properties()
	for _, f := range p.v.Control.Settings.Fields {
		if !f.Required && (f.Name != settings.PhoneField || target != domain.Aloware) || !allowed(f, target) {
			continue
		}
		if text, _, err := f.Get(r.ID.System, props, p.v.env()); err != nil || text == "" {
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
		for _, o := range p.v.Holders(k) {
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
	return !cr.Command.IsZero() && cr.System == target && cr.Result == "" ||
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
