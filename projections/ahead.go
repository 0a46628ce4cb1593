package projections

import (
	"context"
	"fmt"
	"sync"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// Pages are read and decoded by so many readers at once, and so many wait for the fold at most.
const (
	readers    = 2
	pagesAhead = 2
)

// page is a run of events, read and decoded.
type page struct {
	after, to int64
	inputs    []Input
	err       error // of the first event that cannot be decoded, when decoded
	decoded   bool
	done      chan struct{}
}

// ahead reads and decodes the events behind one position and up to another, several pages at once, and gives the
// pages in order.
type ahead struct {
	log    eventstore.Log
	p      Projection
	todo   chan *page
	ready  chan *page // in order; done is closed when a page is
	stop   context.CancelFunc
	active sync.WaitGroup
}

func readAhead(ctx context.Context, log eventstore.Log, p Projection, after, until int64, size int) *ahead {
	a := &ahead{log: log, p: p, todo: make(chan *page), ready: make(chan *page, pagesAhead)}
	ctx, a.stop = context.WithCancel(ctx)
	a.active.Go(func() { a.plan(ctx, after, until, int64(size)) })
	for range readers {
		a.active.Go(func() {
			for pg := range a.todo {
				pg.read(ctx, log, p)
				close(pg.done)
			}
		})
	}
	return a
}

// plan hands out pages; positions are dense, so it is known beforehand where each begins and ends.
func (a *ahead) plan(ctx context.Context, after, until, size int64) {
	defer close(a.ready)
	defer close(a.todo)
	for after < until {
		pg := &page{after: after, to: min(after+size, until), done: make(chan struct{})}
		select {
		case a.ready <- pg:
		case <-ctx.Done():
			return
		}
		select {
		case a.todo <- pg:
		case <-ctx.Done():
			return
		}
		after = pg.to
	}
}

// next returns the page that follows, nil behind the last. ctx is that of readAhead.
func (a *ahead) next(ctx context.Context) (*page, error) {
	pg, ok := <-a.ready
	if !ok {
		return nil, ctx.Err()
	}
	select {
	case <-pg.done:
		if pg.err != nil && !pg.decoded {
			return nil, pg.err
		}
		return pg, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// close ends the reading; it returns when nobody reads any more.
func (a *ahead) close() {
	a.stop()
	a.active.Wait()
}

func (pg *page) read(ctx context.Context, log eventstore.Log, p Projection) {
	events, err := log.Read(ctx, pg.after, int(pg.to-pg.after))
	if err == nil && int64(len(events)) != pg.to-pg.after {
		err = fmt.Errorf("the log ends before position %d", pg.to)
	}
	if err != nil {
		pg.err = fmt.Errorf("read log for %s: %w", p.Name(), err)
		return
	}
	pg.inputs, pg.decoded = undecoded(events), true
	pg.err = decode(p, pg.inputs)
}

func undecoded(events []eventstore.Event) []Input {
	inputs := make([]Input, len(events))
	for i, e := range events {
		inputs[i].Event = e
	}
	return inputs
}

// decode prepares events for the fold.
func decode(p Projection, inputs []Input) error {
	return safely(func() (err error) {
		for i := range inputs {
			e := &inputs[i].Event
			if !e.Erased {
				if e.Data, e.Schema, err = domain.Upcast(e.Type, e.Schema, e.Data); err != nil {
					return err
				}
			}
			if inputs[i].Decoded, err = p.Decode(*e); err != nil {
				return err
			}
		}
		return nil
	})
}
