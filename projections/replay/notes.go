package replay

import (
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
}

func (n *notes) key(of []byte) []byte { return append([]byte{n.kind}, of...) }

// get returns nil when there is none.
func (n *notes) get(of []byte) []byte {
	if n.n == 0 {
		return nil
	}
	b, _ := n.store.Get(n.key(of))
	return b
}

func (n *notes) has(of []byte) bool { return n.get(of) != nil }

func (n *notes) put(of, value []byte) {
	if !n.has(of) {
		n.n++
	}
	_ = n.store.Put(n.key(of), value)
}

func (n *notes) remove(of []byte) {
	if b, _ := n.store.Take(n.key(of)); b != nil {
		n.n--
	}
}

// records are those that notes are about.
func (n *notes) records() iter.Seq[domain.Record] {
	return func(yield func(domain.Record) bool) {
		if n.n == 0 {
			return
		}
		for key, err := range n.store.Keys(n.kind) {
			system, id, _ := strings.Cut(string(key[min(1, len(key)):]), ":")
			if err != nil || !yield(domain.Record{System: domain.System(system), ID: id}) {
				return
			}
		}
	}
}

// about is the key of a record's notes.
func about(r domain.Record) []byte { return []byte(r.String()) }
