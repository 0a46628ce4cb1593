package projections

import (
	"hash/maphash"
	"iter"
)

// rowCost is about what a row takes in memory beside its slot, bytes.
const rowCost = 40

// Row is a row in memory, as its projection encodes it.
type Row struct {
	Data    []byte
	Stored  bool // the table has the row, though perhaps not as it is here
	Changed bool // it was put since it was written
}

// Rows keeps rows of one table of a Version in memory, by key: each that was changed since it was written, and others as
// long as there is room, those used lately before the rest. They lie in chunks of bytes, where the garbage collector finds
// nothing to follow: there may be many.
type Rows struct {
	memory int // bytes
	hash   func(key string) uint64
	index  map[uint64]place // by the key's hash
	twins  map[string]place // of keys whose hash is another's in the index

	chunks []rowChunk // by age
	first  uint32     // number of chunks[0]
	used   int        // bytes of all chunks
	live   int        // bytes of the rows in them

	changed      int // rows
	changedBytes int
	stored       *filter // what was forgotten; nil: the table may have any row
}

// NewRows returns an empty set that holds about so many bytes.
func NewRows(v Version, memory int) *Rows {
	seed := maphash.MakeSeed()
	hash := func(key string) uint64 { return maphash.String(seed, key) }
	r := &Rows{memory: memory, hash: hash, index: map[uint64]place{}, twins: map[string]place{}}
	if v.Empty && memory > 0 {
		r.stored = newFilter()
	}
	return r
}

// Get returns a row that is held. Its data are good until the key is put again.
func (r *Rows) Get(key string) (Row, bool) {
	at, ok := r.find(key)
	if !ok {
		return Row{}, false
	}
	s := r.slot(at)
	s.mark(touched)
	return s.row(), true
}

// Holds reports whether a row is held.
func (r *Rows) Holds(key string) bool {
	_, ok := r.find(key)
	return ok
}

// MayStore reports whether the table may have a row that is not held; there is no need to look for others.
func (r *Rows) MayStore(key string) bool { return r.stored == nil || r.stored.has(key) }

// Load takes in a row as the table has it.
func (r *Rows) Load(key string, data []byte) { r.hold(key, data, stored) }

// Put takes in a row to be written. The data are copied.
func (r *Rows) Put(key string, data []byte, inTable bool) {
	marks := changed
	if inTable {
		marks |= stored
	}
	r.hold(key, data, marks)
}

func (r *Rows) hold(key string, data []byte, marks byte) {
	if at, ok := r.find(key); ok {
		if r.rewrite(at, data, marks) {
			return
		}
		r.drop(at)
	}
	chunks := len(r.chunks)
	r.place(key, r.add(key, data, marks))
	if len(r.chunks) > chunks && r.memory > 0 {
		r.makeRoom(chunksFreed)
	}
}

// chunksFreed is how many chunks are looked through for each new one: with an eighth of the memory to spare, so many give
// room for it.
const chunksFreed = 8

// Waiting is how many rows were put since they were last written.
func (r *Rows) Waiting() int { return r.changed }

// Full reports that little else is held than rows to be written.
func (r *Rows) Full() bool { return r.changedBytes+rowCost*r.changed >= r.roomForRows() }

// roomForRows leaves some of the memory to what rows leave behind when they outgrow their place.
func (r *Rows) roomForRows() int { return r.memory / 8 * 7 }

// Changed goes through the keys of the rows to be written.
func (r *Rows) Changed() iter.Seq[string] {
	return func(yield func(string) bool) {
		for s := range r.waiting() {
			if !yield(string(s.key)) {
				return
			}
		}
	}
}

// Written notes that all rows are in the table as they are here.
func (r *Rows) Written() {
	if r.memory == 0 {
		*r = Rows{hash: r.hash, index: map[uint64]place{}, twins: map[string]place{}}
		return
	}
	for s := range r.waiting() {
		s.unmark(changed)
		s.mark(stored)
	}
	for i := range r.chunks {
		r.chunks[i].changed = 0
	}
	r.changed, r.changedBytes = 0, 0
	r.makeRoom(len(r.chunks))
}

// find returns where a key's row lies.
func (r *Rows) find(key string) (place, bool) {
	at, ok := r.index[r.hash(key)]
	if ok && string(r.slot(at).key) == key {
		return at, true
	}
	at, ok = r.twins[key]
	return at, ok
}

// place notes where a key's row lies.
func (r *Rows) place(key string, at place) {
	hash := r.hash(key)
	if other, ok := r.index[hash]; ok && string(r.slot(other).key) != key {
		r.twins[key] = at
		return
	}
	r.index[hash] = at
	delete(r.twins, key) // its place was another's until now
}

// forget lets go of a row that the table has.
func (r *Rows) forget(key string) {
	if r.stored != nil {
		r.stored.add(key)
	}
	if _, twin := r.twins[key]; twin {
		delete(r.twins, key)
	} else {
		delete(r.index, r.hash(key))
	}
}
