package scratch

import "iter"

// place is where a byte string begins, in steps of so many bytes; 0 is nowhere.
type place uint32

const step = 64

// index finds places by the hash of a key: ten bytes for each. Two keys may have one hash, so whoever asks looks at the
// key that stands at the place.
type index struct {
	shards [1 << 8]shard
	n      int
}

// shard is an open-addressed table of hashes, in the upper half of a slot, and places. Hashes lie as near as may be to
// where they belong, which is the later the higher they are.
type shard struct {
	slots []uint64
	n     int
}

func slotOf(hash uint32, at place) uint64 { return uint64(hash)<<32 | uint64(at) }
func hashIn(slot uint64) uint32           { return uint32(slot >> 32) }
func placeIn(slot uint64) place           { return place(slot) }

func (x *index) shard(hash uint32) *shard { return &x.shards[hash>>24] }

// of are the places of a hash.
func (x *index) of(hash uint32) iter.Seq[place] {
	return func(yield func(place) bool) {
		s := x.shard(hash)
		for i := s.home(hash); len(s.slots) > 0 && s.slots[i] != 0; i = s.after(i) {
			if slot := s.slots[i]; hashIn(slot) == hash && !yield(placeIn(slot)) {
				return
			}
		}
	}
}

// has reports whether a hash has a place.
func (x *index) has(hash uint32, at place) bool {
	_, ok := x.shard(hash).find(hash, at)
	return ok
}

func (x *index) add(hash uint32, at place) {
	s := x.shard(hash)
	if 8*(s.n+1) > 7*len(s.slots) {
		s.grow()
	}
	s.put(slotOf(hash, at))
	s.n++
	x.n++
}

// move gives what has one place another.
func (x *index) move(hash uint32, from, to place) {
	s := x.shard(hash)
	if i, ok := s.find(hash, from); ok {
		s.slots[i] = slotOf(hash, to)
	}
}

func (x *index) remove(hash uint32, at place) {
	s := x.shard(hash)
	i, ok := s.find(hash, at)
	if !ok {
		return
	}
	s.n--
	x.n--
	for j := s.after(i); s.slots[j] != 0; j = s.after(j) {
		if s.distance(s.home(hashIn(s.slots[j])), j) >= s.distance(i, j) { // it may lie in the gap
			s.slots[i], i = s.slots[j], j
		}
	}
	s.slots[i] = 0
}

// bytes is how much memory the index takes.
func (x *index) bytes() (n int64) {
	for i := range x.shards {
		n += int64(8 * len(x.shards[i].slots))
	}
	return n
}

func (s *shard) home(hash uint32) int {
	return int(uint64(hash&(1<<24-1)) * uint64(len(s.slots)) >> 24)
}

func (s *shard) after(i int) int {
	if i++; i == len(s.slots) {
		return 0
	}
	return i
}

// distance from one slot on to another.
func (s *shard) distance(from, to int) int {
	if to < from {
		to += len(s.slots)
	}
	return to - from
}

func (s *shard) find(hash uint32, at place) (int, bool) {
	want := slotOf(hash, at)
	for i := s.home(hash); len(s.slots) > 0 && s.slots[i] != 0; i = s.after(i) {
		if s.slots[i] == want {
			return i, true
		}
	}
	return 0, false
}

func (s *shard) put(slot uint64) {
	i := s.home(hashIn(slot))
	for s.slots[i] != 0 {
		i = s.after(i)
	}
	s.slots[i] = slot
}

func (s *shard) grow() {
	old := s.slots
	s.slots = make([]uint64, len(old)+len(old)/4+8)
	for _, slot := range old {
		if slot != 0 {
			s.put(slot)
		}
	}
}
