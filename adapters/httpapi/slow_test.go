package httpapi_test

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/eventstore/postgres"
)

// logged is where a logger writes.
type logged chan string

func (l logged) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

// stall asks for the feed and reads no more than the status of the answer, if that.
func (s *service) stall(t *testing.T, accept string, status bool) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil { //nolint:forcetypeassert // that is what is dialled
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %s?after=0 HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer root\r\nAccept: %s\r\n\r\n", events, accept)
	if !status {
		return conn
	}
	line, err := bufio.NewReaderSize(conn, 16).ReadString('\n')
	if err != nil || !strings.Contains(line, "200") {
		t.Fatalf("answered %q: %v", line, err)
	}
	return conn
}

// TestSlowReaders: who does not read holds nothing of the database, and is cut off when the time for a page is over.
func TestSlowReaders(t *testing.T) {
	const connections = 4 // that a store reads with
	slow := func(t *testing.T, store eventstore.Store) {
		patient := start(t, store, func(c *httpapi.Config) { c.PageTimeout = time.Hour })
		for range 12 { // more than the kernel takes for a reader
			patient.append(fact("hubspot/contact/1", "city", strings.Repeat("x", 500<<10)))
		}
		forms := []string{"application/x-ndjson", "text/event-stream"}
		for i := range connections + 1 {
			conn := patient.stall(t, forms[i%2], true)
			defer conn.Close()
		}
		patient.want(patient.get(events+"?after=11&limit=1", "root"), 200, `"sequence":"12"`)
		patient.append(fact("hubspot/contact/1", "city", "Bern"))

		said := make(logged, 100)
		s := start(t, store, func(c *httpapi.Config) {
			c.PageTimeout, c.Logger = 50*time.Millisecond, slog.New(slog.NewTextHandler(said, nil))
		})
		for form, want := range map[string]string{forms[0]: "feed cut short", forms[1]: "follower left behind"} {
			s.stall(t, form, false)
			deadline := time.After(2 * time.Minute)
			for line := ""; !strings.Contains(line, want); {
				select {
				case line = <-said:
				case <-deadline:
					t.Fatalf("%s: who does not read is not cut off", form)
				}
			}
		}
	}
	t.Run("sqlite", func(t *testing.T) { slow(t, backends.SQLite(t)) })
	t.Run("postgres", func(t *testing.T) {
		store, err := postgres.Open(t.Context(), postgres.Config{
			URL: eventstoretest.PostgresURL(t), MasterKey: eventstore.NewMasterKey(), Migrate: true, MaxConns: connections,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		slow(t, store)
	})
}
