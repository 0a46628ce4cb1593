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
	at, step := f.probes(key)
	for range filterProbes {
		bit := at % (filterWords * 64)
		f.bits[bit>>6] |= 1 << (bit & 63)
		at += step
	}
}

func (f *filter) has(key string) bool {
	at, step := f.probes(key)
	for range filterProbes {
		bit := at % (filterWords * 64)
		if f.bits[bit>>6]&(1<<(bit&63)) == 0 {
			return false
		}
		at += step
	}
	return true
}

// probes returns where a key's first bit lies, and how far the next ones are from each other.
func (f *filter) probes(key string) (at, step uint64) {
	h := maphash.String(f.seed, key)
	return h, h>>32 | 1
}
