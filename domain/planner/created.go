package planner

import (
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
)

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
	r := p.v.rec(id)
	if lone == nil || r == nil || r.Link.Contact == d.Contact && r.Link.State == Linked {
		return
	}
	if r.Link.State == Merged && r.Link.Contact != d.Contact {
		if r = p.mergedInto(d, r, lone); r == nil {
			return
		}
	}
	alone := r.Link.Contact.IsZero() || r.Link.Contact == d.Contact
	if other := p.standing(d.Contact, target, id); other != nil {
		if alone {
			d.link(p, r, Link{Contact: d.Contact, State: Absorbed, Reason: "linked to " + other.ID.String() + " meanwhile"})
		}
		return
	}
	if alone {
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

// mergedInto returns the record that took in the one we made before its create was answered. Where that stands beside
// a counterpart already, ours is absorbed as in any merge, and nothing is returned.
func (p *pass) mergedInto(d *draft, r, lone *Record) *Record {
	survivor := p.standing(r.Link.Contact, r.ID.System, r.ID)
	if survivor == nil {
		return r
	}
	if p.standing(r.Link.Contact, lone.ID.System, domain.Record{}) == nil {
		return survivor
	}
	home := p.draft(r.Link.Contact)
	home.Whole = &Whole{Result: LinkedUp, Rule: "merge", System: r.ID.System, Others: []domain.Record{r.ID, lone.ID}}
	p.absorb(home, d.Contact)
	return nil
}

// existing decides on the record that stood in the way of a create: linked if it is nobody's and nothing contradicts,
// otherwise the contact stays out, and says because of whom.
func (p *pass) existing(d *draft, id domain.Record, target domain.System) {
	lone := p.standing(d.Contact, target.Other(), domain.Record{})
	r := p.v.rec(id)
	if lone == nil || r == nil {
		return
	}
	d.Considered = append(d.Considered, id)
	taken := !r.Link.Contact.IsZero() && r.Link.Contact != d.Contact &&
		p.standing(r.Link.Contact, target.Other(), domain.Record{}) != nil
	if !taken && r.alive() && !lone.separate(id) && !identity.Contradicts(lone.keys, r.keys) {
		p.adopt(d, id, "existed there", target)
		return
	}
	if p.standing(d.Contact, target, id) != nil { // found while the create was under way: its own, under another number by now
		d.head.Creation = Creation{}
		return
	}
	kind := "email"
	if target == domain.Aloware {
		kind = "phone"
	}
	p.decline(d, lone, Creation{ // with its command: it is not tried again before the record changes
		System: target, Command: d.head.Creation.Command, Result: OutOfScope, Rule: kind + " shared with " + id.String(),
	}, []domain.Record{id})
}
