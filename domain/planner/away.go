package planner

import (
	"cmp"
	"iter"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
)

// A view of a whole log holds more people than memory does. Those that were not looked at for a while are put away as
// bytes, and come back when they are looked at.

// Shelf keeps byte strings by key, outside of a view.
type Shelf interface {
	// Put keeps a value under a key that has none. Both may be changed afterwards.
	Put(key, value []byte) error
	// Take returns the value of a key, which is the caller's then, and forgets it; nil when there is none.
	Take(key []byte) ([]byte, error)
	// Keys returns the keys that begin with a byte. One that is taken and put back meanwhile comes once.
	Keys(kind byte) iter.Seq2[[]byte, error]
}

// away holds what was put away.
type away struct {
	packer
	shelf Shelf
	key   []byte
	dirty map[ulid.ULID]int64 // dirty contacts, and their HeadAt
	err   error               // of the shelf, the first one
}

// What a key of the shelf begins with.
const (
	shelfRecord  = 'r'
	shelfContact = 'c' // with its members
	shelfHolders = 'h'
)

// RestOn names the shelf on which the view puts away what it is not asked about; without one it puts nothing away.
func (v *View) RestOn(s Shelf) {
	v.away = &away{packer: newPacker(), shelf: s, dirty: map[ulid.ULID]int64{}}
}

// Err is why the shelf failed. Once it did, what the view says is worth nothing.
func (v *View) Err() error {
	if v.away == nil {
		return nil
	}
	return v.away.err
}

// Rest puts away what was not looked at since the last rest, and more than that if need be, once more than so many
// records and contacts are at hand. Pointers into the view that were got before are good no longer.
func (v *View) Rest(atHand int) {
	if v.away == nil || len(v.records)+len(v.contacts) <= atHand {
		return
	}
	for since := v.turn; ; since++ {
		v.putAway(since)
		if len(v.records)+len(v.contacts) <= atHand/2 || since > v.turn {
			break
		}
	}
	v.turn++
}

// putAway puts away what was not looked at since a turn.
func (v *View) putAway(since int64) {
	for _, r := range v.records {
		if r.turn < since {
			v.putRecord(r)
		}
	}
	for _, c := range v.contacts {
		if c.turn < since {
			v.putContact(c)
		}
	}
}

// putRecord puts away a record, and who else has its keys.
func (v *View) putRecord(r *Record) {
	a := v.away
	for _, k := range r.keys {
		if list := v.byKey[k]; list != nil {
			a.put(a.holdersKey(k), a.list(list))
			delete(v.byKey, k)
		}
	}
	a.put(a.recordKey(r.ID), a.record(r))
	delete(v.records, r.ID)
}

func (v *View) putContact(c *Contact) {
	a := v.away
	a.put(a.contactKey(c.ID), a.contact(c, v.members[c.ID]))
	if c.Head.Dirty {
		a.dirty[c.ID] = c.HeadAt
	}
	delete(v.members, c.ID)
	delete(v.contacts, c.ID)
}

// rec returns a record, nil when there is none.
func (v *View) rec(id domain.Record) *Record {
	r := v.records[id]
	if r == nil && v.away != nil {
		if r = v.away.takeRecord(id); r != nil {
			v.records[id] = r
		}
	}
	if r != nil {
		r.turn = v.turn
	}
	return r
}

// person returns the contact of exactly this id, nil when there is none.
func (v *View) person(id ulid.ULID) *Contact {
	c := v.contacts[id]
	if c == nil && v.away != nil {
		c = v.takeContact(id)
	}
	if c != nil {
		c.turn = v.turn
	}
	return c
}

// membersOf are the records of exactly this contact.
func (v *View) membersOf(id ulid.ULID) []domain.Record {
	v.person(id)
	return v.members[id]
}

// holders are the records that have a key.
func (v *View) holders(k identity.Key) []domain.Record {
	list := v.byKey[k]
	if list == nil && v.away != nil {
		if list = v.away.takeHolders(k); list != nil {
			v.byKey[k] = list
		}
	}
	return list
}

// takeRecord returns an empty record where the shelf fails: what comes of it is not used.
func (a *away) takeRecord(id domain.Record) *Record {
	b, err := a.take(a.recordKey(id))
	switch {
	case err != nil:
		return &Record{ID: id, Life: Live}
	case b == nil:
		return nil
	}
	return a.unpackRecord(id, b)
}

func (v *View) takeContact(id ulid.ULID) *Contact {
	a := v.away
	b, err := a.take(a.contactKey(id))
	if err == nil && b == nil {
		return nil
	}
	c := &Contact{ID: id}
	if err == nil {
		var members []domain.Record
		if c, members = a.unpackContact(id, b); members != nil {
			v.members[id] = members
		}
	}
	delete(a.dirty, id)
	v.contacts[id] = c
	return c
}

func (a *away) takeHolders(k identity.Key) []domain.Record {
	b, err := a.take(a.holdersKey(k))
	if err != nil || b == nil {
		return nil
	}
	return a.unpackList(b)
}

func (a *away) put(key, value []byte) {
	if a.err == nil {
		a.err = a.shelf.Put(key, value)
	}
}

func (a *away) take(key []byte) ([]byte, error) {
	if a.err != nil {
		return nil, a.err
	}
	var b []byte
	b, a.err = a.shelf.Take(key)
	return b, a.err
}

func (a *away) recordKey(id domain.Record) []byte {
	a.key = append(append(append(append(a.key[:0], shelfRecord), id.System...), '/'), id.ID...)
	return a.key
}

func (a *away) contactKey(id ulid.ULID) []byte {
	a.key = append(append(a.key[:0], shelfContact), id[:]...)
	return a.key
}

func (a *away) holdersKey(k identity.Key) []byte {
	a.key = append(append(append(append(a.key[:0], shelfHolders), k.Kind...), '/'), k.Value...)
	return a.key
}

// waiting are the dirty contacts among those put away that were not planned at the position yet.
func (a *away) waiting(before int64) (ids []ulid.ULID) {
	if a == nil {
		return nil
	}
	for id, at := range a.dirty {
		if at < before {
			ids = append(ids, id)
		}
	}
	return ids
}

// every does something with every record; those put away are so again afterwards.
func (v *View) every(do func(*Record)) {
	for _, r := range v.records {
		do(r)
	}
	if v.away == nil {
		return
	}
	for key, err := range v.away.shelf.Keys(shelfRecord) {
		if v.away.err = cmp.Or(v.away.err, err); v.away.err != nil {
			return
		}
		system, id, _ := strings.Cut(string(key[1:]), "/")
		if r := v.away.takeRecord(domain.Record{System: domain.System(system), ID: id}); r != nil {
			do(r)
			v.putRecord(r)
		}
	}
}
