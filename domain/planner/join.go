package planner

import (
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

// join links two records and makes their contacts one. The lower id stays, the other is its alias for ever.
func (p *pass) join(d *draft, r, o *Record, reason string) {
	if o.Link.Contact.IsZero() {
		d.link(p, o, Link{Contact: d.Contact, State: Unlinked, Reason: reason})
	}
	keep, drop := p.v.contact(d.Contact), p.v.contact(o.Link.Contact)
	if drop.ID.Compare(keep.ID) < 0 {
		keep, drop = drop, keep
	}
	standing := d.head.Standing
	d.head = mergeHeads(keep.Head, drop.Head)
	d.head.Standing = standing
	fields := drop.Fields
	for _, m := range p.v.Members(drop.ID) {
		l := m.Link
		l.Contact = keep.ID
		d.link(p, m, l)
	}
	d.Contact = keep.ID
	p.takeOver(d, keep.ID)
	p.takeOver(d, drop.ID)
	for _, m := range []*Record{r, o} {
		d.link(p, m, Link{Contact: keep.ID, State: Linked, Reason: reason})
	}
	if keep.ID != drop.ID {
		d.Aliases = append(d.Aliases, Alias{From: drop.ID, To: keep.ID})
		p.carry(d, keep, fields)
		for _, s := range p.v.applyAlias(Alias{From: drop.ID, To: keep.ID}, p.in.Position) {
			p.v.note(keep.ID, s)
			if s.Command == d.head.Creation.Command {
				p.v.keepContact(keep)
				keep.Created = s // its head is not applied yet
			}
		}
	}
	d.Whole = &Whole{Result: LinkedUp, Rule: reason, Others: []domain.Record{r.ID, o.ID}}
	slices.SortFunc(d.Whole.Others, compareRecords)
}

// carry takes over what the contact that ends knew about fields the surviving one knows nothing of.
func (p *pass) carry(d *draft, keep *Contact, fields map[string]*Field) {
	for _, f := range p.v.Control.Settings.Fields {
		old := fields[f.Name]
		if old == nil || keep.Fields[f.Name] != nil {
			continue
		}
		d.verdict(p, Verdict{Field: f.Name, Result: Unchanged, Rule: "contacts became one", After: old.FieldState})
	}
}

// takeOver ends another draft, of a contact this one now decides for, and takes its effects in.
func (p *pass) takeOver(d *draft, contact ulid.ULID) {
	for i, o := range p.drafts {
		if o != d && o.Contact == contact {
			d.Links = slices.Concat(o.Links, d.Links)
			d.Aliases = slices.Concat(o.Aliases, d.Aliases)
			d.Commands = slices.Concat(o.Commands, d.Commands)
			d.outgoing = slices.Concat(o.outgoing, d.outgoing)
			d.Considered = slices.Concat(o.Considered, d.Considered)
			p.drafts = slices.Delete(p.drafts, i, i+1)
			return
		}
	}
}

// mergeHeads keeps the creation that is on its way, whichever contact it belongs to; reviews are settled by the link.
func mergeHeads(a, b HeadState) HeadState {
	h := HeadState{CountedAt: max(a.CountedAt, b.CountedAt)}
	for _, c := range []Creation{b.Creation, a.Creation} {
		if !c.Command.IsZero() {
			h.Creation = c
		}
	}
	return h
}
