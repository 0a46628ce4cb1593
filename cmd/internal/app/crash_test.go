package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/projections/lease"
)

// childConfig names the variable with the configuration of a process to be killed; its listener is file 3.
const childConfig = "DUOLOG_TEST_CHILD"

func TestMain(m *testing.M) {
	if c := os.Getenv(childConfig); c != "" {
		if err := child(c); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child serves until it is killed.
func child(config string) error {
	var c app.Config
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return err
	}
	l, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	a, err := app.Open(context.Background(), c, logger)
	if err != nil {
		return err
	}
	return a.Serve(context.Background(), l)
}

// spawn starts a process of its own on the rig's database and has both sandboxes tell it what happens. It returns
// what kills it without warning.
func (r *rig) spawn() (kill func()) {
	r.t.Helper()
	l, err := (&net.ListenConfig{}).Listen(r.t.Context(), "tcp", "127.0.0.1:0")
	r.must(err)
	f, err := l.(*net.TCPListener).File()
	r.must(err)
	c := r.config
	c.Addr, c.PublicURL = l.Addr().String(), "http://"+l.Addr().String()
	b, err := json.Marshal(c)
	r.must(err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childConfig+"="+string(b))
	cmd.ExtraFiles, cmd.Stderr = []*os.File{f}, r.t.Output()
	r.must(cmd.Start())
	r.must(f.Close())
	r.must(l.Close())
	r.hear(c.PublicURL)
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	r.t.Cleanup(kill)
	return kill
}

// aside opens the database without serving it, as a command beside a server does.
func (r *rig) aside() *node {
	r.t.Helper()
	a, err := app.Open(r.t.Context(), r.config, r.logger)
	r.must(err)
	r.t.Cleanup(func() { r.must(a.Close()) })
	return &node{App: a}
}

// TestCrash: a process killed in the midst of its work leaves nothing that the next one does not put right: nobody
// stands twice in either system, both agree, and the log is whole.
func TestCrash(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		people := sandboxkit.People(11, 10)
		again := sandboxkit.Faults{Retries: 40, RetryInterval: 300 * time.Millisecond, Latency: 20 * time.Millisecond}
		r := sandboxes(t, plan{database: database, people: people, hubspot: again, aloware: again})
		r.apply(nil)
		r.node = r.aside()
		for i := range 2 {
			kill := r.spawn()
			r.baseline()
			sandboxkit.Traffic{
				Aloware: r.aloware, HubSpot: r.hubspot, Seed: uint64(i), CreateShare: 0.4, FirstPerson: len(people) + 100*i,
			}.Do(30)
			before := r.written()
			r.wait("writes to be under way", func(context.Context) (bool, error) { return r.written() >= before+8, nil })
			kill()
		}
		r.node = r.boot()
		r.settle()
		r.agreed()
		r.nobodyTwice()
		r.verified()
	})
}

// nobodyTwice fails for every number or email that two records of a system share, and when one has more people.
func (r *rig) nobodyTwice() {
	r.t.Helper()
	seen := map[string]bool{}
	note := func(system, kind, value string) {
		if key := system + kind + value; value != "" && seen[key] {
			r.t.Errorf("two records in %s have the same %s", system, kind)
		} else {
			seen[key] = true
		}
	}
	for _, c := range r.hubspot.All() {
		note("HubSpot", "email", c.Properties["email"])
		note("HubSpot", "number", c.Properties["hs_searchable_calculated_phone_number"])
	}
	for _, c := range r.aloware.All() {
		note("Aloware", "email", c.Properties["email"])
		note("Aloware", "number", c.Properties["phone_number"])
	}
	if h, a := len(r.hubspot.All()), len(r.aloware.All()); h != a {
		r.t.Errorf("%d people in HubSpot, %d in Aloware", h, a)
	}
}

// TestTakeOver: of two processes on one database one plans; when it ends the other goes on, and either takes webhooks
// in.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	r := start(t, plan{database: eventstoretest.PostgresURL(t)})
	r.settle()
	first := r.node
	owner, epoch, err := lease.Owner(t.Context(), r.Store, "default")
	r.must(err)
	second := r.boot() // webhooks go there from now on
	_, err = r.hubspot.Create(adaHubSpot, "7")
	r.must(err)
	r.settle()
	r.twin(adaPhone)
	if who, e, err := lease.Owner(t.Context(), r.Store, "default"); who != owner || e != epoch || err != nil {
		t.Errorf("beside an owner: epoch %d, %v, want %d of the same", e, err, epoch)
	}
	first.stop()
	r.node = second
	_, err = r.aloware.Create(graceAloware, "")
	r.must(err)
	r.settle()
	r.twin(gracePhone)
	if _, e, err := lease.Owner(t.Context(), r.Store, "default"); e != epoch+1 || err != nil {
		t.Errorf("after the owner ended: epoch %d, %v, want %d", e, err, epoch+1)
	}
	r.agreed()
	r.nobodyTwice()
}
