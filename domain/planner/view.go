package planner

import (
	"maps"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/settings"
)

// View is the part of the planner state an input needs.
type View struct {
	Control  Control
	Digester Digester

	records  map[domain.Record]*Record
	contacts map[ulid.ULID]*Contact
	members  map[ulid.ULID]map[domain.Record]bool
	byKey    map[identity.Key]map[domain.Record]bool
	choices  *Choices         // nil: nothing is known
	cached   *settings.Env    // nil: to be made
	filter   *settings.Filter // of mode pilot
	only     settings.Filter  // of who takes part
	control  bool             // control changed
	journal  *journal         // of what is being tried; nil for none
	recalled map[int64]recall // what events from before told, by position
}

// NewView makes an empty view under a control state, which it leaves as it is.
func NewView(c Control, d Digester) *View {
	c.ShutFields, c.Writes, c.Operations = maps.Clone(c.ShutFields), maps.Clone(c.Writes), slices.Clone(c.Operations)
	c.Mapped, c.Heard, c.Swept = maps.Clone(c.Mapped), maps.Clone(c.Heard), maps.Clone(c.Swept)
	c.Guard, c.Present = c.Guard.clone(), maps.Clone(c.Present)
	c.Faults, c.Schemas, c.Shown = maps.Clone(c.Faults), maps.Clone(c.Schemas), maps.Clone(c.Shown)
	c.Hooked, c.Missed = maps.Clone(c.Hooked), maps.Clone(c.Missed)
	v := &View{
		Control: c, Digester: d, records: map[domain.Record]*Record{}, contacts: map[ulid.ULID]*Contact{},
		members: map[ulid.ULID]map[domain.Record]bool{}, byKey: map[identity.Key]map[domain.Record]bool{},
	}
	v.compile()
	return v
}

// compile prepares what the settings are used through; a filter that does not parse lets nobody in.
func (v *View) compile() {
	v.cached = nil
	v.filter = nil
	if f := v.parsed(v.Control.Pilot.Filter); v.Control.Pilot.Filter != "" {
		v.filter = &f
	}
	v.only = v.parsed(v.Control.Settings.Contacts.Only)
}

func (v *View) parsed(filter string) settings.Filter {
	f, err := v.Control.Settings.ParseFilter(filter)
	if err != nil {
		return settings.NoOne
	}
	return f
}

// AddRecord puts a loaded record into the view; a second one of the same id is ignored.
func (v *View) AddRecord(r *Record) {
	if _, ok := v.records[r.ID]; ok {
		return
	}
	v.records[r.ID] = r
	v.join(r)
	r.keys = identity.Keys(v.Control.Settings, r.ID, r.Properties())
	r.before = r.keys
	v.index(r)
}

// AddContact puts a loaded contact into the view; a second one of the same id is ignored.
func (v *View) AddContact(c *Contact) {
	if _, ok := v.contacts[c.ID]; !ok {
		v.contacts[c.ID] = c
	}
}

// Record returns a record of the view, nil when there is none.
func (v *View) Record(id domain.Record) *Record { return v.records[id] }

// Contact returns the contact an id means, aliases followed, nil when it is not in the view.
func (v *View) Contact(id ulid.ULID) *Contact {
	c := v.contacts[id]
	for range 32 {
		if c == nil || c.Alias.IsZero() {
			return c
		}
		c = v.contacts[c.Alias]
	}
	return c
}

// Members returns a contact's records, sorted.
func (v *View) Members(id ulid.ULID) []*Record {
	all := make([]*Record, 0, len(v.members[id]))
	for r := range v.members[id] {
		all = append(all, v.records[r])
	}
	slices.SortFunc(all, func(a, b *Record) int {
		if a.ID.Less(b.ID) {
			return -1
		}
		return 1
	})
	return all
}

// Dirty returns the contacts that wait for the sync to open and were not planned at the position yet, in id order.
func (v *View) Dirty(before int64) []ulid.ULID {
	var ids []ulid.ULID
	for id, c := range v.contacts {
		if c.Head.Dirty && c.HeadAt < before {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, ulid.ULID.Compare)
	return ids
}

// Changed returns the records and contacts an input or a decision changed since loading, sorted.
func (v *View) Changed() (records []*Record, contacts []*Contact, control bool) {
	for _, r := range v.records {
		if r.changed {
			records = append(records, r)
		}
	}
	for _, c := range v.contacts {
		if c.changed {
			contacts = append(contacts, c)
		}
	}
	slices.SortFunc(records, func(a, b *Record) int {
		if a.ID.Less(b.ID) {
			return -1
		}
		return 1
	})
	slices.SortFunc(contacts, func(a, b *Contact) int { return a.ID.Compare(b.ID) })
	return records, contacts, v.control
}

// record returns the record, making it at the input when it is new.
func (v *View) record(id domain.Record, in Input) *Record {
	r := v.records[id]
	if r == nil {
		r = &Record{ID: id, Life: Live}
		v.records[id] = r
	}
	if r.First == 0 { // or known only by a decision that parked an earlier event
		r.First, r.FirstID = in.Position, in.ID
	}
	r.changed = true
	return r
}

// contact returns the contact, making it when it is new.
func (v *View) contact(id ulid.ULID) *Contact {
	if c := v.Contact(id); c != nil {
		return c
	}
	return v.add(&Contact{ID: id, changed: true})
}

func (v *View) add(c *Contact) *Contact {
	v.contacts[c.ID] = c
	v.keepNew(c)
	return c
}

func (v *View) join(r *Record) {
	if r.Link.Contact.IsZero() {
		return
	}
	m := v.members[r.Link.Contact]
	if m == nil {
		m = map[domain.Record]bool{}
		v.members[r.Link.Contact] = m
	}
	m[r.ID] = true
}

func (v *View) leave(r *Record) {
	m := v.members[r.Link.Contact]
	if delete(m, r.ID); len(m) == 0 {
		delete(v.members, r.Link.Contact)
	}
}

func (v *View) index(r *Record) {
	for _, k := range r.keys {
		if v.byKey[k] == nil {
			v.byKey[k] = map[domain.Record]bool{}
		}
		v.byKey[k][r.ID] = true
	}
}

// reindex works the record's match keys out anew.
func (v *View) reindex(r *Record) {
	for _, k := range r.keys {
		m := v.byKey[k]
		if delete(m, r.ID); len(m) == 0 {
			delete(v.byKey, k)
		}
	}
	r.keys = identity.Keys(v.Control.Settings, r.ID, r.Properties())
	v.index(r)
}
