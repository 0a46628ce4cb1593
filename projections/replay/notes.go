package replay

import (
	"encoding/binary"
	"iter"
	"strings"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/replay/scratch"
)

// notes are byte strings by key that lie in the scratch store: there may be one for every contact or command. That the
// store failed it says itself.
type notes struct {
	store *scratch.Store
	kind  byte // what their keys begin with there
	n     int
	key   []byte // asked for last
	names *names // nil: nobody asks which there are
}

// names are keys of notes in the order they came. They lie in the store, too, but for the last ones.
type names struct {
	last  []byte // each behind its length
	lists uint32 // that were put away
}

// Names begin with a byte of their own in the store, and are put away so many bytes at once.
const (
	namesKind = 'L'
	namesSize = 4 << 10
)

// listed are notes that can say which there are.
func (n notes) listed() notes {
	n.names = &names{}
	return n
}

func (n *notes) keyOf(of []byte) []byte {
	n.key = append(append(n.key[:0], n.kind), of...)
	return n.key
}

// get returns nil when there is none.
func (n *notes) get(of []byte) []byte {
	if n.n == 0 {
		return nil
	}
	b, _ := n.store.Get(n.keyOf(of))
	return b
}

func (n *notes) has(of []byte) bool { return n.get(of) != nil }

func (n *notes) put(of, value []byte) {
	if !n.has(of) {
		n.n++
		n.name(of)
	}
	_ = n.store.Put(n.keyOf(of), value)
}

func (n *notes) remove(of []byte) {
	if n.n == 0 {
		return
	}
	if b, _ := n.store.Take(n.keyOf(of)); b != nil {
		n.n--
	}
}

func (n *notes) name(of []byte) {
	l := n.names
	if l == nil {
		return
	}
	l.last = append(binary.AppendUvarint(l.last, uint64(len(of))), of...)
	if len(l.last) >= namesSize {
		_ = n.store.Put(n.namesKey(l.lists), l.last)
		l.last, l.lists = l.last[:0], l.lists+1
	}
}

func (n *notes) namesKey(list uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{namesKind, n.kind}, list)
}

// all are the notes there are, by key. One that was removed and put again comes more than once.
func (n *notes) all() iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		for list := range n.names.lists {
			b, _ := n.store.Get(n.namesKey(list))
			if !n.each(b, yield) {
				return
			}
		}
		n.each(n.names.last, yield)
	}
}

func (n *notes) each(names []byte, do func(key, value []byte) bool) bool {
	for len(names) > 0 {
		length, size := binary.Uvarint(names)
		end := size + int(length)
		key := names[size:end]
		names = names[end:]
		if value := n.get(key); value != nil && !do(key, value) {
			return false
		}
	}
	return true
}

// records are those that notes are about, with what is noted.
func (n *notes) records() iter.Seq2[domain.Record, []byte] {
	return func(yield func(domain.Record, []byte) bool) {
		for key, value := range n.all() {
			system, id, _ := strings.Cut(string(key), ":")
			if !yield(domain.Record{System: domain.System(system), ID: id}, value) {
				return
			}
		}
	}
}

// about is the key of a record's notes.
func about(r domain.Record) []byte { return []byte(r.String()) }
