package planner

import (
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

// identify settles how a record belongs to its contact: read it first, follow its deletion or return, or look for
// its counterpart.
func (p *pass) identify(d *draft, r *Record) {
	switch {
	case r.Life == Away, r.Link.State == Merged, r.Link.State == Absorbed, r.Link.State == Suppressed:
		return
	case r.Life == Missing:
		p.deleted(d, r)
		return
	case r.Life == Reported || !r.Known:
		p.read(d, r)
		return
	case r.Link.State == Deleted:
		p.returned(d, r)
	}
	if r.Link.State != Linked && !r.left() {
		p.match(d, r)
	}
}

// read asks for a record before anything is decided about it. A read that failed is repeated only when something new
// is told about the record.
func (p *pass) read(d *draft, r *Record) {
	waiting := r.asked()
	failed := !r.Link.Reading.IsZero() && !waiting && !p.unasked(r)
	if waiting || failed && !p.e.Force && !p.e.Release && (p.e.Record != r.ID || p.e.Answered || !p.e.Changed) {
		return
	}
	p.sendRead(d, r)
	d.Whole = &Whole{Result: Reading, Rule: "first sight", System: r.ID.System, Others: []domain.Record{r.ID}}
	if r.Life == Reported {
		d.Whole.Rule = "deletion reported"
	}
}

// unasked reports that the reading of a record was taken back unsent, as it is when the sync stops: it may have opened
// again before that was done.
func (p *pass) unasked(r *Record) bool {
	s := p.e.Settled
	return s != nil && s.Command == r.Link.Reading && s.Result == domain.ResultWithdrawn
}

func (p *pass) sendRead(d *draft, r *Record) {
	phone, _, _ := p.phone(r)
	l := r.Link
	l.Reading = d.command(p, Outgoing{
		Command: Command{Kind: domain.KindRead, System: r.ID.System, Record: r.ID, Source: r.ID, By: "id"},
		Phone:   phone, Value: r.ID.ID,
	})
	d.link(p, r, l)
}

// phone returns the record's number by which Aloware finds it.
func (p *pass) phone(r *Record) (canonical string, known bool, err error) {
	f, ok := p.v.field("phone_number")
	if !ok {
		return "", false, nil
	}
	raw, known := r.value(f.Side(r.ID.System).Read)
	if !known {
		return "", false, nil
	}
	canonical, err = f.Read(r.ID.System, raw.Value, p.v.env())
	return canonical, true, err
}

// deleted turns the link into a tombstone; deletions never cascade.
func (p *pass) deleted(d *draft, r *Record) {
	if r.Link.State == Deleted || p.guardedDeletion(d, r) {
		return
	}
	l := r.Link
	l.State, l.Reason, l.Reading = Deleted, "gone there", ulid.ULID{}
	d.link(p, r, l)
	d.Whole = &Whole{Result: Gone, Rule: "on_delete = " + p.v.Control.Settings.Contacts.OnDelete, System: r.ID.System}
	if p.v.Control.Settings.Contacts.OnDelete != "unlink" {
		return
	}
	for _, o := range p.v.Members(d.Contact) {
		if o.Link.State == Linked {
			l := o.Link
			l.State, l.Reason = Unlinked, "counterpart deleted"
			d.link(p, o, l)
		}
	}
}

// returned reopens the link of a record that was restored.
func (p *pass) returned(d *draft, r *Record) {
	l := r.Link
	l.State, l.Reason = Unlinked, "restored"
	if o := p.counterpart(d.Contact, r); o != nil {
		l.State = Linked
		if o.Link.State == Unlinked && o.Link.Ever { // on_delete = unlink had let it go
			back := o.Link
			back.State, back.Reason = Linked, "restored"
			d.link(p, o, back)
		}
	}
	d.link(p, r, l)
	d.Whole = &Whole{Result: Restored, System: r.ID.System, Others: []domain.Record{r.ID}}
}

// counterpart returns the contact's live record in the other system, nil when there is none.
func (p *pass) counterpart(contact ulid.ULID, r *Record) *Record {
	return p.standing(contact, r.ID.System.Other(), domain.Record{})
}

// standing returns the contact's live record in a system, other than one.
func (p *pass) standing(contact ulid.ULID, s domain.System, except domain.Record) *Record {
	var first *Record
	for _, id := range p.v.membersOf(contact) {
		if id.System != s || id == except || first != nil && !id.Less(first.ID) {
			continue
		}
		if o := p.v.rec(id); o.alive() {
			first = o
		}
	}
	return first
}

// alive reports whether the record stands for its contact in its system.
func (r *Record) alive() bool {
	switch r.Link.State {
	case Absorbed, Merged, Deleted, Suppressed:
		return false
	default:
		return r.Life != Missing && r.Life != Away
	}
}
