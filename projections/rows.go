package projections

import (
	"hash/maphash"
	"slices"
)

// rowCost is about what a row takes in memory beside its key and its data, bytes.
const rowCost = 112

// Row is a row in memory, as its projection encodes it.
type Row struct {
	Data   []byte
	Stored bool // the table has the row, though perhaps not as it is here
}

// Rows keeps rows of one table of a Version in memory, by key: those used lately, and each that was changed since it
// was written. They lie in two generations, the elder of which is forgotten as a whole.
type Rows struct {
	half        int // bytes of a generation
	young, aged map[string]Row
	used        int // bytes of the young ones
	changed     map[string]bool
	stored      *filter // nil: the table may have any row
}

// NewRows returns an empty set that holds about so many bytes.
func NewRows(v Version, memory int) *Rows {
	r := &Rows{half: memory / 2, young: map[string]Row{}, changed: map[string]bool{}}
	if v.Empty {
		r.stored = newFilter()
	}
	return r
}

// Get returns a row that is held.
func (r *Rows) Get(key string) (Row, bool) {
	row, ok := r.young[key]
	if ok {
		return row, true
	}
	if row, ok = r.aged[key]; ok {
		delete(r.aged, key)
		r.hold(key, row)
	}
	return row, ok
}

func (r *Rows) hold(key string, row Row) {
	if old, ok := r.young[key]; ok {
		r.used += len(row.Data) - len(old.Data)
	} else {
		r.used += rowCost + len(key) + len(row.Data)
	}
	r.young[key] = row
}

// MayStore reports whether the table may have a row that is not held; there is no need to look for others.
func (r *Rows) MayStore(key string) bool { return r.stored == nil || r.stored.has(key) }

// Load takes in a row as the table has it.
func (r *Rows) Load(key string, data []byte) { r.hold(key, Row{Data: data, Stored: true}) }

// Put takes in a row to be written.
func (r *Rows) Put(key string, row Row) {
	delete(r.aged, key)
	r.hold(key, row)
	r.changed[key] = true
}

// Waiting is how many rows were put since they were last written.
func (r *Rows) Waiting() int { return len(r.changed) }

// Full reports that a generation is full.
func (r *Rows) Full() bool { return r.used >= r.half }

// Changed lists the keys of the rows to be written, sorted.
func (r *Rows) Changed() []string {
	keys := make([]string, 0, len(r.changed))
	for key := range r.changed {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Written notes that all rows are in the table as they are here, and makes room.
func (r *Rows) Written() {
	for key := range r.changed {
		row := r.young[key]
		row.Stored = true
		r.young[key] = row
		if r.stored != nil {
			r.stored.add(key)
		}
	}
	clear(r.changed)
	if r.Full() {
		r.aged, r.young, r.used = r.young, map[string]Row{}, 0
	}
}

// filter knows of a key that it was never added, and of others that they may have been. It does not grow.
type filter struct {
	seed maphash.Seed
	bits []uint64
}

// filterWords is the size of a filter: 1 MiB, enough to be right 19 times in 20 about a million keys.
const (
	filterWords  = 1 << 17
	filterProbes = 4
)

func newFilter() *filter { return &filter{seed: maphash.MakeSeed(), bits: make([]uint64, filterWords)} }

func (f *filter) add(key string) {
	for i := range f.probes(key) {
		f.bits[i>>6] |= 1 << (i & 63)
	}
}

func (f *filter) has(key string) bool {
	for i := range f.probes(key) {
		if f.bits[i>>6]&(1<<(i&63)) == 0 {
			return false
		}
	}
	return true
}

func (f *filter) probes(key string) func(func(uint64) bool) {
	h := maphash.String(f.seed, key)
	step := h>>32 | 1
	return func(yield func(uint64) bool) {
		for range filterProbes {
			if !yield(h % (filterWords * 64)) {
				return
			}
			h += step
		}
	}
}
