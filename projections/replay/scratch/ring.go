package scratch

import (
	"encoding/binary"
	"iter"
)

// ring keeps in memory what was put last. It is written segment by segment, round and round.
type ring struct {
	segment  int      // bytes of one
	segments [][]byte // made when they are needed
	used     []int
	now      int
}

// ringHead is what a segment holds before each body.
const ringHead = 8

func newRing(memory int) ring {
	const parts = 16
	segment := min(max(roundUp(memory/parts), 16*step), 1<<20)
	n := max(memory/segment, 2)
	return ring{segment: segment, segments: make([][]byte, n), used: make([]int, n)}
}

// end is the first place that lies in no ring.
func (r *ring) end() place { return place(1 + len(r.segments)*r.segment/step) }

func (r *ring) holds(at place) bool { return at < r.end() }

func (e entry) room() int { return roundUp(ringHead + e.size) }

// fits reports whether there is room without a turn.
func (r *ring) fits(e entry) bool { return r.used[r.now]+e.room() <= r.segment }

func (r *ring) add(e entry, key, value []byte) place {
	if r.segments[r.now] == nil {
		r.segments[r.now] = make([]byte, r.segment)
	}
	off := r.used[r.now]
	r.used[r.now] += e.room()
	b := r.segments[r.now][off:off:r.used[r.now]]
	b = binary.LittleEndian.AppendUint32(b, uint32(e.size))
	b = binary.LittleEndian.AppendUint32(b, e.hash)
	appendBody(b, key, value)
	return r.place(r.now, off)
}

func (r *ring) place(segment, off int) place { return place(1 + (segment*r.segment+off)/step) }

func (r *ring) body(at place) []byte {
	off := int(at-1) * step
	b := r.segments[off/r.segment][off%r.segment:]
	return b[ringHead : ringHead+headOf(b).size]
}

func headOf(b []byte) entry {
	return entry{size: int(binary.LittleEndian.Uint32(b)), hash: binary.LittleEndian.Uint32(b[4:])}
}

func (r *ring) next() int { return (r.now + 1) % len(r.segments) }

// oldest is all that was put into the segment whose turn it is, what was forgotten since included.
func (r *ring) oldest() iter.Seq2[place, entry] {
	return func(yield func(place, entry) bool) {
		n := r.next()
		for off := 0; off < r.used[n]; {
			e := headOf(r.segments[n][off:])
			if !yield(r.place(n, off), e) {
				return
			}
			off += e.room()
		}
	}
}

// turn begins with the next segment anew.
func (r *ring) turn() {
	r.now = r.next()
	r.used[r.now] = 0
}
