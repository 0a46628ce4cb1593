package planner

import (
	"encoding/json"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// Outgoing is a decided command with the values it carries: what the outbox seals and no decision holds.
type Outgoing struct {
	Command
	Contact    ulid.ULID
	Values     map[string]json.RawMessage // by the target's write name
	Expects    map[string]Expected        // what the target must still show for a value to go over it, by its write name
	Phone      string                     // by which Aloware finds the target, E.164
	Value      string                     // what a look-up asks for
	Properties []string                   // to read back
}

// Expected is what the target showed when a write to it was decided.
type Expected struct {
	Property string          `json:"property"` // as the target reads
	Value    json.RawMessage `json:"value"`    // null for none
}

// Planned is a decision with its commands' values.
type Planned struct {
	ID       ulid.ULID // of the decision's event
	Decision Decision
	Outgoing []Outgoing
}

// Plan says what follows from an input that was just folded with the effect e, and applies it to the view: at most
// one decision per contact. A release is planned apart, contact by contact, by PlanDirty.
func (v *View) Plan(in Input, e Effect) []Planned {
	p := &pass{v: v, in: in, e: e}
	switch {
	case !e.Record.IsZero() && (e.Changed || e.First || e.Answered || len(e.Stale) > 0 || p.echoes() || p.unowned() || p.renumbered()):
		p.planRecord(e.Record)
		if e.LookedUp {
			p.planWaiting(e.Contact)
		}
	case !e.Contact.IsZero():
		p.planContact(e.Contact)
	}
	return p.done()
}

// PlanDirty plans one dirty contact on the act that opened the sync. With withhold, what stands open is decided but
// not sent: going live sends nothing retroactively.
func (v *View) PlanDirty(in Input, e Effect, contact ulid.ULID) []Planned {
	if c := v.person(contact); c == nil || !c.Alias.IsZero() || c.HeadAt >= in.Position {
		return nil // became another's alias, or was planned with it
	}
	p := &pass{v: v, in: in, e: Effect{Release: true, Withhold: e.Withhold, Confirmed: e.Confirmed, Changed: true}, dirty: contact}
	p.planContact(contact)
	return p.done()
}

// pass is one run of the planner over one input.
type pass struct {
	v     *View
	in    Input
	e     Effect
	dirty ulid.ULID // the contact that is planned because the sync opened, or for an operation; zero otherwise
	// operation is what it is planned for, and left what that leaves as it is.
	operation ulid.ULID
	left      *[]Left
	drafts    []*draft
}

// planRecord plans for the contact of a record, giving it one when it has none.
func (p *pass) planRecord(id domain.Record) {
	r := p.v.rec(id)
	if r == nil {
		return
	}
	if r.Link.Contact.IsZero() {
		first := domain.DeriveID(r.FirstID, "contact", id.System, 0)
		d := p.draft(first)
		d.link(p, r, Link{Contact: first, State: Unlinked, Reason: "first seen"})
	}
	if p.mergePending(r) { // first: what was decided for a contact that ends with the merge would end with it
		p.planMerge(r)
		return
	}
	p.planContact(r.Link.Contact)
}

// planWaiting plans the contact a look-up was made for, unless it was planned with the record that was found.
func (p *pass) planWaiting(id ulid.ULID) {
	c := p.v.Contact(id)
	if c == nil || slices.ContainsFunc(p.drafts, func(d *draft) bool { return d.Contact == c.ID }) {
		return
	}
	p.planContact(c.ID)
}

// planContact brings a contact's state to what follows from what is seen.
func (p *pass) planContact(id ulid.ULID) {
	c := p.v.Contact(id)
	if c == nil {
		return
	}
	d := p.draft(c.ID)
	if p.erased(d) {
		return
	}
	if p.v.Control.Stopped() || p.parked(d) {
		p.markDirty(d)
		p.stopsThrough(d)
		return
	}
	d.head.Dirty = d.head.Dirty && p.e.Operation != nil && p.e.Operation.Narrow()
	d.head.Parked = false
	parted := p.cut(d)
	d.head.Standing = p.e.Withhold || d.head.Standing && !p.changedSince()
	p.creationOutcome(d)
	if p.matches() {
		p.identifyAll(d)
	}
	p.creationOutcome(d) // of a contact that became this one
	p.reread(d)
	p.weigh(d)
	d.head.Standing = d.head.Standing && p.awaitsRead(d)
	if !parted.IsZero() {
		p.planContact(parted)
	}
}

// identifyAll settles each record of the contact once, those included that join it meanwhile.
func (p *pass) identifyAll(d *draft) {
	var done []domain.Record
	for again := true; again; {
		again = false
		for _, r := range p.v.Members(d.Contact) {
			if !slices.Contains(done, r.ID) {
				done, again = append(done, r.ID), true
				p.identify(d, r)
			}
		}
	}
}

// markDirty notes, once, that the contact must be planned when the sync opens.
func (p *pass) markDirty(d *draft) {
	if !d.head.Dirty && (p.e.Changed || p.e.First || p.e.Answered) {
		d.head.Dirty = true
		d.Whole = &Whole{Result: Withheld, Rule: p.v.stopRule()}
	}
}

// parked reports whether the contact waits for a person since an input of it could not be decided.
func (p *pass) parked(d *draft) bool { return d.head.Parked && !p.e.Force }

func (v *View) stopRule() string {
	switch {
	case v.Control.Settings.Version == 0:
		return "no settings yet"
	case v.Control.Mode == domain.ModeOff:
		return "mode = off"
	case v.Control.Paused:
		return "paused"
	default:
		return "gate shut"
	}
}

// unowned reports whether the fact is about a record that was seen, as what stood in the way of a create, and belongs
// to nobody yet.
func (p *pass) unowned() bool {
	r := p.v.rec(p.e.Record)
	return r != nil && r.Link.Contact.IsZero()
}

// echoes reports whether the fact tells a value that a write of ours is, or was last, on its way to: an echo is
// decided even when nothing new was seen.
func (p *pass) echoes() bool {
	r := p.v.rec(p.e.Record)
	if r == nil {
		return false
	}
	c := p.v.Contact(r.Link.Contact)
	if c == nil {
		return false
	}
	for name, f := range c.Fields {
		if f.Pending == nil || f.Pending.System != r.ID.System {
			continue
		}
		if sf, ok := p.v.Control.Settings.Field(name); ok && p.e.told(sf.Side(r.ID.System).Read) {
			return true
		}
	}
	return false
}

// field looks a field of the settings up by name.
func (v *View) field(name string) (settings.Field, bool) { return v.Control.Settings.Field(name) }
