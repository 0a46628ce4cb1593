package postgres_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/postgres"
)

// swallow passes connections on to a server until it is told to keep what the server says to itself: nothing is
// answered and nothing closed.
func swallow(t *testing.T, server string) (address string, deaf *atomic.Bool) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	deaf = &atomic.Bool{}
	pass := func(from, to net.Conn, answers bool) {
		defer func() {
			_ = from.Close()
			_ = to.Close()
		}()
		buffer := make([]byte, 64<<10)
		for {
			n, err := from.Read(buffer)
			if err != nil {
				return
			}
			if answers && deaf.Load() {
				continue
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			go pass(client, far, false)
			go pass(far, client, true)
		}
	}()
	return l.Addr().String(), deaf
}

// TestSilentServer: who waits for an answer without a deadline is told, in the end, that there will be none, and what
// asks again gets one over a new connection. A caller's own, earlier deadline counts as before.
func TestSilentServer(t *testing.T) {
	for name, ask := range map[string]func(context.Context, eventstore.Log) error{
		"read": func(ctx context.Context, log eventstore.Log) error {
			_, err := log.Read(ctx, 0, 10)
			return err
		},
		"append": func(ctx context.Context, log eventstore.Log) error {
			_, err := log.Append(ctx, eventstoretest.Event("2", "{}"))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testSilentServer(t, ask)
		})
	}
}

func testSilentServer(t *testing.T, ask func(context.Context, eventstore.Log) error) {
	t.Helper()
	u, err := url.Parse(eventstoretest.PostgresURL(t))
	if err != nil {
		t.Fatal(err)
	}
	address, deaf := swallow(t, u.Host)
	u.Host = address
	store := open(t, postgres.Config{
		URL: u.String(), MasterKey: eventstore.NewMasterKey(), NoNotify: true, SilenceLimit: 500 * time.Millisecond,
	})
	log := eventstoretest.Log(t, store)
	if _, err := log.Append(t.Context(), eventstoretest.Event("1", "{}")); err != nil {
		t.Fatal(err)
	}
	deaf.Store(true)
	ended := make(chan error, 1)
	go func() {
		ended <- ask(t.Context(), log)
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, eventstore.ErrUnavailable) {
			t.Errorf("what was never answered: %v, want that the database is away", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("what is never answered never ends")
	}
	deaf.Store(false)
	for end := time.Now().Add(30 * time.Second); ; {
		events, err := log.Read(t.Context(), 0, 10)
		if err == nil && len(events) > 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("answers come again, and the read gets %d events, %v", len(events), err)
		}
	}
}
