package planner

import (
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

// The rules of what a person decides.
const (
	personsWord    = "a person's word"
	outByPerson    = "excluded by a person"
	partedByPerson = "parted by a person"
)

// foldVerdict takes in what a person decided. What binds for ever lies with the records: contacts come and go.
func (v *View) foldVerdict(in Input, a domain.Act) Effect {
	switch a.Verdict {
	case domain.VerdictSame, domain.VerdictSeparate:
		for _, o := range a.Records[min(1, len(a.Records)):] {
			v.record(a.Records[0], in).tie(o, a.Verdict == domain.VerdictSame)
			v.record(o, in).tie(a.Records[0], a.Verdict == domain.VerdictSame)
		}
	case domain.VerdictExclude, domain.VerdictInclude:
		for _, id := range a.Records {
			v.record(id, in).Out = a.Verdict == domain.VerdictExclude
		}
	}
	return Effect{Contact: a.Contact, Changed: true, Force: true, Verdict: &a}
}

// tie notes a person's word; the last one counts.
func (r *Record) tie(o domain.Record, same bool) {
	r.Ties = slices.DeleteFunc(r.Ties, func(t Tie) bool { return t.Other == o })
	r.Ties = append(r.Ties, Tie{Other: o, Same: same})
}

// separate reports whether a person said that the other record is somebody else.
func (r *Record) separate(o domain.Record) bool {
	return slices.ContainsFunc(r.Ties, func(t Tie) bool { return t.Other == o && !t.Same })
}

// tied links the record to the one a person said is the same, unless either stands beside another one.
func (p *pass) tied(d *draft, r *Record) bool {
	for _, t := range r.Ties {
		o := p.v.rec(t.Other)
		if !t.Same || o == nil || o.ID.System == r.ID.System || !o.alive() ||
			o.Link.Contact == d.Contact && o.Link.State == Linked ||
			p.standing(d.Contact, o.ID.System, o.ID) != nil ||
			!o.Link.Contact.IsZero() && p.standing(o.Link.Contact, r.ID.System, r.ID) != nil {
			continue
		}
		p.join(d, r, o, personsWord)
		return true
	}
	return false
}

// cut parts linked records that a person said are two people: one of them leaves for a contact of its own, which is
// returned. Nothing is made anew for either, and what was agreed about fields no longer counts.
func (p *pass) cut(d *draft) (other ulid.ULID) {
	members := p.v.Members(d.Contact)
	for _, r := range members {
		if r.Link.State != Linked || !slices.ContainsFunc(members, func(o *Record) bool { return o.Link.State == Linked && r.separate(o.ID) }) {
			continue
		}
		for _, o := range members {
			l := o.Link
			l.State, l.Reason = Unlinked, partedByPerson
			if o == r {
				other = domain.DeriveID(p.in.ID, "contact", r.ID.System, 0)
				l.Contact = other
			}
			if o.Link.State == Linked {
				d.link(p, o, l)
			}
		}
		p.forget(d, partedByPerson)
		d.head.Creation, d.head.Review, d.head.Others, d.head.Lookups = Creation{}, "", nil, nil
		d.Whole = &Whole{Result: Parted, Rule: personsWord, Others: []domain.Record{r.ID}}
		return other
	}
	return other
}

// forget drops what was decided about the contact's fields: should it be linked again, it is first sight.
func (p *pass) forget(d *draft, rule string) {
	for _, f := range p.v.Control.Settings.Fields {
		if p.v.own(d.Contact).Fields[f.Name] != nil {
			d.verdict(p, Verdict{Field: f.Name, Result: Unchanged, Rule: rule})
		}
	}
}

// out reports whether a person took the contact out, and says so once; one that is let in again is weighed anew.
func (p *pass) out(d *draft) bool {
	out := p.v.anyMember(d.Contact, func(r *Record) bool { return r.Out && r.alive() })
	was := d.head.Creation.Rule == outByPerson
	switch {
	case out && !was:
		d.head.Creation, d.head.Lookups = Creation{Result: OutOfScope, Rule: outByPerson}, nil
		d.Whole = &Whole{Result: OutOfScope, Rule: outByPerson}
	case !out && was:
		d.head.Creation = Creation{}
	}
	return out
}

// reread asks both systems before the contact is planned again.
func (p *pass) reread(d *draft) {
	if v := p.e.Verdict; v == nil || v.Verdict != domain.VerdictRead {
		return
	}
	for _, r := range p.v.Members(d.Contact) {
		if r.alive() && (r.Link.Reading.IsZero() || r.Link.Reading == r.ReadDone) {
			p.sendRead(d, r)
		}
	}
}

// settled carries out what a person decided about the field.
func (p *fieldPass) settled(w *writes) bool {
	v := p.e.Verdict
	if v == nil || v.Field != p.f.Name || p.unsure != nil {
		return false
	}
	switch {
	case p.sides.of(domain.Aloware).digest == p.sides.of(domain.HubSpot).digest:
		return false
	case v.Verdict == domain.VerdictTake:
		p.flow(w, v.From, personsWord)
	case v.Verdict == domain.VerdictLeave:
		p.apart(Verdict{Result: Kept, Rule: "left so by a person"})
	default:
		return false
	}
	return true
}
