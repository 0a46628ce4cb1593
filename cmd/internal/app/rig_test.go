package app_test

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	alowarebox "github.com/duolog/duolog/adapters/aloware/sandbox"
	"github.com/duolog/duolog/adapters/httpapi"
	hubspotbox "github.com/duolog/duolog/adapters/hubspot/sandbox"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

// rig is a whole Duolog between two sandboxes, over real HTTP. Its node is the process that is asked; others may
// share the database.
type rig struct {
	*node
	t       *testing.T
	hubspot *hubspotbox.Sandbox
	aloware *alowarebox.Sandbox
	config  app.Config
	logger  *slog.Logger
	// patience is how long something is waited for.
	patience time.Duration
}

// enough is how long anything takes among few people, on a slow machine.
const enough = 3 * time.Minute

// node is one serving process.
type node struct {
	*app.App
	url  string
	stop func() // ends it and waits; again is a no-op
}

// plan says what a rig is made of. The zero value is the default preset between two empty, well-behaved sandboxes.
type plan struct {
	database         string // default: an SQLite file of its own
	portal           string // of HubSpot; default the sandbox's
	change           func(*settings.Settings)
	people           []sandboxkit.Person
	attributes       []string // custom ones of Aloware, by slug
	hubspot, aloware sandboxkit.Faults
	posters          int                             // of Aloware's webhooks at a time, default 1
	front            func(http.Handler) http.Handler // stands before Aloware
	portalFront      func(http.Handler) http.Handler // stands before HubSpot
	config           func(*app.Config)
	logger           *slog.Logger
	patience         time.Duration // default enough
}

// eachBackend runs a test on SQLite and on PostgreSQL.
func eachBackend(t *testing.T, test func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, "sqlite:"+backends.SQLiteFile(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, backends.PostgresURL(t))
	})
}

// start runs Duolog on a database with the settings, between sandboxes with people and faults.
func start(t *testing.T, p plan) *rig {
	t.Helper()
	r := sandboxes(t, p)
	r.apply(p.change)
	r.node = r.boot()
	return r
}

// sandboxes makes a rig without a process.
func sandboxes(t *testing.T, p plan) *rig {
	t.Helper()
	p.hubspot.Retries, p.hubspot.RateLimit = 10, -1
	r := &rig{
		t: t, patience: cmp.Or(p.patience, enough), hubspot: hubspotbox.New(hubspotbox.Config{Faults: p.hubspot, SearchRate: -1, Portal: p.portal}), logger: p.logger,
		aloware: alowarebox.New(alowarebox.Config{
			Faults: p.aloware, WebhookToken: "sandbox", Custom: p.attributes, WebhookWorkers: p.posters,
		}),
	}
	for _, front := range []*func(http.Handler) http.Handler{&p.front, &p.portalFront} {
		if *front == nil {
			*front = func(h http.Handler) http.Handler { return h }
		}
	}
	if r.logger == nil {
		r.logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	h, a := httptest.NewServer(p.portalFront(r.hubspot)), httptest.NewServer(p.front(r.aloware))
	t.Cleanup(func() {
		r.hubspot.Close()
		r.aloware.Close()
		h.Close()
		a.Close()
	})
	dir := t.TempDir()
	if p.database == "" {
		p.database = "sqlite:" + backends.SQLiteFile(t)
	}
	r.config = app.Config{
		Connection: "default", DatabaseURL: p.database, Data: dir, Migrate: true,
		MasterKeyFile: filepath.Join(dir, "master.key"), APIToken: "test",
		HubSpot: app.HubSpot{BaseURL: h.URL, AccessToken: "any", ClientSecret: "sandbox"},
		Aloware: app.Aloware{BaseURL: a.URL, APIToken: "any", WebhookToken: "sandbox"},
	}
	if p.config != nil {
		p.config(&r.config)
	}
	r.must(r.hubspot.Seed(p.people))
	r.must(r.aloware.Seed(p.people))
	return r
}

// sized returns what a variable of the environment says a test's size is, or the one by default.
func sized(t *testing.T, variable string, n int) int {
	t.Helper()
	if env := os.Getenv(variable); env != "" {
		var err error
		if n, err = strconv.Atoi(env); err != nil {
			t.Fatal(variable, err)
		}
	}
	return n
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// apply makes the default preset, changed, the settings in force, as a person does before the first start.
func (r *rig) apply(change func(*settings.Settings)) {
	r.t.Helper()
	a, err := app.Open(r.t.Context(), r.config, r.logger)
	r.must(err)
	_, err = a.ApplySettings(r.t.Context(), preset(r.t, change), 0, httpapi.By{Actor: "test"})
	r.must(err)
	r.must(a.Close())
}

func preset(t *testing.T, change func(*settings.Settings)) settings.Settings {
	t.Helper()
	s, err := settings.Preset(settings.PresetDefault)
	if err != nil {
		t.Fatal(err)
	}
	s.Limits.AlowarePerSecond, s.Limits.HubSpotShare = 1000, 100
	if change != nil {
		change(&s)
	}
	return s
}

// boot starts a process on the rig's database, and has both sandboxes tell it what happens.
func (r *rig) boot() *node {
	r.t.Helper()
	l, err := (&net.ListenConfig{}).Listen(r.t.Context(), "tcp", "127.0.0.1:0")
	r.must(err)
	n := &node{url: "http://" + l.Addr().String()}
	c := r.config
	c.Addr, c.PublicURL = l.Addr().String(), n.url
	ctx, cancel := context.WithCancel(context.Background())
	if n.App, err = app.Open(ctx, c, r.logger); err != nil {
		cancel()
		r.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- n.Serve(ctx, l) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Error("serve:", err)
		}
		if err := n.Close(); err != nil {
			r.t.Error(err)
		}
	})
	r.t.Cleanup(n.stop)
	r.hear(n.url)
	return n
}

// hear has both sandboxes send their webhooks to a process.
func (r *rig) hear(url string) {
	r.hubspot.SetTarget(url + "/webhooks/hubspot/default")
	r.aloware.SetTarget(url + "/webhooks/aloware/default")
}
