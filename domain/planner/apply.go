package planner

import (
	"maps"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

// Apply takes a decision's effects into the view. Each counts at the decision's input: an effect of a higher input
// that is already there stays.
func (v *View) Apply(d Decision) {
	for _, l := range d.Links {
		v.applyLink(l, d.Input)
	}
	var waiting []*Settlement
	for _, a := range d.Aliases {
		waiting = append(waiting, v.applyAlias(a, d.Input)...)
	}
	if d.Head != nil {
		v.applyHead(d.Contact, *d.Head, d.Input)
	}
	for _, f := range d.Fields {
		v.applyField(d.Contact, f.Field, f.After, d.Input)
	}
	for _, s := range waiting {
		v.note(d.Contact, s)
	}
	v.count(d)
	v.spend(d)
	v.guardDecision(d)
}

// count adds a decision's writes to its hour, for the cap of mode pilot; only the last two hours matter.
func (v *View) count(d Decision) {
	writes := d.Writes()
	if d.Mode != domain.ModePilot || writes == 0 {
		return
	}
	v.keepControl()
	hour := d.At / hourMicros
	if v.Control.Writes == nil {
		v.Control.Writes = map[int64]int{}
	}
	v.Control.Writes[hour] += writes
	maps.DeleteFunc(v.Control.Writes, func(h int64, _ int) bool { return h < hour-1 })
	v.control = true
}

const hourMicros = int64(3600) * 1e6

func (v *View) applyLink(l Link, input int64) {
	r := v.rec(l.Record)
	added := r == nil
	if added {
		r = &Record{ID: l.Record, Life: Live}
		v.records[l.Record] = r
	}
	if input < r.LinkAt {
		return
	}
	v.keepLink(r, added)
	v.leave(r)
	r.Link, r.LinkAt, r.changed = l, input, true
	if r.ReadDone != l.Reading { // as if it had been answered after this was decided
		r.ReadDone = ulid.ULID{}
	}
	v.contact(l.Contact)
	v.join(r)
}

// applyAlias ends a contact's own life. Outcomes noted with it are handed on: the write they are about may wait at
// the contact it became.
func (v *View) applyAlias(a Alias, input int64) (waiting []*Settlement) {
	c := v.person(a.From)
	if c == nil {
		c = v.add(&Contact{ID: a.From})
	}
	if input < c.AliasAt {
		return nil
	}
	if c.Created != nil {
		waiting = append(waiting, c.Created)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		for _, s := range []*Settlement{c.Fields[name].Settled, c.Fields[name].Landed} {
			if s != nil {
				waiting = append(waiting, s)
			}
		}
	}
	v.keepContact(c)
	*c = Contact{ID: a.From, Alias: a.To, AliasAt: input, changed: true}
	return waiting
}

func (v *View) applyHead(id ulid.ULID, h HeadState, input int64) {
	c := v.own(id)
	if c == nil || input < c.HeadAt {
		return
	}
	v.keepContact(c)
	c.Head, c.HeadAt, c.changed = h, input, true
	if c.Created != nil && c.Created.Command != h.Creation.Command {
		c.Created = nil
	}
	over := func(id ulid.ULID) bool {
		return !slices.ContainsFunc(h.Lookups, func(l Lookup) bool { return l.Command == id })
	}
	c.Looked, c.Unasked = slices.DeleteFunc(c.Looked, over), slices.DeleteFunc(c.Unasked, over)
}

func (v *View) applyField(id ulid.ULID, name string, s FieldState, input int64) {
	c := v.own(id)
	if c == nil {
		return
	}
	f := c.Fields[name]
	if f != nil && (input < f.At || input == f.At && f.same(s)) { // or was applied as it was decided
		return
	}
	if c.Fields == nil {
		v.keepContact(c)
		c.Fields = make(map[string]*Field, len(v.Control.Settings.Fields))
	}
	v.keepField(c, name)
	if f == nil {
		f = &Field{}
		c.Fields[name] = f
	}
	f.FieldState, f.At, c.changed = s, input, true
	if !f.Settled.of(s.Pending) {
		f.Settled = nil
	}
	if !f.Landed.of(s.Restated) {
		f.Landed = nil
	}
}

// own returns the contact of exactly this id, nil once it is another's alias: what was decided for it before the
// merge no longer counts.
func (v *View) own(id ulid.ULID) *Contact {
	c := v.person(id)
	if c == nil {
		c = v.add(&Contact{ID: id, changed: true})
	}
	if !c.Alias.IsZero() {
		return nil
	}
	return c
}
