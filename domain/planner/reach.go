package planner

import (
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

// Expand adds to n what the inputs that name direct can lead to: the contacts of their records, with all records and
// those merged away, the holders of the keys of any of these, and the holders' contacts. Calling it again after
// loading, until nothing new is asked, completes the view. It must be asked anew before every input: one before it may
// have made a contact of two.
func (v *View) Expand(direct, n Needs) {
	near := v.Reach(direct, n)
	far := NewNeeds()
	for id := range near {
		r := v.rec(id)
		if r == nil {
			continue
		}
		n.keys(r.keys)
		far.keys(r.keys)
	}
	for k := range direct.Keys {
		far.Keys[k] = true
	}
	for k := range far.Keys {
		for _, id := range v.holders(k) {
			far.Records[id] = true
		}
	}
	v.Reach(far, n)
}

// Reach adds to n the contacts of the records that are named, aliases followed, with all their records, and returns
// the records it came by. It asks for nobody's keys.
func (v *View) Reach(direct, n Needs) map[domain.Record]bool {
	w := walk{v: v, n: n, records: map[domain.Record]bool{}, contacts: map[ulid.ULID]bool{}}
	for r := range direct.Records {
		w.record(r)
	}
	for c := range direct.Contacts {
		w.contact(c)
	}
	return w.records
}

// walk goes from records to contacts and back, each once.
type walk struct {
	v        *View
	n        Needs
	records  map[domain.Record]bool
	contacts map[ulid.ULID]bool
}

func (w walk) record(id domain.Record) {
	if id.IsZero() || w.records[id] {
		return
	}
	w.records[id] = true
	w.n.record(id)
	r := w.v.rec(id)
	if r == nil {
		return
	}
	w.contact(r.Link.Contact)
	w.record(r.Primary)
	for _, m := range r.Merged {
		w.record(m)
	}
}

func (w walk) contact(id ulid.ULID) {
	if id.IsZero() || w.contacts[id] {
		return
	}
	w.contacts[id] = true
	w.n.contact(id)
	for _, r := range w.v.membersOf(id) {
		w.record(r)
	}
	if c := w.v.person(id); c != nil {
		w.contact(c.Alias)
		if c.Created != nil {
			w.record(c.Created.Record)
			w.record(c.Created.Existing)
		}
		for _, r := range c.Head.Others {
			w.n.record(r)
		}
	}
}
