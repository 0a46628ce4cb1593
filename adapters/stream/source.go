package stream

import (
	"context"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

// Reader reads a log in pages; eventstore.Log and *Tail do.
type Reader interface {
	Read(ctx context.Context, after int64, limit int) ([]eventstore.Event, error)
	ReadStream(ctx context.Context, stream string, after int64, limit int) ([]eventstore.Event, error)
	Get(ctx context.Context, positions ...int64) ([]eventstore.Event, error)
}

// Page is what a reader sees of a stretch of the log, in order, and the last position of that stretch.
type Page struct {
	Events  []eventstore.Event
	Through int64
}

// Read looks at up to limit events after the position. Whatever the filter lets through, Through moves: a reader that
// keeps it never looks at the same stretch twice.
func (f Filter) Read(ctx context.Context, log Reader, after int64, limit int) (Page, error) {
	events, err := log.Read(ctx, after, limit)
	if err != nil {
		return Page{}, err
	}
	return f.Of(ctx, log, events, after)
}

// Of is what the filter lets through of events read after a position.
func (f Filter) Of(ctx context.Context, log Reader, events []eventstore.Event, after int64) (Page, error) {
	p := Page{Events: events, Through: after}
	if len(events) == 0 {
		return p, nil
	}
	p.Through = events[len(events)-1].Position
	if f.All() {
		return p, nil
	}
	var err error
	if f.View == Contacts {
		if events, err = changes(ctx, log, events); err != nil {
			return p, err
		}
	}
	p.Events = make([]eventstore.Event, 0, len(events))
	for _, e := range events {
		if f.match(e) {
			p.Events = append(p.Events, e)
		}
	}
	return p, nil
}

// Timeline knows which events concern a contact, and up to which position it knows that; *history.Reader does.
type Timeline interface {
	Positions(ctx context.Context, contact ulid.ULID, after int64) (positions []int64, through int64, err error)
}

// ReadContact is Read narrowed to a contact's events. known is up to where it is known which those are, which may be short
// of the log's end: there is more as long as the page does not reach it.
func (f Filter) ReadContact(
	ctx context.Context, log Reader, t Timeline, contact ulid.ULID, after int64, limit int,
) (p Page, known int64, err error) {
	positions, known, err := t.Positions(ctx, contact, after)
	if err != nil {
		return p, 0, fmt.Errorf("events of contact %s: %w", contact, err)
	}
	through := known
	if len(positions) > limit {
		positions = positions[:limit]
		through = positions[limit-1]
	}
	events, err := log.Get(ctx, positions...)
	if err != nil {
		return p, 0, err
	}
	p, err = f.Of(ctx, log, events, after)
	p.Through = max(through, after)
	return p, known, err
}
