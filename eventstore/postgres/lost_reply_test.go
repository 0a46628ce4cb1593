package postgres_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/postgres"
)

// gate passes a connection on to the server until it is told to cut at the next reply: what was asked has then
// happened, and who asked does not know.
type gate struct {
	server string
	cut    atomic.Bool
	cuts   atomic.Int64
}

func (g *gate) serve(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { g.pass(client) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	return l.Addr().String()
}

func (g *gate) pass(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", g.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	})
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil || g.cut.CompareAndSwap(true, false) && g.cuts.Add(1) > 0 {
			break
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			break
		}
	}
	_ = client.Close()
	wg.Wait()
}

func TestLostReplyIsFoundAgain(t *testing.T) {
	direct := eventstoretest.PostgresURL(t)
	u, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{server: u.Host}
	u.Host = g.serve(t)
	store := open(t, postgres.Config{URL: u.String(), MasterKey: eventstore.NewMasterKey(), NoNotify: true})
	log := eventstoretest.Log(t, store)
	appendOne := func(n int64) {
		t.Helper()
		got, err := log.Append(t.Context(), eventstoretest.Event("1", "{}"))
		if err != nil || len(got) != 1 || got[0].Position != n {
			t.Fatalf("append %d: %+v, %v", n, got, err)
		}
	}
	for n := range int64(3) { // statements are prepared and keys are known from here on
		appendOne(n + 1)
	}
	for n := range int64(5) {
		g.cut.Store(true)
		appendOne(n + 4)
	}
	if g.cuts.Load() != 5 {
		t.Fatalf("%d replies were cut, want 5", g.cuts.Load())
	}
	report, err := eventstore.Verify(t.Context(), store, "default", nil)
	if err != nil || !report.OK() || report.Head != 8 {
		t.Fatalf("%+v, %v", report, err)
	}
}
