package forward_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/stream/forward"
	"github.com/duolog/duolog/adapters/stream/group"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/postgres"
)

// childTarget names what this binary forwards to when it is run as a forwarder of its own, so that it can be killed.
const childTarget = "DUOLOG_TEST_FORWARD_TO"

// backlog is how many events the forwarders find when they come back.
func backlog(t *testing.T) int {
	t.Helper()
	text := os.Getenv("DUOLOG_TEST_BACKLOG")
	if text == "" {
		return 2000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("DUOLOG_TEST_BACKLOG: %v", err)
	}
	return n
}

// child forwards until it is killed.
func child(ctx context.Context, to string) error {
	key, err := eventstore.LoadMasterKey(os.Getenv("DUOLOG_MASTER_KEY_FILE"))
	if err != nil {
		return err
	}
	store, err := postgres.Open(ctx, postgres.Config{URL: os.Getenv("DUOLOG_DATABASE_URL"), MasterKey: key})
	if err != nil {
		return err
	}
	log, err := store.Log(ctx, "default")
	if err != nil {
		return err
	}
	name, target := "crm", forward.Target(nil)
	if strings.HasPrefix(to, "nats:") {
		name = "bus"
		target, err = forward.NewNATS(forward.NATSConfig{URL: to, Connection: "default"})
	} else {
		target, err = forward.NewWebhook(forward.WebhookConfig{URL: to, Secret: "s3cret"})
	}
	if err != nil {
		return err
	}
	f, err := forward.New(forward.Config{
		Groups: group.New(store, log, nil), Log: log, Name: name, Target: target, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	return f.Run(ctx)
}

// away is a log with a backlog, and the forwarders that were down meanwhile.
type away struct {
	t      *testing.T
	env    []string
	log    eventstore.Log
	groups *group.Groups
}

func newAway(t *testing.T) *away {
	file, url := filepath.Join(t.TempDir(), "master.key"), eventstoretest.PostgresURL(t)
	key, err := eventstore.CreateMasterKey(file)
	if err != nil {
		t.Fatal(err)
	}
	store, err := postgres.Open(t.Context(), postgres.Config{URL: url, MasterKey: key, Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	log, err := store.Log(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	return &away{
		t: t, log: log, groups: group.New(store, log, nil),
		env: append(os.Environ(), "DUOLOG_DATABASE_URL="+url, "DUOLOG_MASTER_KEY_FILE="+file),
	}
}

// fill appends n events, those of a record apart as they are in life.
func (a *away) fill(n int) {
	a.t.Helper()
	records := max(n/20, 40)
	for n > 0 {
		all := make([]eventstore.NewEvent, min(n, 1000))
		for i := range all {
			record := fmt.Sprintf("hubspot/contact/%d", (n-i)*7919%records)
			all[i] = eventstore.NewEvent{
				ID: ulid.Make(), Stream: record, Type: domain.RecordUpdated, Schema: 1, Actor: "test", Subject: record,
				Data: []byte(`{"via":"webhook","properties":{"city":"SECRET","firstname":"SECRET","phone":"SECRET"},"clock":1}`),
			}
		}
		if _, err := a.log.Append(a.t.Context(), all...); err != nil {
			a.t.Fatal(err)
		}
		n -= len(all)
	}
}

// run forwards in a process of its own until the checkpoint has come so far, kills it, and reports where it was, what
// memory it took at most, and the processor's time.
func (a *away) run(name, to string, until int64) (at int64, peak string, used time.Duration) {
	a.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(a.env, childTarget+"="+to), os.Stderr
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	stop := sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	defer stop()
	for end := time.Now().Add(time.Hour); at < until; {
		info, err := a.groups.Get(a.t.Context(), name)
		if err != nil && !errors.Is(err, group.ErrUnknown) {
			a.t.Fatal(err)
		}
		if at = info.Position; time.Now().After(end) {
			a.t.Fatalf("only at %d", at)
		}
		<-time.After(10 * time.Millisecond)
	}
	peak = peakOf(cmd.Process.Pid)
	stop()
	return at, peak, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// peakOf is the largest amount of memory a process held, where the system tells.
func peakOf(pid int) string {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if amount, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSpace(amount)
		}
	}
	return "unknown"
}

// arrivals is what came to the other side: every event, and those of a record in order.
type arrivals struct {
	mu    sync.Mutex
	seen  map[int64]string // position: id
	last  map[string]int64 // record: position
	twice int
	wrong string
}

func newArrivals() *arrivals { return &arrivals{seen: map[int64]string{}, last: map[string]int64{}} }

func (a *arrivals) take(body []byte) {
	var ce struct{ ID, Subject, Sequence string }
	err := json.Unmarshal(body, &ce)
	at, _ := strconv.ParseInt(ce.Sequence, 10, 64)
	a.mu.Lock()
	defer a.mu.Unlock()
	id, again := a.seen[at]
	switch {
	case err != nil, again && id != ce.ID:
		a.wrong = string(body)
	case again:
		a.twice++
	case at < a.last[ce.Subject]:
		a.wrong = fmt.Sprintf("%d of %s comes after %d", at, ce.Subject, a.last[ce.Subject])
	default:
		a.seen[at], a.last[ce.Subject] = ce.ID, at
	}
}

func (a *arrivals) check(t *testing.T, want int) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.seen) != want || a.wrong != "" {
		t.Errorf("%d of %d events arrived; %s", len(a.seen), want, a.wrong)
	}
}

// TestCatchUp: a forwarder that was down for a long backlog catches up, though it is killed on its way.
// DUOLOG_TEST_BACKLOG makes it longer.
func TestCatchUp(t *testing.T) {
	a, n := newAway(t), backlog(t)
	began := time.Now()
	a.fill(n)
	t.Logf("%d events appended in %s", n, time.Since(began).Round(time.Millisecond))
	for name, start := range map[string]func(t *testing.T) (to string, arrived func() *arrivals){
		"bus": natsSide, "crm": webhookSide,
	} {
		t.Run(name, func(t *testing.T) {
			to, arrived := start(t)
			began := time.Now()
			killed, _, before := a.run(name, to, int64(n/2))
			end, peak, used := a.run(name, to, int64(n))
			took := time.Since(began)
			got := arrived()
			got.check(t, n)
			t.Logf("%d events, killed after %d: %.0f events/s, %s of processor each, %d twice, %s at most",
				end, killed, float64(n)/took.Seconds(), (before+used)/time.Duration(n), got.twice, peak)
		})
	}
}

func webhookSide(t *testing.T) (string, func() *arrivals) {
	all := newArrivals()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil { // killed on its way
			return
		}
		all.take(body)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, func() *arrivals { return all }
}

func natsSide(t *testing.T) (string, func() *arrivals) {
	server := startNATS(t, "2m")
	return server.url(), func() *arrivals {
		all := newArrivals()
		conn, err := nats.Connect(server.url())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		js, err := jetstream.New(conn)
		if err != nil {
			t.Fatal(err)
		}
		st, err := js.Stream(t.Context(), "DUOLOG")
		if err != nil {
			t.Fatal(err)
		}
		consumer, err := st.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		messages, err := consumer.Messages()
		if err != nil {
			t.Fatal(err)
		}
		defer messages.Stop()
		for left := st.CachedInfo().State.Msgs; left > 0; left-- {
			m, err := messages.Next(jetstream.NextMaxWait(time.Minute))
			if err != nil {
				t.Fatalf("%d messages left: %v", left, err)
			}
			all.take(m.Data())
		}
		return all
	}
}
