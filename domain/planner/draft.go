package planner

import (
	"reflect"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

// draft is a decision in the making. Its effects are applied to the view as they are made, so what follows sees them.
type draft struct {
	Decision
	head     HeadState
	outgoing []Outgoing
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
		At: p.in.RecordedAt, Trigger: p.in.Type, Contact: c.ID,
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
			continue // became an alias: its effects lie in the other draft
		}
		if p.e.Release || !reflect.DeepEqual(cloneHead(c.Head), d.head) {
			h := cloneHead(d.head)
			d.Head = &h
		}
		if d.Head == nil && d.Whole == nil && len(d.Links)+len(d.Aliases)+len(d.Fields)+len(d.Commands) == 0 {
			continue
		}
		d.Considered = p.considered(d)
		p.v.Apply(d.Decision)
		out = append(out, Planned{
			ID: domain.DeriveID(p.in.ID, "decision/"+d.Contact.String(), "", 0), Decision: d.Decision, Outgoing: d.outgoing,
		})
	}
	return out
}

func (p *pass) considered(d *draft) []domain.Record {
	all := d.Considered
	for _, r := range p.v.Members(d.Contact) {
		all = append(all, r.ID)
	}
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

// link makes and applies a link effect.
func (d *draft) link(p *pass, r *Record, l Link) {
	l.Record = r.ID
	l.Ever = l.Ever || r.Link.Ever || l.State == Linked
	for i := range d.Links {
		if d.Links[i].Record == r.ID {
			d.Links = slices.Delete(d.Links, i, i+1)
			break
		}
	}
	d.Links = append(d.Links, l)
	p.v.applyLink(l, p.in.Position)
}

// command makes a command with an id that derives from the input.
func (d *draft) command(p *pass, o Outgoing) ulid.ULID {
	o.Contact = d.Contact
	o.ID = domain.DeriveID(p.in.ID, "command/"+d.Contact.String(), o.System, len(d.Commands))
	if o.Properties == nil {
		o.Properties = p.v.Control.Settings.ReadProperties(o.System)
	}
	d.Commands = append(d.Commands, o.Command)
	d.outgoing = append(d.outgoing, o)
	return o.ID
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
