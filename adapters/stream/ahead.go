package stream

import (
	"context"

	"github.com/duolog/duolog/eventstore"
)

// Ahead reads the page after the one asked for while that one is worked on. What was read before an erasure is read
// again. It is for one reader who goes forward, and not for concurrent use. Close it to wait for what is under way.
type Ahead struct {
	eventstore.Log
	after int64
	limit int
	next  chan read
	stop  context.CancelFunc
}

type read struct {
	events []eventstore.Event
	keys   int64 // the key epoch before
	err    error
}

// NewAhead returns a reader of the log that reads ahead.
func NewAhead(log eventstore.Log) *Ahead { return &Ahead{Log: log} }

// Read returns events after the position, which may have been read already, and begins with the next when the page is
// full.
func (a *Ahead) Read(ctx context.Context, after int64, limit int) ([]eventstore.Event, error) {
	var r read
	if a.next != nil && a.after == after && a.limit == limit {
		r = <-a.next
		a.end()
	} else {
		a.Close()
	}
	if len(r.events) > 0 {
		head, err := a.Head(ctx)
		if err != nil {
			return nil, err
		}
		if head.KeyEpoch != r.keys {
			r = read{}
		}
	}
	if len(r.events) == 0 { // not read, nothing there by then, or that read was cut off
		r.events, r.err = a.Log.Read(ctx, after, limit)
	}
	if r.err == nil && len(r.events) == limit {
		a.begin(ctx, r.events[limit-1].Position, limit)
	}
	return r.events, r.err
}

func (a *Ahead) begin(ctx context.Context, after int64, limit int) {
	ctx, a.stop = context.WithCancel(ctx)
	a.after, a.limit, a.next = after, limit, make(chan read, 1)
	next := a.next
	go func() {
		head, err := a.Head(ctx)
		if err != nil {
			next <- read{err: err}
			return
		}
		events, err := a.Log.Read(ctx, after, limit)
		next <- read{events, head.KeyEpoch, err}
	}()
}

func (a *Ahead) end() {
	a.stop()
	a.next = nil
}

// Close gives up what was read ahead.
func (a *Ahead) Close() {
	if a.next != nil {
		a.stop()
		<-a.next
		a.next = nil
	}
}
