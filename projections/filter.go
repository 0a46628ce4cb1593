package projections

import "hash/maphash"

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
