package projections

import (
	"encoding/binary"
	"iter"
)

// Chunks grow from the first, in bytes: a page's rows need little, those of a rebuild much.
const (
	firstChunk = 4 << 10
	largeChunk = 256 << 10
)

// rowChunk is rows one behind the other, each in a slot: marks, the length of the key, the room for data, the length of
// the data, key, data. A row that grows a little stays where it is.
type rowChunk struct {
	b       []byte
	changed int // rows in it to be written
}

// place is where a slot begins.
type place struct{ chunk, at uint32 }

// Marks of a slot.
const (
	stored  byte = 1 << iota // the table has the row
	changed                  // it is to be written
	touched                  // it was asked for since it was last moved
	dead                     // it lies elsewhere by now
)

// slack is the room a row has to grow, bytes.
const slack = 8

type slot struct {
	marks  *byte
	length []byte // of the data
	key    []byte
	room   []byte // for the data
	size   int
}

func (s slot) data() []byte {
	n := binary.LittleEndian.Uint32(s.length)
	return s.room[:n:n]
}

func (s slot) is(mark byte) bool { return *s.marks&mark != 0 }
func (s slot) mark(mark byte)    { *s.marks |= mark }
func (s slot) unmark(mark byte)  { *s.marks &^= mark }

func (s slot) row() Row { return Row{Data: s.data(), Stored: s.is(stored), Changed: s.is(changed)} }

func (r *Rows) slot(at place) slot { return slotAt(r.chunks[at.chunk-r.first].b[at.at:]) }

func slotAt(b []byte) slot {
	key, n := binary.Uvarint(b[1:])
	room, m := binary.Uvarint(b[1+n:])
	length := 1 + n + m
	from := length + 4
	to := from + int(key)
	end := to + int(room)
	return slot{marks: &b[0], length: b[length:from], key: b[from:to], room: b[to:end], size: end}
}

// slots goes through a chunk.
func (c rowChunk) slots() iter.Seq2[uint32, slot] {
	return func(yield func(uint32, slot) bool) {
		for at := 0; at < len(c.b); {
			s := slotAt(c.b[at:])
			if !yield(uint32(at), s) {
				return
			}
			at += s.size
		}
	}
}

// waiting goes through the rows to be written.
func (r *Rows) waiting() iter.Seq[slot] {
	return func(yield func(slot) bool) {
		for _, c := range r.chunks {
			if c.changed == 0 {
				continue
			}
			for _, s := range c.slots() {
				if s.is(changed) && !s.is(dead) && !yield(s) {
					return
				}
			}
		}
	}
}

// add appends a slot.
func (r *Rows) add(key string, data []byte, marks byte) place {
	size := 1 + 2*binary.MaxVarintLen32 + 4 + len(key) + len(data) + slack
	if n := len(r.chunks); n == 0 || cap(r.chunks[n-1].b)-len(r.chunks[n-1].b) < size {
		room := max(min(max(r.used, firstChunk), largeChunk), size)
		r.chunks = append(r.chunks, rowChunk{b: make([]byte, 0, room)})
		r.used += room
	}
	c := &r.chunks[len(r.chunks)-1]
	at := len(c.b)
	c.b = append(c.b, marks)
	c.b = binary.AppendUvarint(c.b, uint64(len(key)))
	c.b = binary.AppendUvarint(c.b, uint64(len(data)+slack))
	c.b = binary.LittleEndian.AppendUint32(c.b, uint32(len(data)))
	c.b = append(append(append(c.b, key...), data...), make([]byte, slack)...)
	size = len(c.b) - at
	r.live += size
	if marks&changed != 0 {
		c.changed++
		r.changed++
		r.changedBytes += size
	}
	return place{chunk: r.first + uint32(len(r.chunks)-1), at: uint32(at)}
}

// rewrite puts the data in place of those that are there, if they fit.
func (r *Rows) rewrite(at place, data []byte, marks byte) bool {
	s := r.slot(at)
	if len(data) > len(s.room) {
		return false
	}
	if marks&changed != 0 && !s.is(changed) {
		r.chunks[at.chunk-r.first].changed++
		r.changed++
		r.changedBytes += s.size
	}
	copy(s.room, data)
	binary.LittleEndian.PutUint32(s.length, uint32(len(data)))
	s.mark(marks | touched)
	return true
}

// drop marks a slot that has no row any more.
func (r *Rows) drop(at place) {
	s := r.slot(at)
	r.live -= s.size
	if s.is(changed) {
		r.chunks[at.chunk-r.first].changed--
		r.changed--
		r.changedBytes -= s.size
	}
	s.mark(dead)
}

// makeRoom frees up to so many of the eldest chunks while there is more than there should be; their rows move to the end
// or are forgotten.
func (r *Rows) makeRoom(tries int) {
	for ; tries > 0 && len(r.chunks) > 1 && r.used+rowCost*len(r.index) > r.memory; tries-- {
		eldest := r.chunks[0]
		for at, s := range eldest.slots() {
			if s.is(dead) {
				continue
			}
			key := string(s.key)
			r.drop(place{r.first, at})
			if r.worthKeeping(s) {
				r.place(key, r.add(key, s.data(), *s.marks&(stored|changed)))
			} else {
				r.forget(key)
			}
		}
		r.used -= cap(eldest.b)
		r.chunks[0] = rowChunk{}
		r.chunks = r.chunks[1:]
		r.first++
	}
}

// worthKeeping: rows to be written are kept always, others while most of what is held is of no use, or when they were
// asked for lately.
func (r *Rows) worthKeeping(s slot) bool {
	return s.is(changed) || r.live+rowCost*len(r.index) < r.roomForRows() || s.is(touched)
}
