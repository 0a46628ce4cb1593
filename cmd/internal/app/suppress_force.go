package app

import (
	"context"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore/kept"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/erased"
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

// lifts reports whether anybody was ever let in.
func (p *privacy) lifts() bool {
	return slices.ContainsFunc(p.erasures, func(e kept.Entry) bool { return e.Lifted })
}

// letInAny reports whether a record of the contact was let in since an erasure.
func (p *privacy) letInAny(c contacts.Contact, erasure ulid.ULID) bool {
	return slices.ContainsFunc(c.Records, func(r contacts.Record) bool {
		return p.letIn(domain.Record{System: r.System, ID: r.ID}, erasure)
	})
}

// letIn reports whether a recognised record is that of somebody who was let in since: it was, another of its contact was, or
// somebody who shows the same was. A counterpart is told of before anybody knows whose it is.
func (a *App) letIn(ctx context.Context, p *privacy, r recognised) (bool, error) {
	if p.letIn(r.record, r.erasure) {
		return true, nil
	}
	if !p.lifts() || p.gone(r.record) {
		return false, nil
	}
	by := []string{r.record.String()}
	if r.key.Kind != erased.KindMade {
		by = append(by, r.key.Value)
	}
	for _, text := range by {
		found, err := a.Contacts.Find(ctx, text)
		if err != nil || slices.ContainsFunc(found, func(c contacts.Contact) bool { return p.letInAny(c, r.erasure) }) {
			return err == nil, err
		}
	}
	return false, nil
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
