package history

import (
	"context"
	"math"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

// left reads what is told of records that were the contact's once and are another's now: their events up to where they
// left. What came later is somebody else's story.
func (r *Reader) left(ctx context.Context, told []eventstore.Event, owners []string) ([]int64, error) {
	links, err := linksOf(told)
	if err != nil {
		return nil, err
	}
	var all []int64
	for _, stream := range slices.Compact(slices.Sorted(once(links, owners))) {
		own, err := r.ownedNow(ctx, stream)
		if err != nil {
			return nil, err
		}
		events, err := r.log.Get(ctx, own...)
		if err != nil {
			return nil, err
		}
		until, err := leaves(events, stream, owners)
		if err != nil {
			return nil, err
		}
		all = append(all, slices.DeleteFunc(own, func(p int64) bool { return p > until })...)
	}
	return all, nil
}

// link is a decision's word on whose a record is.
type link struct {
	planner.Link
	position int64
}

func linksOf(events []eventstore.Event) (all []link, err error) {
	for _, e := range events {
		if e.Type != domain.DecisionMade {
			continue
		}
		d, err := payload[planner.Decision](e)
		if err != nil {
			return nil, err
		}
		for _, l := range d.Links {
			all = append(all, link{l, e.Position})
		}
	}
	return all, nil
}

// once yields the streams of records that were linked to the owners' contact and are not among the owners.
func once(links []link, owners []string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, l := range links {
			stream := l.Record.Stream()
			if slices.Contains(owners, contactOwner(l.Contact)) && !slices.Contains(owners, stream) && !yield(stream) {
				return
			}
		}
	}
}

// leaves returns the position at which a record came to another contact after it had been the owners'.
func leaves(events []eventstore.Event, stream string, owners []string) (int64, error) {
	links, err := linksOf(events)
	if err != nil {
		return 0, err
	}
	until, ours := int64(0), false
	for _, l := range links {
		if l.Record.Stream() != stream {
			continue
		}
		switch is := slices.Contains(owners, contactOwner(l.Contact)); {
		case is:
			ours, until = true, math.MaxInt64
		case ours:
			ours, until = false, l.position
		}
	}
	return until, nil
}

// ownedNow lists the sorted positions of one owner.
func (r *Reader) ownedNow(ctx context.Context, owner string) (own []int64, err error) {
	err = r.db.ReadTx(ctx, func(q eventstore.Querier) error {
		version, err := projections.Live(ctx, q, r.log.Connection(), Name)
		if err == nil {
			own, err = r.owned(ctx, q, version, []string{owner})
		}
		return err
	})
	slices.Sort(own)
	return own, err
}
