package forward_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/adapters/stream/forward"
	"github.com/duolog/duolog/adapters/stream/group"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

const root = "../../.."

// natsServer is a real NATS server, built from its module, as a process of its own.
type natsServer struct {
	t      *testing.T
	binary string
	dir    string
	port   string
	sync   string // when it has its files on the disk
	most   int    // bytes of a message; 0: as by default
	cmd    *exec.Cmd
}

var build struct {
	once   sync.Once
	binary string
	err    error
}

func startNATS(t *testing.T, sync string, more ...func(*natsServer)) *natsServer {
	t.Helper()
	build.once.Do(func() {
		dir, err := os.MkdirTemp("", "duolog-nats") //nolint:usetesting // it outlasts this test
		if err != nil {
			build.err = err
			return
		}
		build.binary = filepath.Join(dir, "nats-server")
		cmd := exec.Command("go", "build", "-modfile=.ci/nats.mod", "-o", build.binary, "github.com/nats-io/nats-server/v2")
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			build.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	if build.err != nil {
		t.Fatalf("build the NATS server: %v", build.err)
	}
	s := &natsServer{t: t, binary: build.binary, dir: t.TempDir(), port: "-1", sync: sync}
	for _, set := range more {
		set(s)
	}
	s.start()
	t.Cleanup(s.kill)
	return s
}

func TestMain(m *testing.M) {
	if to := os.Getenv(childTarget); to != "" {
		if err := child(context.Background(), to); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	code := m.Run()
	if build.binary != "" {
		_ = os.RemoveAll(filepath.Dir(build.binary))
	}
	os.Exit(code)
}

// start starts the server, after a kill where it was before.
func (s *natsServer) start() {
	s.t.Helper()
	conf := filepath.Join(s.dir, "nats.conf")
	text := fmt.Sprintf("listen: \"127.0.0.1:%s\"\nports_file_dir: %q\njetstream { store_dir: %q, sync_interval: %s }\n", s.port, s.dir, filepath.Join(s.dir, "js"), s.sync)
	if s.most > 0 {
		text += fmt.Sprintf("max_payload: %d\n", s.most)
	}
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command(s.binary, "-c", conf)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ports := filepath.Join(s.dir, fmt.Sprintf("nats-server_%d.ports", s.cmd.Process.Pid))
	for until := time.Now().Add(2 * time.Minute); ; {
		var told struct{ Nats []string }
		data, err := os.ReadFile(ports)
		if err == nil && json.Unmarshal(data, &told) == nil && len(told.Nats) > 0 {
			s.port = told.Nats[0][strings.LastIndex(told.Nats[0], ":")+1:]
			return
		}
		if time.Now().After(until) {
			s.t.Fatalf("the NATS server did not start: %v", err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func (s *natsServer) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *natsServer) url() string { return "nats://127.0.0.1:" + s.port }

// fill appends n events over some records.
func fill(t *testing.T, log eventstore.Log, n int) {
	t.Helper()
	all := make([]eventstore.NewEvent, n)
	for i := range all {
		record := fmt.Sprintf("hubspot/contact/%d", rand.IntN(40))
		all[i] = eventstore.NewEvent{
			ID: ulid.Make(), Stream: record, Type: domain.RecordUpdated, Schema: 1, Actor: "test", Subject: record,
			Data: []byte(`{"via":"webhook","properties":{"city":"SECRET"}}`),
		}
	}
	if _, err := log.Append(t.Context(), all...); err != nil {
		t.Fatal(err)
	}
}

type forwarding struct {
	name   string
	log    eventstore.Log
	groups *group.Groups
	stop   func()
}

// begin runs a forwarder until stop.
func begin(t *testing.T, store eventstore.Store, target forward.Target, filter stream.Filter, more ...func(*forward.Config)) *forwarding {
	t.Helper()
	log, err := store.Log(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	groups := group.New(store, log, nil)
	c := forward.Config{
		Groups: groups, Log: log, Name: "away", Target: target, Filter: filter, Logger: slog.New(slog.DiscardHandler),
		Pause: 10 * time.Millisecond, MaxPause: 100 * time.Millisecond,
	}
	for _, set := range more {
		set(&c)
	}
	f, err := forward.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = f.Run(ctx) })
	stop := sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(stop)
	return &forwarding{c.Name, log, groups, stop}
}

// caughtUp waits until everything is forwarded.
func (f *forwarding) caughtUp(t *testing.T) {
	t.Helper()
	for until := time.Now().Add(2 * time.Minute); ; {
		info, err := f.groups.Get(t.Context(), f.name)
		if err == nil && info.Lag == 0 {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("not caught up: %+v, %v", info, err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// stored reads everything the stream holds.
func stored(t *testing.T, s *natsServer) []jetstream.Msg {
	t.Helper()
	conn, err := nats.Connect(s.url())
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
	info, err := st.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := st.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var all []jetstream.Msg
	for len(all) < int(info.State.Msgs) {
		batch, err := c.Fetch(500, jetstream.FetchMaxWait(5*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		n := len(all)
		for m := range batch.Messages() {
			all = append(all, m)
		}
		if len(all) == n {
			t.Fatalf("%d of %d messages came: %v", n, info.State.Msgs, batch.Error())
		}
	}
	return all
}

// TestNATSKilledUnderLoad: the server is killed and started again while events come. None is lost, those of a record
// are in order, and what is there twice has the same id.
func TestNATSKilledUnderLoad(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		server := startNATS(t, "always")
		target, err := forward.NewNATS(forward.NATSConfig{URL: server.url(), Connection: "default", Timeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		log, err := store.Log(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		fill(t, log, 1000) // down for long
		f := begin(t, store, target, stream.Filter{})
		total := 1000
		for range 4 {
			for range 10 {
				fill(t, log, 50)
				total += 50
				<-time.After(20 * time.Millisecond)
			}
			server.kill()
			fill(t, log, 50)
			total += 50
			server.start()
		}
		f.caughtUp(t)
		f.stop()
		seen, last, twice := map[string]int64{}, map[string]int64{}, 0
		for _, m := range stored(t, server) {
			var ce struct{ ID, Type, Subject, Sequence, Fields string }
			if err := json.Unmarshal(m.Data(), &ce); err != nil || m.Headers().Get("Nats-Msg-Id") != ce.ID {
				t.Fatalf("%v: %s", err, m.Data())
			}
			if m.Subject() != "duolog.default.record.updated" || ce.Fields != "ids" || strings.Contains(string(m.Data()), "SECRET") {
				t.Fatalf("on %s: %s", m.Subject(), m.Data())
			}
			var position int64
			_, _ = fmt.Sscan(ce.Sequence, &position)
			if at, ok := seen[ce.ID]; ok {
				twice++
				if at != position {
					t.Errorf("id %s at %d and %d", ce.ID, at, position)
				}
				continue
			}
			if seen[ce.ID] = position; position < last[ce.Subject] {
				t.Errorf("%d of %s comes after %d", position, ce.Subject, last[ce.Subject])
			}
			last[ce.Subject] = position
		}
		if len(seen) != total {
			t.Errorf("%d of %d events arrived", len(seen), total)
		}
		t.Logf("%d events, %d twice", total, twice)
	})
}

// TestNATSTakesNotEverything: an event that is too large for the server, or for the stream, is put aside and its
// neighbours go on; a stream that somebody deleted is made again.
func TestNATSTakesNotEverything(t *testing.T) {
	server := startNATS(t, "2m", func(s *natsServer) { s.most = 8 << 10 })
	conn, err := nats.Connect(server.url())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		_, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{
			Name: "DUOLOG", Subjects: []string{"duolog.>"}, Storage: jetstream.FileStorage, MaxMsgSize: 4 << 10,
		})
		if err != nil {
			t.Fatal(err)
		}
		log, err := store.Log(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{1, 5 << 10, 1, 20 << 10, 1} {
			_, err := log.Append(t.Context(), eventstore.NewEvent{
				ID: ulid.Make(), Stream: "hubspot/contact/1", Type: domain.RecordUpdated, Schema: 1, Actor: "test",
				Subject: eventstore.SubjectLog, Data: fmt.Appendf(nil, `{"properties":{"city":"%s"}}`, strings.Repeat("x", size)),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		target, err := forward.NewNATS(forward.NATSConfig{URL: server.url(), Connection: "default"})
		if err != nil {
			t.Fatal(err)
		}
		f := begin(t, store, target, stream.Filter{}, func(c *forward.Config) { c.Data = "full" })
		f.caughtUp(t)
		parked, err := f.groups.Parked(t.Context(), "away")
		if err != nil || len(parked) != 2 || parked[0].Position != 2 || !strings.Contains(parked[0].Reason, "max_msg_size") ||
			parked[1].Position != 4 || !strings.Contains(parked[1].Reason, "max_payload") {
			t.Fatalf("parked %+v, %v", parked, err)
		}
		if n := len(stored(t, server)); n != 3 {
			t.Errorf("the stream holds %d of 3", n)
		}
		if err := js.DeleteStream(t.Context(), "DUOLOG"); err != nil {
			t.Fatal(err)
		}
		fill(t, log, 1)
		f.caughtUp(t)
		if n := len(stored(t, server)); n != 1 {
			t.Errorf("the stream that was made again holds %d", n)
		}
		f.stop()
		if err := js.DeleteStream(t.Context(), "DUOLOG"); err != nil {
			t.Fatal(err)
		}
	})
}
