package planner

import (
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

// Park decides, instead of Plan, that an input could not be decided. Until a person has the planner try again, its
// record's contact only takes in what it is told. An input on no record's stream parks nothing.
func (v *View) Park(in Input) []Planned {
	rec, err := domain.ParseRecord(in.Stream)
	if err != nil {
		return nil
	}
	p := &pass{v: v, in: in}
	r := v.rec(rec)
	if r != nil && !r.Link.Contact.IsZero() {
		p.park(r.Link.Contact, rec)
		return p.done()
	}
	contact := domain.DeriveID(in.ID, "contact", rec.System, 0)
	d := p.draft(contact)
	d.link(p, &Record{ID: rec}, Link{Contact: contact, State: Unlinked, Reason: "first seen"})
	p.park(contact, rec)
	return p.done()
}

// ParkDirty is Park for a dirty contact that could not be planned when the sync opened.
func (v *View) ParkDirty(in Input, contact ulid.ULID) []Planned {
	p := &pass{v: v, in: in, e: Effect{Release: true}, dirty: contact}
	p.park(contact)
	return p.done()
}

func (p *pass) park(contact ulid.ULID, others ...domain.Record) {
	d := p.draft(contact)
	d.head.Dirty, d.head.Parked = true, true
	d.Whole = &Whole{Result: Parked, Rule: "error", Others: others}
}
