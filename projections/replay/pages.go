package replay

import (
	"context"
	"iter"

	"github.com/duolog/duolog/eventstore"
)

// pageSize is how many events are read at once.
const pageSize = 2000

type page struct {
	events []eventstore.Event
	err    error
}

// pages reads a log up to a position, the next pages while one is worked on.
func pages(ctx context.Context, log eventstore.Log, end int64) iter.Seq[page] {
	ctx, stop := context.WithCancel(ctx)
	next := make(chan page, 2)
	go func() {
		defer close(next)
		for at := int64(0); at < end; {
			events, err := log.Read(ctx, at, int(min(pageSize, end-at)))
			if err == nil && len(events) == 0 {
				return
			}
			select {
			case next <- page{events, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
			at = events[len(events)-1].Position
		}
	}()
	return func(yield func(page) bool) {
		defer stop()
		for p := range next {
			if !yield(p) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(page{err: err})
		}
	}
}
