package contacts

import (
	"encoding/json"
	"slices"

	"github.com/duolog/duolog/projections/internal/inputs"
	"github.com/duolog/duolog/projections/internal/jsonread"
)

// The payloads as they are written, read without reflection, with values as lists; of decisions only what the fold needs.
// What is not as usual is left to encoding/json. Values share the payload's bytes.

// list reads an object whose keys rise, as encoding/json writes them.
func list[V any](r *jsonread.Reader, read func() V) byName[V] {
	var room [16]named[V]
	all := byName[V](room[:0])
	for key := range r.Fields() {
		name := inputs.Intern(key)
		if n := len(all); n > 0 && all[n-1].name >= name {
			r.GiveUp()
		}
		all = append(all, named[V]{name, read()})
	}
	if len(all) == 0 {
		return nil
	}
	return slices.Clone(all)
}

func properties(r *jsonread.Reader) byName[json.RawMessage] {
	return list(r, func() json.RawMessage { return r.Raw() })
}

func readFact(data []byte) (*fact, bool) {
	f := &fact{}
	ok := inputs.FactInto(&f.Fact, data,
		func(r *jsonread.Reader) { f.props = properties(r) },
		func(r *jsonread.Reader) { f.clocks = list(r, r.Int) })
	f.by = author(f.Origin)
	return f, ok
}

func readOutcome(data []byte) (*outcome, bool) {
	o := &outcome{}
	return o, inputs.OutcomeInto(&o.Outcome, data,
		func(r *jsonread.Reader) { o.sent = properties(r) },
		func(r *jsonread.Reader) { o.shows = properties(r) })
}
