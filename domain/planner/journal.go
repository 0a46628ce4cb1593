package planner

import (
	"maps"
	"slices"
)

// Try plans, and returns with what was planned how to take its effects back, as long as nothing else has changed the
// view. plan must not panic.
func (v *View) Try(plan func() []Planned) (out []Planned, undo func()) {
	j := &journal{}
	v.journal = j
	defer func() { v.journal = nil }()
	return plan(), j.undo
}

// journal holds how to take changes back, in the order they were made. A nil one keeps nothing.
type journal struct{ back []func() }

func (j *journal) undo() {
	for _, back := range slices.Backward(j.back) {
		back()
	}
	j.back = nil
}

// keepContact is called before a contact changes otherwise than in a field.
func (v *View) keepContact(c *Contact) {
	if v.journal == nil {
		return
	}
	was := *c
	was.Looked, was.Unasked = slices.Clone(c.Looked), slices.Clone(c.Unasked)
	v.journal.back = append(v.journal.back, func() { *c = was })
}

// keepNew is called when a contact was added.
func (v *View) keepNew(c *Contact) {
	if v.journal != nil {
		v.journal.back = append(v.journal.back, func() { delete(v.contacts, c.ID) })
	}
}

// keepField is called before a contact's field changes. What a state points to is never changed in place.
func (v *View) keepField(c *Contact, name string) {
	if v.journal == nil {
		return
	}
	f, changed := c.Fields[name], c.changed
	if f == nil {
		v.journal.back = append(v.journal.back, func() { delete(c.Fields, name); c.changed = changed })
		return
	}
	was := *f
	v.journal.back = append(v.journal.back, func() { *f = was; c.changed = changed })
}

// keepLink is called before a record's link changes; added, when the record came with it.
func (v *View) keepLink(r *Record, added bool) {
	if v.journal == nil {
		return
	}
	link, at, changed, done := r.Link, r.LinkAt, r.changed, r.ReadDone
	v.journal.back = append(v.journal.back, func() {
		v.leave(r)
		if added {
			delete(v.records, r.ID)
			return
		}
		r.Link, r.LinkAt, r.changed, r.ReadDone = link, at, changed, done
		v.join(r)
	})
}

// keepControl is called before what decisions change of the control state does.
func (v *View) keepControl() {
	if v.journal == nil {
		return
	}
	c, changed := &v.Control, v.control
	writes, guard, operations := maps.Clone(c.Writes), c.Guard.clone(), slices.Clone(c.Operations)
	v.journal.back = append(v.journal.back, func() {
		c.Writes, c.Guard, c.Operations, v.control = writes, guard, operations, changed
	})
}
