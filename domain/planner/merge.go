package planner

import (
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

// mergePending reports whether the record took others in whose links still say otherwise.
func (p *pass) mergePending(r *Record) bool {
	return slices.ContainsFunc(r.Merged, func(id domain.Record) bool {
		o := p.v.rec(id)
		return o != nil && o.Link.State != Merged
	})
}

// planMerge follows a merge in a system: the survivor joins the contact of the primary, the ids merged away become
// aliases, and a counterpart of the other contact is absorbed unless the primary's had none.
func (p *pass) planMerge(r *Record) {
	home := p.homeOf(r)
	d := p.draft(home)
	if r.Link.Contact != home {
		p.leaveHome(d, r)
	}
	for _, id := range r.Merged {
		o := p.v.rec(id)
		if o == nil || o.Link.State == Merged {
			continue
		}
		from := o.Link.Contact
		d.link(p, o, Link{Contact: home, State: Merged, Reason: "merged into " + r.ID.String()})
		p.absorb(d, from)
	}
	state := Unlinked
	if other := p.counterpart(home, r); other != nil {
		state = Linked
	}
	l := r.Link
	l.Contact, l.State, l.Reason = home, state, "merge"
	d.link(p, r, l)
	d.head.Review, d.head.Others = "", nil
	d.Whole = &Whole{Result: LinkedUp, Rule: "merge", System: r.ID.System, Others: slices.Clone(r.Merged)}
	if p.v.Control.Stopped() || p.parked(d) {
		d.head.Dirty = true
		return
	}
	if r.Known && p.in.Type == domain.RecordMerged {
		p.sendRead(d, r) // nothing tells of the values it took over
	}
	p.identify(d, r)
	p.weigh(d)
}

// homeOf is the contact a merge survivor belongs to: the primary's, which may be itself, else the first merged record's
// that has one.
func (p *pass) homeOf(r *Record) ulid.ULID {
	if r.Primary == r.ID && r.Link.Ever {
		return r.Link.Contact
	}
	ids := slices.Clone(r.Merged)
	slices.SortFunc(ids, compareRecords)
	for _, id := range append([]domain.Record{r.Primary}, ids...) {
		if o := p.v.rec(id); o != nil && !o.Link.Contact.IsZero() && o.ID != r.ID {
			return p.v.contact(o.Link.Contact).ID
		}
	}
	return r.Link.Contact
}

// leaveHome ends the contact the survivor had made of its own.
func (p *pass) leaveHome(d *draft, r *Record) {
	from := r.Link.Contact
	l := r.Link
	l.Contact = d.Contact
	d.link(p, r, l)
	p.endIfEmpty(d, from)
}

// absorb empties the other contact: its live counterpart joins this one, or is absorbed when there is one already.
func (p *pass) absorb(d *draft, from ulid.ULID) {
	if from.IsZero() || from == d.Contact {
		return
	}
	for _, m := range p.v.Members(from) {
		l := m.Link
		l.Contact = d.Contact
		if m.alive() && p.standing(d.Contact, m.ID.System, m.ID) != nil {
			l.State, l.Reason = Absorbed, "merge"
		}
		d.link(p, m, l)
	}
	p.endIfEmpty(d, from)
}

func (p *pass) endIfEmpty(d *draft, from ulid.ULID) {
	if from == d.Contact || len(p.v.membersOf(from)) > 0 {
		return
	}
	a := Alias{From: from, To: d.Contact}
	p.takeOver(d, from)
	d.Aliases = append(d.Aliases, a)
	p.v.applyAlias(a, p.in.Position)
}
