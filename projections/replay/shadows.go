package replay

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/duolog/duolog/domain"
)

// shadow is what the log shows of a property whose value in the branch is another.
type shadow struct {
	property string   // read name
	lens     int      // by number: what the value is read through
	last     string   // digest it shows now
	real     []string // digests it showed, or may show, since
}

// shadows are those of a record, sorted by property.
type shadows []shadow

func (s shadows) find(property string) (int, bool) {
	return slices.BinarySearchFunc(s, property, func(s shadow, p string) int { return cmp.Compare(s.property, p) })
}

// on is the shadow on a property, nil for none. It is good until one begins or ends.
func (s shadows) on(property string) *shadow {
	if i, ok := s.find(property); ok {
		return &s[i]
	}
	return nil
}

func (s *shadows) begin(property string) *shadow {
	i, _ := s.find(property)
	*s = slices.Insert(*s, i, shadow{property: property})
	return &(*s)[i]
}

func (s *shadows) end(property string) {
	if i, ok := s.find(property); ok {
		*s = slices.Delete(*s, i, i+1)
	}
}

// over are the properties told that a shadow lies on, sorted.
func (s shadows) over(told domain.Properties) (names []string) {
	for _, one := range s {
		if _, ok := told[one.property]; ok {
			names = append(names, one.property)
		}
	}
	return names
}

// showed notes a digest that the log's system showed.
func (s *shadow) showed(digest string) {
	if !slices.Contains(s.real, digest) {
		s.real = append(s.real, digest)
	}
}

func (r *reality) shadowsOf(rec domain.Record) shadows {
	if r.shadows.n == 0 {
		return nil
	}
	return unpacked(r.shadows.get(about(rec)))
}

func unpacked(b []byte) (of shadows) {
	number := func() int {
		n, size := binary.Uvarint(b)
		b = b[size:]
		return int(n)
	}
	text := func() string {
		n := number()
		s := string(b[:n])
		b = b[n:]
		return s
	}
	for len(b) > 0 {
		s := shadow{property: text(), lens: number(), last: text()}
		for range number() {
			s.real = append(s.real, text())
		}
		of = append(of, s)
	}
	return of
}

func (r *reality) keepShadows(rec domain.Record, of shadows) {
	if len(of) == 0 {
		r.shadows.remove(about(rec))
		return
	}
	var b []byte
	number := func(n int) { b = binary.AppendUvarint(b, uint64(n)) }
	text := func(s string) {
		number(len(s))
		b = append(b, s...)
	}
	for _, s := range of {
		text(s.property)
		number(s.lens)
		text(s.last)
		number(len(s.real))
		for _, digest := range s.real {
			text(digest)
		}
	}
	r.shadows.put(about(rec), b)
}
