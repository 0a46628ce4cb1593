package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

// narrow gives connections next to no room for what is not read yet.
type narrow struct{ net.Listener }

func (l narrow) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		err = conn.(*net.TCPConn).SetWriteBuffer(4 << 10)
	}
	return conn, err
}

// serve has the handler served as the service serves it, from here on.
func (s *service) serve() (stop func() error) {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	srv := httpapi.Server{Handler: s.api, Logger: slog.New(slog.DiscardHandler), Grace: time.Minute}
	go func() { done <- srv.Serve(ctx, narrow{l}) }()
	s.t.Cleanup(cancel)
	s.srv.URL = "http://" + l.Addr().String()
	return func() error { cancel(); return <-done }
}

// TestReadersOfAllSpeedsGetWholeStreams: one that reads at once, one that filters, and one that reads only when it has
// been written to until nothing more fits, which leaves a chunk cut anywhere.
func TestReadersOfAllSpeedsGetWholeStreams(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		const n = 60
		s := start(t, store, func(c *httpapi.Config) { c.PageTimeout = 5 * time.Minute })
		s.serve()
		fast, slow, narrowed := s.follow(t, "", ""), s.follow(t, "", ""), s.follow(t, "system=hubspot", "")
		for _, l := range []*live{fast, slow, narrowed} {
			l.next()
		}
		for i := range n {
			s.append(fact("hubspot/contact/1", "city", fmt.Sprint(i, strings.Repeat("x", 12_000))))
			fast.next()
		}
		for i := range n {
			for _, l := range []*live{slow, narrowed} {
				if _, id, data := l.next(); !strings.HasSuffix(id, fmt.Sprintf(":1:%d", i+1)) || !json.Valid([]byte(data)) {
					t.Fatalf("a slow one hears of %s, want %d: %.100s", id, i+1, data)
				}
			}
		}
	})
}

// TestWhatIsCommittedTogetherComesInOrder, whether it is a little or more than is held for one who waits.
func TestWhatIsCommittedTogetherComesInOrder(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := start(t, store)
		s.serve()
		readers := []*live{s.follow(t, "", ""), s.follow(t, "", "")}
		for _, l := range readers {
			l.next()
		}
		position := 0
		for _, size := range []int{1, 5_000, 30_000, 1} {
			var together []eventstore.NewEvent
			for range 5 {
				together = append(together, fact("hubspot/contact/1", "city", strings.Repeat("x", size)))
			}
			s.append(together...)
			for range together {
				position++
				for _, l := range readers {
					if _, id, data := l.next(); !strings.HasSuffix(id, fmt.Sprintf(":1:%d", position)) || !json.Valid([]byte(data)) {
						t.Fatalf("heard of %s, want %d: %.100s", id, position, data)
					}
				}
			}
		}
	})
}

// TestStreamEndsWhole when the service stops, however long ago its last page was.
func TestStreamEndsWhole(t *testing.T) {
	const within = 2 * time.Second
	s := start(t, backends.SQLite(t), func(c *httpapi.Config) { c.PageTimeout = within })
	stop := s.serve()
	l := s.follow(t, "", "")
	l.next()
	for began := time.Now(); time.Since(began) < within+within/4; {
		s.append(act(domain.SyncPaused))
		l.next()
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := io.Copy(io.Discard, l.body); err != nil {
		t.Errorf("it ends with %v", err)
	}
}

// TestWhatIsInBetweenIsNotPassedBy: what changes an answer on its way changes all of a live one.
func TestWhatIsInBetweenIsNotPassedBy(t *testing.T) {
	s := start(t, backends.SQLite(t))
	inner := s.api
	s.api = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { inner.ServeHTTP(&loud{w}, r) })
	s.serve()
	l := s.follow(t, "", "")
	for range 3 {
		if _, _, data := l.next(); !strings.HasPrefix(data, `{"SPECVERSION"`) {
			t.Fatalf("passed by: %s", data)
		}
		s.append(act(domain.SyncPaused))
	}
}

// loud answers in capitals.
type loud struct{ http.ResponseWriter }

func (l *loud) Write(b []byte) (int, error) {
	_, err := l.ResponseWriter.Write(bytes.ReplaceAll(b, []byte("specversion"), []byte("SPECVERSION")))
	return len(b), err
}

func (l *loud) Unwrap() http.ResponseWriter { return l.ResponseWriter }
