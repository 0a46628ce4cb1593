package stream

import (
	"context"
	"errors"
	"sync"

	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/eventstore"
)

// tailSize is how many of the newest events are kept while somebody follows.
const tailSize = 4096

// tailBytes bounds their payloads together.
const tailBytes = 16 << 20

// Entry is an event of the tail. Its lines are written once, however many follow.
type Entry struct {
	eventstore.Event
	once  [3]sync.Once
	lines [3][]byte
}

// Line returns the event as the encoder of a data policy writes it. All encoders of one log write alike.
func (e *Entry) Line(enc cloudevent.Encoder, data string) []byte {
	i := 0
	switch data {
	case cloudevent.Masked:
		i = 1
	case cloudevent.Full:
		i = 2
	}
	e.once[i].Do(func() { e.lines[i] = enc.Line(nil, e.Event) })
	return e.lines[i]
}

// Tail holds the end of a log in memory for those who follow it, so that each event is read once and not once by each
// of them. It reads only while somebody follows. An erasure empties it: what follows is read from the log again.
type Tail struct {
	eventstore.Log

	mu        sync.Mutex
	followers int
	stop      context.CancelFunc
	entries   []*Entry // dense and in order
	bytes     int
	changed   chan struct{} // closed when entries grew, or reading failed
}

// NewTail returns the tail of a log.
func NewTail(log eventstore.Log) *Tail { return &Tail{Log: log, changed: make(chan struct{})} }

// Follow has the tail read until the function returned is called.
func (t *Tail) Follow() (end func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.followers++; t.followers == 1 {
		ctx, cancel := context.WithCancel(context.Background())
		t.stop = cancel
		go t.run(ctx)
	}
	return sync.OnceFunc(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.followers--; t.followers == 0 {
			t.stop()
			t.entries, t.bytes = nil, 0
		}
	})
}

// run reads on from the head until ctx ends.
func (t *Tail) run(ctx context.Context) {
	head, err := t.Head(ctx)
	at := head.Position
	t.drop(ctx) // what was appended until now was not heard of
	for ctx.Err() == nil {
		var events []eventstore.Event
		if err == nil {
			events, err = t.Log.Read(ctx, at, streamPage)
		}
		if err == nil && len(events) > 0 {
			at = events[len(events)-1].Position
			t.add(ctx, events)
			continue
		}
		if err != nil { // who follows reads the log, and finds out
			t.drop(ctx)
			if errors.Is(err, context.Canceled) {
				return
			}
		}
		_ = t.Log.Wait(ctx, at)
		if err != nil {
			head, err = t.Head(ctx)
			at = head.Position
		}
	}
}

func (t *Tail) add(ctx context.Context, events []eventstore.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	for _, e := range events {
		if e.Type == subjectErased {
			t.entries, t.bytes = nil, 0
		}
		t.entries = append(t.entries, &Entry{Event: e})
		t.bytes += len(e.Data)
	}
	drop := 0
	for drop < len(t.entries)-1 && (len(t.entries)-drop > tailSize || t.bytes > tailBytes) {
		t.bytes -= len(t.entries[drop].Data)
		drop++
	}
	if drop > 0 {
		t.entries = append([]*Entry(nil), t.entries[drop:]...)
	}
	t.signal()
}

func (t *Tail) drop(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() == nil {
		t.entries, t.bytes = nil, 0
		t.signal()
	}
}

func (t *Tail) signal() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// Recent returns up to limit events after the position when the tail holds them, and a channel that is closed when it
// is worth asking again. known is false when they must be read from the log.
func (t *Tail) Recent(after int64, limit int) (entries []*Entry, changed <-chan struct{}, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.entries)
	if n == 0 || after < t.entries[0].Position-1 || after > t.entries[n-1].Position {
		return nil, t.changed, false
	}
	from := int(after - t.entries[0].Position + 1)
	return t.entries[from:min(n, from+limit)], t.changed, true
}

// Read returns events from memory when the tail has them.
func (t *Tail) Read(ctx context.Context, after int64, limit int) ([]eventstore.Event, error) {
	entries, _, known := t.Recent(after, limit)
	if !known || len(entries) == 0 {
		return t.Log.Read(ctx, after, limit)
	}
	events := make([]eventstore.Event, len(entries))
	for i, e := range entries {
		events[i] = e.Event
	}
	return events, nil
}
