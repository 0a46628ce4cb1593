package app

import (
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore/kept"
)

// gone reports whether a record is erased, as far as the acts say.
func (p *privacy) gone(r domain.Record) (gone bool) {
	for _, e := range p.erasures {
		if slices.Contains(e.Streams, r.Stream()) {
			gone = !e.Lifted
		}
	}
	return gone
}

// letIn reports whether a record was let in since an erasure: a person said so, whatever it shows.
func (p *privacy) letIn(r domain.Record, erasure ulid.ULID) (in bool) {
	for _, e := range p.erasures {
		switch {
		case e.Origin() == erasure:
			in = false
		case slices.Contains(e.Streams, r.Stream()):
			in = e.Lifted
		}
	}
	return in
}

// at is the position of an erasure, 0 when it is not known.
func (p *privacy) at(erasure ulid.ULID) int64 {
	for _, e := range p.erasures {
		if e.Origin() == erasure {
			return e.Position
		}
	}
	return 0
}

// inForce are the erasures that were not lifted. Lifting one lifts all that are bound to it, also where one of their records
// was merged away and is in no act again.
func (p *privacy) inForce() (all []kept.Entry) {
	for _, e := range p.erasures {
		if !e.Lifted {
			all = append(all, e)
			continue
		}
		_, over := bound(all, e.Streams)
		all = slices.DeleteFunc(all, func(e kept.Entry) bool { return slices.Contains(over, e.Origin()) })
	}
	return all
}

// bound are the streams and the ids of all erasures that one of the streams is in, that one of those led to, or came of: one
// person's, under whatever ids.
func bound(erasures []kept.Entry, streams []string) (all []string, ids []ulid.ULID) {
	all = slices.Clone(streams)
	for grown := true; grown; {
		grown = false
		for _, e := range erasures {
			ours := slices.ContainsFunc(e.Streams, func(s string) bool { return slices.Contains(all, s) }) ||
				slices.Contains(ids, e.Origin()) || slices.Contains(ids, e.Cause)
			if !ours {
				continue
			}
			for _, s := range e.Streams {
				if !slices.Contains(all, s) {
					all, grown = append(all, s), true
				}
			}
			for _, id := range []ulid.ULID{e.Origin(), e.Cause} {
				if !id.IsZero() && !slices.Contains(ids, id) {
					ids, grown = append(ids, id), true
				}
			}
		}
	}
	return all, ids
}
