// Package examples_test runs the examples as they stand.
package examples_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/postgres"
	"github.com/duolog/duolog/eventstore/sqlite"
)

// place is a database an example finds by its environment.
type place struct {
	store eventstore.Store
	log   eventstore.Log
	env   []string
}

func open(t *testing.T, url string) *place {
	t.Helper()
	file := filepath.Join(t.TempDir(), "master.key")
	key, err := eventstore.CreateMasterKey(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &place{}
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		p.store, err = sqlite.Open(t.Context(), sqlite.Config{Path: path, MasterKey: key, Migrate: true})
	} else {
		p.store, err = postgres.Open(t.Context(), postgres.Config{URL: url, MasterKey: key, Migrate: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.store.Close() })
	if p.log, err = p.store.Log(t.Context(), "default"); err != nil {
		t.Fatal(err)
	}
	p.env = append(os.Environ(), "DUOLOG_DATABASE_URL="+url, "DUOLOG_MASTER_KEY_FILE="+file)
	return p
}

func (p *place) append(t *testing.T, all ...eventstore.NewEvent) int64 {
	t.Helper()
	got, err := p.log.Append(t.Context(), all...)
	if err != nil {
		t.Fatal(err)
	}
	return got[len(got)-1].Position
}

// change appends a fact and the decision that recognised it.
func (p *place) change(t *testing.T, contact ulid.ULID, city string) {
	t.Helper()
	at := p.append(t, eventstore.NewEvent{
		ID: ulid.Make(), Stream: "hubspot/contact/1", Type: domain.RecordUpdated, Schema: 1, Actor: "hubspot",
		Subject: "hubspot/contact/1", Data: fmt.Appendf(nil, `{"via":"webhook","clock":1,"properties":{"city":%q}}`, city),
	})
	rec, _ := domain.ParseRecord("hubspot/contact/1")
	data, err := json.Marshal(planner.Decision{Input: at, Contact: contact, Fields: []planner.Verdict{{
		Field: "city", Result: planner.Sent, Value: &planner.Ref{Record: rec, Property: "city", Position: at, Digest: city},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	p.append(t, eventstore.NewEvent{
		ID: ulid.Make(), Stream: "contact/" + contact.String(), Type: domain.DecisionMade, Schema: 1, Actor: "duolog",
		Subject: eventstore.SubjectLog, Causation: at, Data: data,
	})
}

// build makes a program of an example.
func build(t *testing.T, name string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), name)
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./"+name).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return binary
}

// start runs a program and returns its lines.
func (p *place) start(t *testing.T, binary string) (lines <-chan string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env, cmd.Stderr = p.env, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ch := make(chan string)
	go func() {
		defer close(ch)
		for s := bufio.NewScanner(out); s.Scan(); {
			select {
			case ch <- s.Text():
			case <-ctx.Done():
			}
		}
		_ = cmd.Wait()
	}()
	return ch, func() {
		cancel()
		for range ch { // until it has ended
		}
	}
}

func want(t *testing.T, lines <-chan string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		line, ok := <-lines
		if !ok || line != text {
			t.Fatalf("it prints %q, want %q", line, text)
		}
	}
}

// comes wants a line sooner or later: what was handled and not acknowledged when a program stopped comes once more.
func comes(t *testing.T, lines <-chan string, want string) {
	t.Helper()
	var before []string
	for line := range lines {
		if line == want {
			return
		}
		before = append(before, line)
	}
	t.Fatalf("%q does not come, but %q", want, before)
}

func TestWatermill(t *testing.T) {
	binary := build(t, "watermill")
	for name, url := range map[string]string{
		"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "duolog.db"), "postgres": eventstoretest.PostgresURL(t),
	} {
		t.Run(name, func(t *testing.T) {
			p, contact := open(t, url), ulid.Make()
			p.change(t, contact, "Bern")
			lines, stop := p.start(t, binary)
			want(t, lines, `2  hubspot:1: city was null, is "Bern"`)
			p.change(t, contact, "Basel")
			want(t, lines, `4  hubspot:1: city was "Bern", is "Basel"`)
			stop()
			p.change(t, contact, "Genf") // while nobody listens
			lines, stop = p.start(t, binary)
			defer stop()
			comes(t, lines, `6  hubspot:1: city was "Basel", is "Genf"`)
		})
	}
}

func TestStockWatermillSQL(t *testing.T) {
	p, contact := open(t, eventstoretest.PostgresURL(t)), ulid.Make()
	binary := build(t, "watermillsql")
	p.change(t, contact, "Bern")
	lines, stop := p.start(t, binary)
	want(t, lines, "1 record.updated hubspot/contact/1", "2 decision.made contact/"+contact.String())
	stop()
	p.change(t, contact, "Basel")
	lines, stop = p.start(t, binary)
	defer stop()
	comes(t, lines, "3 record.updated hubspot/contact/1")
}

// TestCurlSurvivesDisconnects: the server goes away again and again, and the file has every event once, in order.
func TestCurlSurvivesDisconnects(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("this test needs curl")
	}
	for name, url := range map[string]string{
		"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "duolog.db"), "postgres": eventstoretest.PostgresURL(t),
	} {
		t.Run(name, func(t *testing.T) { curl(t, open(t, url)) })
	}
}

func curl(t *testing.T, p *place) {
	folder := t.TempDir()
	tokens, err := httpapi.NewStatic("demo")
	if err != nil {
		t.Fatal(err)
	}
	api, err := httpapi.New(httpapi.Config{
		PublicURL: "https://sync.example.com", Authorizer: tokens, Logger: slog.New(slog.DiscardHandler),
		Connection: func(string) (httpapi.Connection, bool) { return httpapi.Connection{Log: p.log}, true },
	})
	if err != nil {
		t.Fatal(err)
	}
	var served atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { served.Add(1); api.ServeHTTP(w, r) }))
	defer srv.Close()
	line := newLine(t, srv.Listener.Addr().String())
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "sh", "curl/follow.sh", "http://"+line.addr, "demo", folder)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = cmd.Wait(); line.cut() }()
	total := 0
	for range 3 {
		for range 20 {
			p.change(t, ulid.Make(), "Bern")
			total += 2
		}
		until(t, func() bool { return count(folder) > total-20 })
		line.cut()
	}
	until(t, func() bool { return count(folder) == total })
	data, err := os.ReadFile(filepath.Join(folder, "events"))
	if err != nil {
		t.Fatal(err)
	}
	next := 1
	for text := range strings.Lines(string(data)) {
		var ce struct{ Sequence string }
		if err := json.Unmarshal([]byte(text), &ce); err != nil || ce.Sequence != fmt.Sprint(next) {
			t.Fatalf("line %d: %v %s", next, err, text)
		}
		next++
	}
	if served.Load() < 3 {
		t.Errorf("the server was asked %d times: the line was never cut", served.Load())
	}
}

func count(folder string) int {
	data, _ := os.ReadFile(filepath.Join(folder, "events"))
	return strings.Count(string(data), "\n")
}

func until(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); <-time.After(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not come to that within a minute")
		}
	}
}

// line is a connection that can be cut.
type line struct {
	addr string
	all  chan net.Conn
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	ln := &line{addr: l.Addr().String(), all: make(chan net.Conn, 100)}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			ln.all <- in
			ln.all <- out
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
		}
	}()
	return ln
}

func (l *line) cut() {
	for {
		select {
		case c := <-l.all:
			_ = c.Close()
		default:
			return
		}
	}
}
