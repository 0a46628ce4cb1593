package httpapi_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/httpapi/bench"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/eventstore/postgres"
)

func TestDatabaseDownOnSQLite(t *testing.T) {
	store := backends.SQLite(t)
	s := start(t, store)
	s.fill(1)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	s.wantUnavailable()
}

// wantUnavailable: webhooks and the feed say 503 with when to come back, readyz fails, healthz does not.
func (s *service) wantUnavailable() {
	s.t.Helper()
	a := s.hook(hooks, bench.Batch(7, 1, time.Now()))
	s.wantProblem(a, 503)
	if a.header.Get("Retry-After") == "" {
		s.t.Error("no Retry-After while the database is down")
	}
	s.wantProblem(s.get(events, "root"), 503)
	if a := s.get("/readyz", ""); a.status != 503 {
		s.t.Errorf("readyz while the database is down: %d", a.status)
	}
	if a := s.get("/healthz", ""); a.status != 200 {
		s.t.Errorf("healthz while the database is down: %d", a.status)
	}
}

// TestDatabaseDownResumes: connections to PostgreSQL break and none can be made; when they can again, everything
// goes on by itself and nothing that was answered 200 is missing.
func TestDatabaseDownResumes(t *testing.T) {
	line := newLine(t, eventstoretest.PostgresURL(t))
	store, err := postgres.Open(t.Context(), postgres.Config{
		URL: line.url, MasterKey: eventstore.NewMasterKey(), Migrate: true, MaxConns: 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	s := start(t, store)
	s.fill(3)
	line.cut()
	s.wantUnavailable()
	line.mend()
	deadline := time.Now().Add(30 * time.Second)
	for s.get("/readyz", "").status != 200 {
		if time.Now().After(deadline) {
			t.Fatal("not ready 30 s after the database came back")
		}
	}
	if a := s.hook(hooks, bench.Batch(7, 1, time.Now())); a.status != 200 {
		t.Errorf("webhook after the database came back: %d %s", a.status, a.body)
	}
	if all, _ := s.page("", "root"); len(all) < 4 {
		t.Errorf("%d events, want the 3 from before and the one after", len(all))
	}
}

// line is a TCP line to a database that can be cut.
type line struct {
	url string

	mu    sync.Mutex
	down  bool
	conns []net.Conn
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := u.Host
	u.Host = l.Addr().String()
	ln := &line{url: u.String()}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			ln.join(c, target)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		ln.cut()
	})
	return ln
}

func (l *line) join(c net.Conn, target string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	far, err := net.Dial("tcp", target)
	if err != nil || l.down {
		_ = c.Close()
		return
	}
	l.conns = append(l.conns, c, far)
	for _, pair := range [][2]net.Conn{{c, far}, {far, c}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			_ = pair[0].Close()
		}()
	}
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}
