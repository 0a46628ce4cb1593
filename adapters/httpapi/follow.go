package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/duolog/duolog/adapters/stream/cloudevent"
)

const (
	// heartbeat is how often a stream on which nothing happens shows that it is alive.
	heartbeat = 15 * time.Second
	// markEvery is how often at most a narrowed stream tells how far it has come.
	markEvery = time.Second
	// keptBuffer is the most a follower holds on to between pages, in bytes.
	keptBuffer = 16 << 10
)

type stoppingKey struct{}

// stopping is closed when the server is about to stop: a stream without an end must not hold it up.
func stopping(ctx context.Context) <-chan struct{} {
	ch, _ := ctx.Value(stoppingKey{}).(<-chan struct{})
	return ch
}

// follower writes server-sent events. It holds a page at a time, and no transaction while a reader is slow.
type follower struct {
	*feed
	buf    []byte
	told   int64 // the last position the reader heard of
	marked time.Time
}

// follow writes events as they come, until the reader leaves, is too slow for a page, or the log is another one.
func (a *api) follow(hc huma.Context, f *feed) {
	ctx := hc.Context()
	_, w := humago.Unwrap(hc)
	end := f.tail.Follow()
	defer end()
	a.feedHeaders(hc, f, eventStream)
	hc.SetStatus(http.StatusOK)
	s := &follower{feed: f, told: f.after, marked: time.Now()}
	err := a.send(w, s.mark([]byte("retry: 1000\n"), f.after))
	for err == nil {
		var changed <-chan struct{}
		if changed, err = s.next(ctx); err != nil {
			break
		}
		if len(s.buf) > 0 {
			err = a.send(w, s.buf)
			continue
		}
		var alive bool
		if alive, err = s.idle(ctx, changed); !alive {
			break
		}
		if len(s.buf) > 0 && err == nil {
			err = a.send(w, s.buf)
		}
	}
	if err != nil && ctx.Err() == nil {
		a.Logger.LogAttrs(ctx, slog.LevelInfo, "follower left behind", slog.String("error", err.Error()))
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}

// next fills the buffer with what comes after; the channel tells when it is worth looking again.
func (s *follower) next(ctx context.Context) (<-chan struct{}, error) {
	if s.buf = s.buf[:0]; cap(s.buf) > keptBuffer { // a page of a backlog: those who wait hold next to nothing
		s.buf = nil
	}
	entries, changed, known := s.tail.Recent(s.after, pageSize)
	if known && !s.narrowed() {
		for _, e := range entries {
			s.event(e.Position, e.Line(s.enc, s.data))
		}
		return changed, nil
	}
	if known && len(entries) == 0 && s.contact.IsZero() {
		return changed, nil
	}
	var line []byte
	s.left, s.scanned, s.ended = pageSize, 0, false
	if s.contact.IsZero() {
		s.head.Position = s.after + pageSize // whatever there is by now
	}
	p, err := s.page(ctx)
	if err != nil {
		return changed, err
	}
	for _, e := range p.Events {
		line = s.enc.Line(line[:0], e)
		s.event(e.Position, line)
	}
	s.after = p.Through
	if s.after > s.told && time.Since(s.marked) >= markEvery {
		s.buf = s.mark(s.buf, s.after)
	}
	return changed, nil
}

func (s *follower) event(position int64, line []byte) {
	s.buf = append(append(s.buf, "id: "...), s.enc.Checkpoint(position)...)
	s.buf = append(append(append(s.buf, "\ndata: "...), line...), '\n') // the line brings a newline of its own
	s.told, s.after = position, position
}

// mark says how far the reader has come without an event.
func (s *follower) mark(b []byte, position int64) []byte {
	b = append(append(b, "event: position\nid: "...), s.enc.Checkpoint(position)...)
	b = s.enc.Mark(append(b, "\ndata: "...), position)
	s.told, s.marked = position, time.Now()
	return append(b, '\n')
}

// idle waits for something to happen. It reports false when the stream must end: the reader left, the server stops, or
// positions mean something else by now.
func (s *follower) idle(ctx context.Context, changed <-chan struct{}) (alive bool, err error) {
	long := heartbeat
	if !s.contact.IsZero() || s.after > s.told {
		long = markEvery
	}
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-stopping(ctx):
		return false, nil
	case <-changed:
		return true, nil
	case <-timer.C:
	}
	if s.after > s.told {
		s.buf = s.mark(s.buf, s.after)
		return true, nil
	}
	if long < heartbeat && time.Since(s.marked) < heartbeat {
		return true, nil
	}
	head, err := s.tail.Head(ctx)
	if err != nil {
		return false, err
	}
	s.marked = time.Now()
	s.buf = append(s.buf, ": alive\n\n"...)
	return cloudevent.New("", head, "").Checkpoint(0) == cloudevent.New("", s.head, "").Checkpoint(0), nil
}
