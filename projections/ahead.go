package projections

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// Pages are read and decoded by so many readers at once, and so many wait for each fold at most: more when several go
// through the log together, so that one that writes does not keep the others waiting.
const (
	readers       = 2
	pagesAhead    = 2
	pagesTogether = 8
)

// page is a run of events, read once and decoded for each projection.
type page struct {
	after, to int64
	err       error // of the reading
	parts     []part
	done      chan struct{}
}

// part is a page as a projection folds it.
type part struct {
	to     int64
	inputs []Input
	err    error // of the first event that cannot be decoded
}

// ahead reads and decodes the events behind one position and up to another, several pages at once, and gives each of the
// projections the pages in order.
type ahead struct {
	log    eventstore.Log
	feeds  []*feed
	todo   chan *page
	stop   context.CancelFunc
	active sync.WaitGroup

	mu   sync.Mutex
	open int // feeds
}

// feed is a projection's pages.
type feed struct {
	*ahead
	p            Projection
	number       int
	after, until int64
	ready        chan *page // in order; done is closed when a page is
	left         chan struct{}
	leave        sync.Once
}

// readAhead reads for projections that stand at one position; each closes its feed.
func readAhead(ctx context.Context, log eventstore.Log, after, until int64, size int, all ...Projection) []*feed {
	a := &ahead{log: log, todo: make(chan *page), open: len(all)}
	room := pagesAhead
	if len(all) > 1 {
		room = pagesTogether
	}
	for i, p := range all {
		a.feeds = append(a.feeds, &feed{
			ahead: a, p: p, number: i, after: after, until: until,
			ready: make(chan *page, room), left: make(chan struct{}),
		})
	}
	ctx, a.stop = context.WithCancel(ctx)
	a.active.Go(func() { a.plan(ctx, after, until, int64(size)) })
	for range readers {
		a.active.Go(func() {
			for pg := range a.todo {
				a.read(ctx, pg)
				close(pg.done)
			}
		})
	}
	return a.feeds
}

// plan hands out pages; positions are dense, so it is known beforehand where each begins and ends.
func (a *ahead) plan(ctx context.Context, after, until, size int64) {
	defer func() {
		for _, f := range a.feeds {
			close(f.ready)
		}
		close(a.todo)
	}()
	for after < until {
		pg := &page{after: after, to: min(after+size, until), done: make(chan struct{}), parts: make([]part, len(a.feeds))}
		for _, f := range a.feeds {
			select {
			case f.ready <- pg:
			case <-f.left:
			case <-ctx.Done():
				return
			}
		}
		select {
		case a.todo <- pg:
		case <-ctx.Done():
			return
		}
		after = pg.to
	}
}

// next returns the page that follows, nil behind the last. While it waits, it calls idle now and then. ctx is that of
// readAhead, or ends with it.
func (f *feed) next(ctx context.Context, idle func() error) (*part, error) {
	tick := time.NewTicker(Beat)
	defer tick.Stop()
	var pg *page
	ready, done := f.ready, (chan struct{})(nil)
	for {
		select {
		case next, more := <-ready:
			if !more {
				return nil, ctx.Err()
			}
			pg, ready, done = next, nil, next.done
		case <-done:
			if pg.err != nil {
				return nil, pg.err
			}
			return &pg.parts[f.number], nil
		case <-tick.C:
			if err := idle(); err != nil {
				return nil, err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// close ends the reading for the projection; for the last of them it returns when nobody reads any more.
func (f *feed) close() {
	f.leave.Do(func() {
		close(f.left)
		f.mu.Lock()
		f.open--
		last := f.open == 0
		f.mu.Unlock()
		if last {
			f.stop()
			f.active.Wait()
		}
	})
}

// read reads a page, and decodes it for those who still want it.
func (a *ahead) read(ctx context.Context, pg *page) {
	events, err := a.log.Read(ctx, pg.after, int(pg.to-pg.after))
	if err == nil && int64(len(events)) != pg.to-pg.after {
		err = fmt.Errorf("the log ends before position %d", pg.to)
	}
	if err != nil {
		pg.err = fmt.Errorf("read log: %w", err)
		return
	}
	shared := make([]Event, len(events))
	for i, f := range a.feeds {
		select {
		case <-f.left:
		default:
			pg.parts[i] = part{to: pg.to, inputs: undecoded(events)}
			pg.parts[i].err = decode(f.p, pg.parts[i].inputs, shared)
		}
	}
}

func undecoded(events []eventstore.Event) []Input {
	inputs := make([]Input, len(events))
	for i := range events {
		inputs[i].Event = &events[i]
	}
	return inputs
}

// decode prepares events for the fold.
func decode(p Projection, inputs []Input, shared []Event) error {
	return safely(func() (err error) {
		for i := range inputs {
			e := &shared[i]
			if err := e.take(inputs[i].Event); err != nil {
				return err
			}
			if inputs[i].Decoded, err = p.Decode(e); err != nil {
				return err
			}
		}
		return nil
	})
}
