package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/duolog/duolog/adapters/stream"
)

const (
	// markEvery is how often at most a narrowed stream tells how far it has come.
	markEvery = time.Second
	// keptBuffer is the most a follower holds on to between pages, in bytes.
	keptBuffer = 16 << 10
)

type stoppingKey struct{}

// stopping ends when the server is about to stop: a stream without an end must not hold it up.
func stopping(ctx context.Context) context.Context {
	if stop, ok := ctx.Value(stoppingKey{}).(context.Context); ok {
		return stop
	}
	return context.Background()
}

// follower writes server-sent events. It holds a page at a time, and no transaction while a reader is slow. All it waits
// for is to be nudged: by the log, its alarm, or an end that has come. While it waits, the tail writes for it what comes.
type follower struct {
	feed
	*stream.Follower
	working sync.Mutex      // held by who reads or writes what is here: by the follower itself but for when it waits
	direct  *direct         // nil: nobody writes for it
	stop    context.Context //nolint:containedctx // the server's, beside the request's
	buf     []byte
	told    int64     // the last position the reader heard of
	marked  time.Time // when it last heard of one without an event
	sent    time.Time // when it last heard of anything
	seen    time.Time // when it was last seen that it may go on
	beat    time.Duration
	alarm   *time.Timer
	rings   time.Time
}

// follow writes events as they come, until the reader leaves, is too slow for a page, or the log is another one.
func (a *api) follow(hc huma.Context, f *feed) {
	ctx := hc.Context()
	r, w := humago.Unwrap(hc)
	now := time.Now()
	s := &follower{feed: *f, stop: stopping(ctx), told: f.after, marked: now, sent: now, seen: now, beat: a.Heartbeat}
	s.working.Lock()
	if s.direct = directly(w, r); s.direct == nil || s.narrowed() {
		s.Follower = s.tail.Follow(nil)
	} else {
		s.Follower = s.tail.Follow(s.take)
	}
	defer s.End()
	defer context.AfterFunc(ctx, s.Nudge)()
	defer context.AfterFunc(s.stop, s.Nudge)()
	s.alarm, s.rings = time.AfterFunc(s.beat, s.Nudge), now.Add(s.beat)
	defer s.alarm.Stop()
	a.feedHeaders(hc, &s.feed, eventStream)
	hc.SetStatus(http.StatusOK)
	s.buf = s.mark([]byte("retry: 1000\n"), s.after)
	var err error
	for alive := true; alive && err == nil; {
		if len(s.buf) > 0 {
			s.sent = time.Now()
			err = a.send(w, s.buf)
		}
		if err == nil {
			err = s.next(ctx)
		}
		if len(s.buf) == 0 && err == nil {
			alive, err = s.idle(ctx, a.PageTimeout)
		}
		if alive && err == nil {
			alive, err = s.good(ctx)
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || err != nil && ctx.Err() == nil { // what cannot be written ends the context
		a.Logger.LogAttrs(ctx, slog.LevelInfo, "follower left behind", slog.String("error", err.Error()))
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(a.PageTimeout)) // that of the last page may be long over
}

// next fills the buffer with what comes after.
func (s *follower) next(ctx context.Context) error {
	if s.buf = s.buf[:0]; cap(s.buf) > keptBuffer { // a page of a backlog: those who wait hold next to nothing
		s.buf = nil
	}
	entries, known := s.tail.Recent(s.after, pageSize)
	if known && !s.narrowed() {
		for _, e := range entries {
			s.buf = append(s.buf, e.Frame(s.enc, s.data)...)
			s.told, s.after = e.Position, e.Position
		}
		return nil
	}
	if known && len(entries) == 0 && s.contact.IsZero() {
		return nil
	}
	s.left, s.scanned, s.ended = pageSize, 0, false
	if s.contact.IsZero() {
		s.head.Position = s.after + pageSize // whatever there is by now
	}
	p, err := s.page(ctx)
	if err != nil {
		return err
	}
	for _, e := range p.Events {
		s.buf = s.enc.Frame(s.buf, e)
		s.told = e.Position
	}
	s.after = p.Through
	if s.after > s.told && time.Since(s.marked) >= markEvery {
		s.buf = s.mark(s.buf, s.after)
	}
	return nil
}

// take writes what came for a follower that waits. It leaves it to the follower when that is more than a little, must be
// read from the log, or the reader is slow.
func (s *follower) take() bool {
	if !s.working.TryLock() {
		return false
	}
	defer s.working.Unlock()
	entries, known := s.tail.Recent(s.after, pageSize)
	if !known || len(s.direct.rest) > 0 {
		return false
	}
	if len(entries) == 0 {
		return true
	}
	chunks := s.direct.join(entries, s.enc, s.data)
	if len(chunks) > keptBuffer || !s.direct.try(chunks) {
		return false
	}
	last := entries[len(entries)-1]
	s.told, s.after, s.sent = last.Position, last.Position, last.Came
	return len(s.direct.rest) == 0
}

// mark says how far the reader has come without an event.
func (s *follower) mark(b []byte, position int64) []byte {
	b = append(append(b, "event: position\nid: "...), s.enc.Checkpoint(position)...)
	b = s.enc.Mark(append(b, "\ndata: "...), position)
	s.told, s.marked = position, time.Now()
	return append(b, '\n')
}

// good reports, once a heartbeat, whether the stream may go on: its token grants what it did, and positions mean what
// they did.
func (s *follower) good(ctx context.Context) (bool, error) {
	if time.Since(s.seen) < s.beat {
		return true, nil
	}
	s.seen = time.Now()
	if !granted(ctx) {
		return false, nil
	}
	head, err := s.tail.Head(ctx)
	return head.LogID == s.head.LogID && head.Generation == s.head.Generation, err
}

// idle waits for something to happen. It reports false when the stream must end: the reader left, or the server stops.
func (s *follower) idle(ctx context.Context, within time.Duration) (alive bool, err error) {
	s.wind()
	s.working.Unlock()
	<-s.C
	s.working.Lock()
	if s.direct != nil && len(s.direct.rest) > 0 {
		if err := s.direct.finish(within); err != nil {
			return false, err
		}
	}
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case s.stop.Err() != nil:
		return false, nil //nolint:nilerr // it ends as it should, and the reader comes back
	case s.after > s.told && time.Since(s.marked) >= markEvery:
		s.buf = s.mark(s.buf, s.after)
	case time.Since(s.sent) >= s.beat:
		s.buf = append(s.buf, ": alive\n\n"...)
	}
	return true, nil
}

// wind sets the alarm for when something is to be said or looked at though nothing happened. One that rings too early,
// for events came meanwhile, is set again only then.
func (s *follower) wind() {
	at := s.sent.Add(s.beat)
	if look := s.seen.Add(s.beat); look.Before(at) {
		at = look
	}
	switch now := time.Now(); {
	case s.after > s.told:
		at = s.marked.Add(markEvery)
	case !s.contact.IsZero(): // what concerns it becomes known a moment after the log has moved
		at = now.Add(markEvery)
	case s.rings.After(now):
		return
	}
	s.rings = at
	s.alarm.Reset(time.Until(at))
}
