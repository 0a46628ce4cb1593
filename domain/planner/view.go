package planner

import (
	"bytes"
	"encoding/json"
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
	members  map[ulid.ULID][]domain.Record    // see membersOf
	byKey    map[identity.Key][]domain.Record // see holders
	away     *away                            // nil: everything stays at hand
	turn     int64                            // counts the rests
	choices  *Choices                         // nil: nothing is known
	cached   *settings.Env                    // nil: to be made
	filter   *settings.Filter                 // of mode pilot
	only     settings.Filter                  // of who takes part
	finder   *finder                          // of match keys
	control  bool                             // control changed
	erased   []domain.Record                  // since the view was made
	journal  *journal                         // of what is being tried; nil for none
	recalled map[int64]recall                 // what events from before told, by position
}

// NewView makes an empty view under a control state, which it leaves as it is.
func NewView(c Control, d Digester) *View {
	c.ShutFields, c.Writes, c.Operations = maps.Clone(c.ShutFields), maps.Clone(c.Writes), slices.Clone(c.Operations)
	c.Mapped, c.Heard, c.Swept = maps.Clone(c.Mapped), maps.Clone(c.Heard), maps.Clone(c.Swept)
	c.Guard, c.Present, c.Requests = c.Guard.clone(), maps.Clone(c.Present), slices.Clone(c.Requests)
	c.Faults, c.Schemas, c.Shown = maps.Clone(c.Faults), maps.Clone(c.Schemas), maps.Clone(c.Shown)
	c.Hooked, c.Missed = maps.Clone(c.Hooked), maps.Clone(c.Missed)
	v := &View{
		Control: c, Digester: d, records: map[domain.Record]*Record{}, contacts: map[ulid.ULID]*Contact{},
		members: map[ulid.ULID][]domain.Record{}, byKey: map[identity.Key][]domain.Record{},
	}
	v.compile()
	return v
}

// compile prepares what the settings are used through; a filter that does not parse lets nobody in.
func (v *View) compile() {
	v.cached, v.finder = nil, v.newFinder()
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
	r.keys = v.finder.keys(r)
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
func (v *View) Record(id domain.Record) *Record { return v.rec(id) }

// Contact returns the contact an id means, aliases followed, nil when it is not in the view.
func (v *View) Contact(id ulid.ULID) *Contact {
	c := v.person(id)
	for range 32 {
		if c == nil || c.Alias.IsZero() {
			return c
		}
		c = v.person(c.Alias)
	}
	return c
}

// Members returns a contact's records, sorted.
func (v *View) Members(id ulid.ULID) []*Record {
	members := v.membersOf(id)
	all := make([]*Record, 0, len(members))
	for _, r := range members {
		all = append(all, v.rec(r))
	}
	slices.SortFunc(all, func(a, b *Record) int {
		if a.ID.Less(b.ID) {
			return -1
		}
		return 1
	})
	return all
}

// anyMember reports whether something holds of one of a contact's records.
func (v *View) anyMember(contact ulid.ULID, holds func(*Record) bool) bool {
	return slices.ContainsFunc(v.membersOf(contact), func(id domain.Record) bool { return holds(v.rec(id)) })
}

// Dirty returns the contacts that wait for the sync to open and were not planned at the position yet, in id order.
func (v *View) Dirty(before int64) []ulid.ULID {
	var ids []ulid.ULID
	for id, c := range v.contacts {
		if c.Head.Dirty && c.HeadAt < before {
			ids = append(ids, id)
		}
	}
	ids = append(ids, v.away.waiting(before)...)
	slices.SortFunc(ids, ulid.ULID.Compare)
	return ids
}

// Changed returns the records and contacts an input or a decision changed since loading, sorted. A view that rests tells
// of those at hand only.
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
	r := v.rec(id)
	if r == nil {
		r = &Record{ID: id, Life: Live}
		v.records[id] = r
	}
	if r.First == 0 { // or known only by a decision that parked an earlier event
		r.First, r.FirstID = in.Position, in.ID
	}
	r.changed = true
	clear(r.read.sides) // something is told
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
	if m := v.membersOf(r.Link.Contact); !r.Link.Contact.IsZero() && !slices.Contains(m, r.ID) {
		v.members[r.Link.Contact] = append(m, r.ID)
	}
}

func (v *View) leave(r *Record) {
	v.membersOf(r.Link.Contact)
	drop(v.members, r.Link.Contact, r.ID)
}

// drop takes a record off a list, and the list away with the last one.
func drop[K comparable](lists map[K][]domain.Record, of K, r domain.Record) {
	list := lists[of]
	i := slices.Index(list, r)
	switch {
	case i < 0:
	case len(list) == 1:
		delete(lists, of)
	default:
		lists[of] = slices.Delete(list, i, i+1)
	}
}

func (v *View) index(r *Record) {
	for _, k := range r.keys {
		if list := v.holders(k); !slices.Contains(list, r.ID) {
			v.byKey[k] = append(list, r.ID)
		}
	}
}

// finder finds match keys under the view's settings, in values of the properties named.
type finder struct {
	identity.Finder
	aloware, hubspot []string
}

func (v *View) newFinder() *finder {
	f := identity.NewFinder(v.Control.Settings)
	return &finder{f, f.Properties(domain.Aloware), f.Properties(domain.HubSpot)}
}

// found takes the values that a record's match keys are made of, and reports whether they are as before.
func (f *finder) found(r *Record) (same bool) {
	names := f.aloware
	if r.ID.System == domain.HubSpot {
		names = f.hubspot
	}
	if same = r.read.finder == f; !same {
		r.read.finder, r.read.told = f, make([]json.RawMessage, len(names))
	}
	for i, name := range names {
		s, _ := r.value(name)
		same = same && bytes.Equal(s.Value, r.read.told[i])
		r.read.told[i] = s.Value
	}
	return same
}

// reindex works the record's match keys out anew, when something they are made of was told.
func (v *View) reindex(r *Record) {
	if v.finder.found(r) {
		return
	}
	keys := v.finder.keys(r)
	if slices.Equal(keys, r.keys) {
		return
	}
	for _, k := range r.keys {
		v.holders(k)
		drop(v.byKey, k, r.ID)
	}
	r.keys = keys
	v.index(r)
}

func (f *finder) keys(r *Record) []identity.Key {
	return f.Keys(r.ID, func(name string) json.RawMessage {
		s, _ := r.value(name)
		return s.Value
	})
}
