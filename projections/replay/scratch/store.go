package scratch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
)

// Config of a store.
type Config struct {
	// Dir is where the file is made once one is needed; default os.TempDir.
	Dir string
	// Memory is how many bytes of values stay in memory, give or take a sixteenth; default 48 MiB.
	Memory int
}

// Validate reports what cannot be.
func (c Config) Validate() error {
	if c.Memory < 0 {
		return errors.New("a scratch store cannot keep less than nothing in memory")
	}
	return nil
}

// Store keeps byte strings by key. It is not safe for concurrent use. An error is its last word: it says that again to
// whatever else is asked, for it may lack something since.
type Store struct {
	index index
	ring  ring
	file  file
	seed  maphash.Seed
	err   error
}

// New makes an empty store, which is to be closed.
func New(c Config) (*Store, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Memory == 0 {
		c.Memory = 48 << 20
	}
	s := &Store{ring: newRing(c.Memory), seed: maphash.MakeSeed()}
	s.file = file{dir: c.Dir, index: &s.index, base: s.ring.end(), spare: int64(4 * c.Memory)}
	return s, nil
}

// Close forgets everything; on disk nothing is left.
func (s *Store) Close() error {
	s.index, s.ring = index{}, ring{}
	return s.file.close()
}

// Err is the store's last word, nil as long as it works.
func (s *Store) Err() error { return s.err }

// Len counts what is there.
func (s *Store) Len() int { return s.index.n }

// maxValue is how long a key and its value can be.
const maxValue = 1 << 30

// Put keeps a value under a key, in the place of what stood there. Key and value may be changed afterwards.
func (s *Store) Put(key, value []byte) error {
	if _, err := s.Take(key); err != nil {
		return err
	}
	e := entry{size: bodySize(key, value), hash: s.hash(key)}
	switch {
	case e.size > maxValue:
		s.err = fmt.Errorf("scratch: %d bytes under one key are too many", len(value))
	case e.room() > s.ring.segment:
		s.file.add(e.hash, appendBody(nil, key, value), 0)
		s.err = s.file.flush()
	default:
		if !s.ring.fits(e) {
			s.err = s.turn()
		}
		s.index.add(e.hash, s.ring.add(e, key, value))
	}
	return s.err
}

// Get returns a value, which is the caller's then; nil when there is none.
func (s *Store) Get(key []byte) ([]byte, error) {
	_, value, err := s.find(key)
	return value, err
}

// Take is Get, and forgets the value.
func (s *Store) Take(key []byte) ([]byte, error) {
	at, value, err := s.find(key)
	if at == 0 || err != nil {
		return nil, err
	}
	e := entry{size: bodySize(key, value), hash: s.hash(key)}
	s.index.remove(e.hash, at)
	if !s.ring.holds(at) {
		s.file.live -= e.sealed()
	}
	return value, nil
}

// Keys returns the keys that begin with a byte, in no order. One that is taken and put back meanwhile comes once; one
// that is new may come or not.
func (s *Store) Keys(kind byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for i := range s.index.shards {
			if s.err != nil {
				yield(nil, s.err)
				return
			}
			keys, err := s.keysOf(s.index.shards[i], kind)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, key := range keys {
				if !yield(key, nil) {
					return
				}
			}
		}
	}
}

func (s *Store) keysOf(of shard, kind byte) (keys [][]byte, err error) {
	for _, slot := range of.slots {
		if slot == 0 {
			continue
		}
		body, err := s.read(hashIn(slot), placeIn(slot))
		if err != nil {
			return nil, err
		}
		if key, _ := splitBody(body); len(key) > 0 && key[0] == kind {
			keys = append(keys, slices.Clone(key))
		}
	}
	return keys, nil
}

func (s *Store) hash(key []byte) uint32 { return uint32(maphash.Bytes(s.seed, key) >> 32) }

// find returns nowhere when there is nothing.
func (s *Store) find(key []byte) (place, []byte, error) {
	if s.err != nil {
		return 0, nil, s.err
	}
	hash := s.hash(key)
	for at := range s.index.of(hash) {
		body, err := s.read(hash, at)
		if err != nil {
			return 0, nil, err
		}
		k, value := splitBody(body)
		if !bytes.Equal(k, key) {
			continue
		}
		if s.ring.holds(at) {
			value = append(make([]byte, 0, len(value)), value...)
		}
		return at, value, nil
	}
	return 0, nil, nil
}

// read returns what stands at a place. In memory it is good until something is put.
func (s *Store) read(hash uint32, at place) ([]byte, error) {
	if s.ring.holds(at) {
		return s.ring.body(at), nil
	}
	var b []byte
	b, s.err = s.file.read(hash, at)
	return b, s.err
}

// turn makes room in memory: what is left of the oldest there goes to the file.
func (s *Store) turn() error {
	for at, e := range s.ring.oldest() {
		if s.index.has(e.hash, at) {
			s.file.add(e.hash, s.ring.body(at), at)
		}
	}
	s.ring.turn()
	return s.file.flush()
}

// entry is what stands before a key and its value.
type entry struct {
	size int
	hash uint32
}

// roundUp to whole steps.
func roundUp(n int) int { return (n + step - 1) / step * step }

func bodySize(key, value []byte) int {
	var n [binary.MaxVarintLen64]byte
	return binary.PutUvarint(n[:], uint64(len(key))) + len(key) + len(value)
}

func appendBody(b, key, value []byte) []byte {
	return append(append(binary.AppendUvarint(b, uint64(len(key))), key...), value...)
}

func splitBody(body []byte) (key, value []byte) {
	n, size := binary.Uvarint(body)
	end := size + int(n)
	return body[size:end:end], body[end:]
}
