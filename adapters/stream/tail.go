package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/eventstore"
)

// tailSize is how many of the newest events are kept while somebody follows.
const tailSize = 4096

// tailBytes bounds their payloads together.
const tailBytes = 16 << 20

// shareSize is how many followers at least are worth a goroutine that tells them.
const shareSize = 64

// Entry is an event of the tail. It is written once, however many follow.
type Entry struct {
	eventstore.Event
	Came   time.Time // when the tail got to know it
	once   [3]sync.Once
	chunks [3][]byte
}

// Frame returns the event as a server-sent event, written by the encoder of a data policy. All encoders of one log write
// alike.
func (e *Entry) Frame(enc cloudevent.Encoder, data string) []byte {
	chunk := e.Chunk(enc, data)
	return chunk[bytes.IndexByte(chunk, '\n')+1 : len(chunk)-len("\r\n")]
}

// Chunk returns its frame as a chunk of an HTTP/1.1 answer.
func (e *Entry) Chunk(enc cloudevent.Encoder, data string) []byte {
	i := 0
	switch data {
	case cloudevent.Masked:
		i = 1
	case cloudevent.Full:
		i = 2
	}
	e.once[i].Do(func() {
		frame := enc.Frame(nil, e.Event)
		e.chunks[i] = fmt.Appendf(nil, "%x\r\n%s\r\n", len(frame), frame)
	})
	return e.chunks[i]
}

// Tail holds the end of a log in memory for those who follow it, so that each event is read once and not once by each
// of them. It reads only while somebody follows. An erasure empties it: what follows is read from the log again.
type Tail struct {
	eventstore.Log
	entries atomic.Pointer[[]*Entry] // dense and in order; nil: none. Replaced, never changed

	mu        sync.Mutex  // of those who change what is below, and the entries
	followers []*Follower // replaced, never changed
	stop      context.CancelFunc
	bytes     int
}

// NewTail returns the tail of a log.
func NewTail(log eventstore.Log) *Tail { return &Tail{Log: log} }

// Follower is one who follows a tail, until End.
type Follower struct {
	C    <-chan struct{} // tells that it is worth looking again
	wake chan struct{}
	take func() bool
	tail *Tail
}

// Follow has the tail read until the follower ends. A follower with take need not wake for what came: the tail calls it
// from a goroutine that serves many, so it must not wait for anything. It reports false to be told by C instead; it may
// be called until End has returned and once more after.
func (t *Tail) Follow(take func() bool) *Follower {
	wake := make(chan struct{}, 1)
	f := &Follower{C: wake, wake: wake, take: take, tail: t}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.followers = append(slices.Clip(t.followers), f); len(t.followers) == 1 {
		ctx, cancel := context.WithCancel(context.Background())
		t.stop = cancel
		go t.run(ctx)
	}
	return f
}

// Nudge has the follower look again, for a reason of its own.
func (f *Follower) Nudge() {
	select {
	case f.wake <- struct{}{}:
	default: // it will look anyhow
	}
}

// End is called once.
func (f *Follower) End() {
	t := f.tail
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.followers, f)
	if t.followers = slices.Concat(t.followers[:i], t.followers[i+1:]); len(t.followers) == 0 {
		t.stop()
		t.keep(nil)
	}
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
		}
		if err != nil { // who follows reads the log, and finds out
			t.drop(ctx)
			if errors.Is(err, context.Canceled) {
				return
			}
		}
		_ = t.Log.Wait(ctx, at) // not long when there is more
		if err != nil {
			head, err = t.Head(ctx)
			at = head.Position
		}
	}
}

func (t *Tail) add(ctx context.Context, events []eventstore.Event) {
	defer t.signal()
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	all, now := t.held(), time.Now()
	for _, e := range events {
		if e.Type == subjectErased {
			all, t.bytes = nil, 0
		}
		all = append(all, &Entry{Event: e, Came: now})
		t.bytes += len(e.Data)
	}
	drop := 0
	for drop < len(all)-1 && (len(all)-drop > tailSize || t.bytes > tailBytes) {
		t.bytes -= len(all[drop].Data)
		drop++
	}
	if drop > 0 {
		all = append([]*Entry(nil), all[drop:]...)
	}
	t.keep(all)
}

func (t *Tail) drop(ctx context.Context) {
	defer t.signal()
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() == nil {
		t.keep(nil)
	}
}

func (t *Tail) held() []*Entry {
	if all := t.entries.Load(); all != nil {
		return *all
	}
	return nil
}

func (t *Tail) keep(all []*Entry) {
	if len(all) == 0 {
		t.bytes = 0
	}
	t.entries.Store(&all)
}

// signal tells all who follow, in shares side by side. Who begins to follow meanwhile finds what came.
func (t *Tail) signal() {
	t.mu.Lock()
	all := t.followers
	t.mu.Unlock()
	share := max(shareSize, len(all)/runtime.GOMAXPROCS(0)+1)
	own := min(len(all), share)
	var told sync.WaitGroup
	for others := range slices.Chunk(all[own:], share) {
		told.Go(func() { tell(others) })
	}
	tell(all[:own])
	told.Wait()
}

func tell(followers []*Follower) {
	for _, f := range followers {
		if f.take == nil || !f.take() {
			f.Nudge()
		}
	}
}

// Recent returns up to limit events after the position when the tail holds them. known is false when they must be read
// from the log.
func (t *Tail) Recent(after int64, limit int) (entries []*Entry, known bool) {
	all := t.held()
	n := len(all)
	if n == 0 || after < all[0].Position-1 || after > all[n-1].Position {
		return nil, false
	}
	from := int(after - all[0].Position + 1)
	return all[from:min(n, from+limit)], true
}

// Read returns events from memory when the tail has them.
func (t *Tail) Read(ctx context.Context, after int64, limit int) ([]eventstore.Event, error) {
	entries, known := t.Recent(after, limit)
	if !known || len(entries) == 0 {
		return t.Log.Read(ctx, after, limit)
	}
	events := make([]eventstore.Event, len(entries))
	for i, e := range entries {
		events[i] = e.Event
	}
	return events, nil
}
