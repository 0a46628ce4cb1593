package planner

import (
	"maps"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

// A view of a whole log holds more people than memory does as Go values. Those that were not looked at for a while are
// put away as bytes, and come back when they are looked at.

// away holds what was put away.
type away struct {
	packer
	shelf
	records  map[domain.Record]place
	contacts map[ulid.ULID]place
	dirty    map[ulid.ULID]int64 // dirty contacts, and their HeadAt
}

// Rest puts away what was not looked at since the last rest, and more than that if need be, once more than so many
// records and contacts are at hand. Pointers into the view that were got before are good no longer.
func (v *View) Rest(atHand int) {
	if len(v.records)+len(v.contacts) <= atHand {
		return
	}
	if v.away == nil {
		v.away = &away{
			packer: newPacker(), records: map[domain.Record]place{}, contacts: map[ulid.ULID]place{},
			dirty: map[ulid.ULID]int64{},
		}
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
	a := v.away
	for id, r := range v.records {
		if r.turn < since {
			a.records[id] = a.put(a.record(r))
			delete(v.records, id)
		}
	}
	for id, c := range v.contacts {
		if c.turn < since {
			a.contacts[id] = a.put(a.contact(c))
			if c.Head.Dirty {
				a.dirty[id] = c.HeadAt
			}
			delete(v.contacts, id)
		}
	}
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
		if c = v.away.takeContact(id); c != nil {
			v.contacts[id] = c
		}
	}
	if c != nil {
		c.turn = v.turn
	}
	return c
}

func (a *away) takeRecord(id domain.Record) *Record {
	at, ok := a.records[id]
	if !ok {
		return nil
	}
	r := a.unpackRecord(id, a.take(at))
	delete(a.records, id)
	return r
}

func (a *away) takeContact(id ulid.ULID) *Contact {
	at, ok := a.contacts[id]
	if !ok {
		return nil
	}
	c := a.unpackContact(id, a.take(at))
	delete(a.contacts, id)
	delete(a.dirty, id)
	return c
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
	for _, id := range slices.Collect(maps.Keys(v.away.records)) {
		r := v.away.takeRecord(id)
		do(r)
		v.away.records[id] = v.away.put(v.away.record(r))
	}
}

// shelf keeps byte strings where the collector need not look for pointers.
type shelf struct {
	rows [][]byte
	end  int             // of what is used in the last row
	free map[int][]place // places given back, by how many bytes they have
}

// place is where on a shelf a byte string stands.
type place struct{ row, at, size uint32 }

const (
	shelfRow  = 1 << 20
	shelfStep = 64 // places are so many bytes, or a multiple
)

func (s *shelf) put(b []byte) place {
	room := (len(b) + shelfStep - 1) / shelfStep * shelfStep
	p, ok := s.again(room)
	if !ok {
		p = s.further(room)
	}
	p.size = uint32(len(b))
	copy(s.rows[p.row][p.at:], b)
	return p
}

func (s *shelf) again(room int) (place, bool) {
	list := s.free[room]
	if len(list) == 0 {
		return place{}, false
	}
	s.free[room] = list[:len(list)-1]
	return list[len(list)-1], true
}

func (s *shelf) further(room int) place {
	if len(s.rows) == 0 || s.end+room > len(s.rows[len(s.rows)-1]) {
		s.rows, s.end = append(s.rows, make([]byte, max(shelfRow, room))), 0
	}
	p := place{row: uint32(len(s.rows) - 1), at: uint32(s.end)}
	s.end += room
	return p
}

// take returns a copy of what stands at a place, and gives the place back.
func (s *shelf) take(p place) []byte {
	if s.free == nil {
		s.free = map[int][]place{}
	}
	b := slices.Clone(s.rows[p.row][p.at : p.at+p.size])
	room := (len(b) + shelfStep - 1) / shelfStep * shelfStep
	s.free[room] = append(s.free[room], p)
	return b
}
