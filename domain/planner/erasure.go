package planner

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

// The rules of erasure.
const (
	ruleErased = "erased for good"
	ruleLifted = "let in again"
)

// Request is a record that HubSpot deleted on its person's request, and when that was told, µs UTC.
type Request struct {
	Record domain.Record `json:"record"`
	At     int64         `json:"at"`
}

// request notes who is to be erased here as well.
func (v *View) request(in Input, f domain.Fact, id domain.Record) {
	asked := func(r Request) bool { return r.Record == id }
	if f.Private() && !slices.ContainsFunc(v.Control.Requests, asked) {
		v.Control.Requests, v.control = append(v.Control.Requests, Request{Record: id, At: in.RecordedAt}), true
	}
}

// foldSuppressed takes in that something was told of a record that was erased: nothing, unless it answers a read that is
// waited for.
func (v *View) foldSuppressed(in Input) (Effect, error) {
	var f domain.Fact
	if err := json.Unmarshal(in.Data, &f); err != nil {
		return Effect{}, fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
	}
	if f.Answer == nil {
		return Effect{}, nil
	}
	v.answered(f.Answer)
	e := Effect{Answered: true, Answer: f.Answer.Command}
	if n := len(f.Answer.Found); n == 0 || f.Answer.Found[n-1].Stream() == in.Stream {
		e.Contact = f.Answer.Contact
	}
	return e, nil
}

// foldErasure takes in that records were erased, or are let in again: nothing is known of them from here on. What is kept
// is the same whether their events were folded while they could be read, or not.
func (v *View) foldErasure(in Input, a domain.Act) Effect {
	for _, id := range a.Records {
		r := v.record(id, in)
		*r = Record{
			ID: id, First: in.Position, FirstID: in.ID, Life: Missing, Ties: r.Ties, Out: r.Out, Link: r.Link, LinkAt: r.LinkAt,
			Counted: r.Counted, keys: r.keys, before: r.before, changed: true,
		}
		v.reindex(r)
	}
	v.erased = append(v.erased, a.Records...)
	v.present(a.Records...)
	done := func(r Request) bool { return slices.Contains(a.Records, r.Record) }
	if slices.ContainsFunc(v.Control.Requests, done) {
		v.Control.Requests, v.control = slices.DeleteFunc(v.Control.Requests, done), true
	}
	e := Effect{Contact: a.Contact, Changed: true}
	if e.Contact.IsZero() && len(a.Records) == 1 { // who erased it did not know whose it is, and it may be nobody's yet
		e.Record = a.Records[0]
		e.Contact = v.rec(e.Record).Link.Contact
	}
	if c := v.Contact(e.Contact); c != nil {
		c.Created, c.Looked, c.Unasked, c.changed = nil, nil, nil, true
		for _, f := range c.Fields {
			f.Settled, f.Landed = nil, nil
		}
	}
	if e.Erased = a.Records; in.Type == domain.SubjectLifted {
		e.Erased, e.Lifted = nil, a.Records
	}
	return e
}

// Remember takes over from a control state at the same position what facts alone tell of how the systems behave. Where some
// of them were erased, folding those that are left cannot tell it any more.
func (v *View) Remember(c Control) {
	now := &v.Control
	now.Heard, now.Native = maps.Clone(c.Heard), c.Native
	now.Shown, now.Hooked, now.Missed = maps.Clone(c.Shown), maps.Clone(c.Hooked), maps.Clone(c.Missed)
	v.control = true
}

// erased plans an erasure, or the end of one, and reports that nothing else is to be planned: that holds for everybody who
// was erased.
func (p *pass) erased(d *draft) bool {
	switch {
	case len(p.e.Erased) > 0:
		p.suppress(d, p.e.Erased)
	case len(p.e.Lifted) > 0:
		p.lift(d, p.e.Lifted)
	default:
		kept := func(r *Record) bool { return r.Link.State != Suppressed && r.Link.State != Merged }
		return !p.v.anyMember(d.Contact, kept) &&
			p.v.anyMember(d.Contact, func(r *Record) bool { return r.Link.State == Suppressed })
	}
	return true
}

// suppress takes the records out for good and drops all that was decided about their contact.
func (p *pass) suppress(d *draft, records []domain.Record) {
	for _, r := range p.v.Members(d.Contact) {
		if !slices.Contains(records, r.ID) || r.Link.State == Merged {
			continue
		}
		l := r.Link
		l.State, l.Reason, l.Reading = Suppressed, ruleErased, ulid.ULID{}
		d.link(p, r, l)
	}
	p.forget(d, ruleErased)
	d.head = HeadState{}
	d.Whole = &Whole{Result: Erased, Rule: ruleErased}
}

// lift lets the records in again, as ones that were deleted and may return; those HubSpot has are read at once.
func (p *pass) lift(d *draft, records []domain.Record) {
	for _, r := range p.v.Members(d.Contact) {
		if !slices.Contains(records, r.ID) || r.Link.State != Suppressed {
			continue
		}
		l := r.Link
		l.State, l.Reason = Deleted, ruleLifted
		d.link(p, r, l)
		if r.ID.System == domain.HubSpot && !p.v.Control.Stopped() {
			p.sendRead(d, r)
		}
	}
	d.Whole = &Whole{Result: Lifted, Rule: ruleLifted}
}

// Forgotten lists the records that were erased, or let in again, since the view was made: nobody finds them by what they
// were found by.
func (v *View) Forgotten() []domain.Record { return v.erased }
