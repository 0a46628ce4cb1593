package contacts

import (
	"bytes"
	"encoding/json"
	"sort"
)

// byName is a small map as a list in the order of its names: what it holds takes little room, and is gone through in
// one order always.
type byName[V any] []named[V]

type named[V any] struct {
	name string
	v    V
}

func (b byName[V]) find(name string) (int, bool) {
	i := sort.Search(len(b), func(i int) bool { return b[i].name >= name })
	return i, i < len(b) && b[i].name == name
}

// findAt is find for names that mostly rise one by one: the one looked for is expected at i.
func (b byName[V]) findAt(i int, name string) (int, bool) {
	if i < len(b) && b[i].name == name {
		return i, true
	}
	return b.find(name)
}

func (b byName[V]) get(name string) (v V, ok bool) {
	if i, ok := b.find(name); ok {
		return b[i].v, true
	}
	return v, false
}

func (b *byName[V]) put(name string, v V) {
	i, ok := b.find(name)
	b.putAt(i, ok, name, v)
}

// putAt is put for who has looked.
func (b *byName[V]) putAt(i int, found bool, name string, v V) {
	if found {
		(*b)[i].v = v
		return
	}
	*b = append(*b, named[V]{})
	copy((*b)[i+1:], (*b)[i:])
	(*b)[i] = named[V]{name, v}
}

// grow makes room for so many, if there are none yet.
func (b *byName[V]) grow(n int) {
	if *b == nil {
		*b = make(byName[V], 0, n)
	}
}

func (b *byName[V]) remove(name string) {
	if i, ok := b.find(name); ok {
		*b = append((*b)[:i], (*b)[i+1:]...)
	}
}

// MarshalJSON makes the object a map would be.
func (b byName[V]) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, n := range b {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := json.Marshal(n.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(n.v)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	return append(out, '}'), nil
}

// UnmarshalJSON reads an object.
func (b *byName[V]) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	m := map[string]V{}
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	*b = fromMap(m)
	return nil
}

func fromMap[V any](m map[string]V) byName[V] {
	out := make(byName[V], 0, len(m))
	for _, name := range sortedKeys(m) {
		out = append(out, named[V]{name, m[name]})
	}
	return out
}
