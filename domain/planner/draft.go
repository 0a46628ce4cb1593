package planner

import (
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

// draft is a decision in the making. Its effects are applied to the view as they are made, so what follows sees them.
type draft struct {
	Decision
	head     HeadState
	outgoing []Outgoing
	gone     int // records found deleted
}

func (p *pass) draft(id ulid.ULID) *draft {
	for _, d := range p.drafts {
		if d.Contact == id {
			return d
		}
	}
	c := p.v.contact(id)
	d := &draft{Decision: Decision{
		Planner: Version, Settings: p.v.Control.Settings.Version, Mode: p.v.Control.Mode, Input: p.in.Position,
		At: p.in.RecordedAt, Trigger: p.in.Type, Operation: p.operation, Contact: c.ID,
	}, head: cloneHead(c.Head)}
	p.drafts = append(p.drafts, d)
	return d
}

// done finishes the drafts: those that say nothing are dropped, the rest is applied and given its id.
func (p *pass) done() []Planned {
	var out []Planned
	for _, d := range p.drafts {
		c := p.v.own(d.Contact)
		if c == nil {
			continue // became an alias: its effects were taken over
		}
		p.count(d)
		if p.e.Release || p.e.Operation != nil || !d.head.same(c.Head) {
			h := cloneHead(d.head)
			d.Head = &h
		}
		if d.Head == nil && d.Whole == nil && d.Guard == nil && len(d.Links)+len(d.Aliases)+len(d.Fields)+len(d.Commands) == 0 {
			continue
		}
		if c.Created != nil && c.Created.Command != d.head.Creation.Command {
			p.v.keepContact(c)
			c.Created = nil
		}
		d.Considered = p.considered(d)
		p.v.Apply(d.Decision)
		out = append(out, Planned{
			ID: p.derive("decision", d.Contact, "", 0), Decision: d.Decision, Outgoing: d.outgoing,
		})
	}
	return out
}

// derive returns an id that follows from the input. An act that opens the sync is planned for one dirty contact after
// another, and two of them may turn out to be the same: what each leads to has ids of its own.
func (p *pass) derive(kind string, contact ulid.ULID, s domain.System, n int) ulid.ULID {
	if !p.dirty.IsZero() {
		kind += "/" + p.dirty.String()
	}
	return domain.DeriveID(p.in.ID, kind+"/"+contact.String(), s, n)
}

// DirtyDecision is the id of what an act that opened the sync decides for a contact that waited for it.
func DirtyDecision(act, contact ulid.ULID) ulid.ULID {
	return (&pass{in: Input{ID: act}, dirty: contact}).derive("decision", contact, "", 0)
}

func (p *pass) considered(d *draft) []domain.Record {
	all := d.Considered
	all = append(all, p.v.membersOf(d.Contact)...)
	slices.SortFunc(all, compareRecords)
	return slices.Compact(all)
}

func compareRecords(a, b domain.Record) int {
	switch {
	case a == b:
		return 0
	case a.Less(b):
		return -1
	default:
		return 1
	}
}

// link makes and applies a link effect; the last one about a record is the one decided.
func (d *draft) link(p *pass, r *Record, l Link) {
	l.Record = r.ID
	l.Ever = l.Ever || r.Link.Ever || l.State == Linked
	for _, o := range p.drafts {
		o.Links = slices.DeleteFunc(o.Links, func(old Link) bool { return old.Record == r.ID })
	}
	d.Links = append(d.Links, l)
	p.v.applyLink(l, p.in.Position)
}

// command makes a command with an id that derives from the input.
func (d *draft) command(p *pass, o Outgoing) ulid.ULID {
	o.Contact = d.Contact
	o.ID = p.derive("command", d.Contact, o.System, len(d.Commands))
	if o.Properties == nil {
		o.Properties = p.v.Control.Settings.ReadProperties(o.System)
	}
	d.Commands = append(d.Commands, o.Command)
	d.outgoing = append(d.outgoing, o)
	return o.ID
}

// same reports that a contact's head is as it was.
func (h HeadState) same(was HeadState) bool {
	return h.Dirty == was.Dirty && h.Parked == was.Parked && h.Standing == was.Standing && h.CountedAt == was.CountedAt &&
		h.Creation == was.Creation && h.Review == was.Review &&
		(len(was.Lookups) > 0 || h.Lookups == nil) && slices.Equal(h.Lookups, was.Lookups) &&
		(len(was.Others) > 0 || h.Others == nil) && slices.Equal(h.Others, was.Others)
}

func cloneHead(h HeadState) HeadState {
	h.Lookups = slices.Clone(h.Lookups)
	h.Others = slices.Clone(h.Others)
	if len(h.Lookups) == 0 {
		h.Lookups = nil
	}
	if len(h.Others) == 0 {
		h.Others = nil
	}
	return h
}
