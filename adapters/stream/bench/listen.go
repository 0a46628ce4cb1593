package bench

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"sync"
)

// Listen is the program of the followers: it reads a request and writes when they listen, and what they heard.
func Listen(ctx context.Context, in io.Reader, out io.Writer) error {
	var r request
	if err := gob.NewDecoder(in).Decode(&r); err != nil {
		return fmt.Errorf("read what to follow: %w", err)
	}
	reports := gob.NewEncoder(out)
	heard, err := r.listen(ctx, func() error { return reports.Encode(report{}) })
	if err != nil {
		return reports.Encode(report{Err: err.Error()})
	}
	return reports.Encode(report{Heard: heard})
}

// listen follows by connections of which each is a listener's own.
func (r request) listen(ctx context.Context, ready func() error) (heard [][]int64, err error) {
	var begun sync.WaitGroup
	begun.Add(r.Followers)
	all := make([]*listener, r.Followers)
	for i := range all {
		conn, err := r.connect(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { _ = conn.Close() }()
		all[i] = &listener{conn: conn, after: r.After, last: r.Last, ready: sync.OnceFunc(begun.Done)}
	}
	done := make(chan error, 1)
	go func() {
		done <- hear(all)
		for _, l := range all {
			l.ready()
		}
	}()
	begun.Wait()
	if err := ready(); err != nil {
		return nil, err
	}
	if err := <-done; err != nil {
		return nil, err
	}
	for _, l := range all {
		heard = append(heard, l.times)
	}
	return heard, nil
}

func (r request) connect(ctx context.Context) (net.Conn, error) {
	to, err := url.Parse(r.Feed)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", to.Host)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(conn, "GET %s?after=%d HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nAuthorization: Bearer %s\r\n"+
		"Accept: text/event-stream\r\n\r\n", to.Path, r.After, to.Host, token)
	return conn, err
}

// listener is how far one who listens has come. It reads the answer as bytes: what clients do with an event is not what
// is measured.
type listener struct {
	conn        net.Conn
	after, last int64
	ready       func() // called when it knows where it begins
	begun       []byte // of a line that has not ended yet
	times       []int64
}

func (l *listener) done() bool { return int64(len(l.times)) == l.last-l.after }

// take reads what came at a time.
func (l *listener) take(chunk []byte, at int64) error {
	for line := range bytes.Lines(chunk) {
		if whole := line[len(line)-1] == '\n'; !whole || len(l.begun) > 0 {
			if l.begun = append(l.begun, line...); !whole {
				break
			}
			line, l.begun = l.begun, l.begun[:0]
		}
		id, ok := bytes.CutPrefix(line, []byte("id: "))
		if !ok {
			continue
		}
		position, _ := strconv.ParseInt(string(bytes.TrimSpace(id[bytes.LastIndexByte(id, ':')+1:])), 10, 64)
		want := l.after + int64(len(l.times)) + 1
		switch {
		case position == want:
			l.times = append(l.times, at)
		case position != l.after || want != l.after+1:
			return fmt.Errorf("heard of %d, want %d", position, want)
		default: // where it begins is told, too
			l.times = make([]int64, 0, l.last-l.after)
		}
		l.ready()
	}
	return nil
}
