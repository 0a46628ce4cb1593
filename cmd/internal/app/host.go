package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/domain"
)

// host serves connections of one database in this process: an engine for each, and one HTTP service for all.
type host struct {
	first    *engine
	registry *prometheus.Registry
	hooks    *ingest.Metrics

	look chan struct{} // have it look again which connections are to be served

	mu     sync.Mutex
	served map[string]*served
	stale  map[string]bool // those whose credentials changed: they begin anew
}

// served is a connection that is served.
type served struct {
	engine *engine
	conn   httpapi.Connection
	bound  boundInlet // of HubSpot
	stop   func()     // ends it and waits
}

// Beside tells which connections are to be served beside the first; it is asked at the start, and whenever Again fires.
type Beside struct {
	Connections func(context.Context) ([]Config, error)
	Again       <-chan struct{}
}

// Serve runs everything until ctx ends: HTTP and projections always, planning and sending while this process owns the
// connection. It closes the listener.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	return a.ServeBeside(ctx, l, Beside{})
}

// ServeBeside is Serve for this connection and others of its database.
func (a *App) ServeBeside(ctx context.Context, l net.Listener, others Beside) error {
	e, err := a.engine(ctx)
	if err != nil {
		return errors.Join(ended(ctx, err), l.Close())
	}
	if _, err := e.forwarders(); err != nil { // before anything runs, a person hears what is wrong with them
		return errors.Join(err, l.Close())
	}
	h := &host{first: e, registry: prometheus.NewRegistry(), served: map[string]*served{}, look: make(chan struct{}, 1), stale: map[string]bool{}}
	h.registry.MustRegister(collectors.NewGoCollector())
	h.hooks = ingest.NewMetrics(h.registry)
	h.take(e, func() {})
	server, err := h.server() //nolint:contextcheck // a handler takes its request's
	if err != nil {
		return errors.Join(err, l.Close())
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return server.Serve(ctx, l) })
	g.Go(func() error { return ended(ctx, a.Runner.Run(ctx)) })
	g.Go(func() error { return ended(ctx, e.keep(ctx)) })
	if others.Connections != nil {
		g.Go(func() error { return ended(ctx, h.keepBeside(ctx, others)) })
	}
	err = g.Wait()
	e.sealLast(ctx)
	return err
}

// lastSeal is how long a process that ends gives itself to seal what it appended.
const lastSeal = 5 * time.Second

// sealLast signs a head over everything there is once nothing more is appended here: what happened up to the end can be
// shown before the next start.
func (e *engine) sealLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSeal)
	defer cancel()
	if _, err := e.Seal(ctx); err != nil {
		e.Logger.Warn("the end of the log is not sealed; the next start does it", slog.Any("error", err))
	}
}

// keepBeside starts and stops connections as they come and go. One that cannot be served holds up no other.
func (h *host) keepBeside(ctx context.Context, others Beside) error {
	defer h.stopBeside(nil)
	for {
		wanted, err := others.Connections(ctx)
		if err != nil {
			h.first.Logger.Error("the connections are left as they are", slog.Any("error", err))
		} else {
			h.arrange(ctx, wanted)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-others.Again:
		case <-h.look:
		}
	}
}

// lookAgain has a connection served, begun anew or ended, as its stored credentials now say.
func (h *host) lookAgain(name string) {
	h.mu.Lock()
	h.stale[name] = true
	h.mu.Unlock()
	select {
	case h.look <- struct{}{}:
	default:
	}
}

// fresh are those of the names that need not begin anew.
func (h *host) fresh(names []string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	stale := h.stale
	h.stale = map[string]bool{}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return stale[name] })
}

func (h *host) arrange(ctx context.Context, wanted []Config) {
	names := make([]string, len(wanted))
	for i, c := range wanted {
		names[i] = c.Connection
	}
	h.stopBeside(h.fresh(names))
	for _, c := range wanted {
		if h.named(c.Connection) != nil {
			continue
		}
		if err := h.start(ctx, c); err != nil {
			h.first.Logger.Error("a connection is not served", slog.String("connection", c.Connection), slog.Any("error", err))
			continue
		}
		h.first.Logger.Info("a connection is served", slog.String("connection", c.Connection))
	}
}

// stopBeside ends the connections beside the first that are not among those to keep.
func (h *host) stopBeside(keep []string) {
	for _, s := range h.all() {
		if s.engine == h.first || slices.Contains(keep, s.engine.Connection) {
			continue
		}
		h.mu.Lock()
		delete(h.served, s.engine.Connection)
		h.mu.Unlock()
		s.stop()
		h.first.Logger.Info("a connection is served no more", slog.String("connection", s.engine.Connection))
	}
}

// start serves a connection beside the first, on its store.
func (h *host) start(ctx context.Context, c Config) error {
	a, err := h.first.beside(ctx, c)
	if err != nil {
		return err
	}
	e, err := a.engine(ctx)
	if err != nil {
		return err
	}
	if _, err := a.authorizer(""); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = a.Runner.Run(ctx) })
	running.Go(func() {
		if err := ended(ctx, e.keep(ctx)); err != nil {
			e.Logger.Error("a connection is not synced", slog.String("connection", c.Connection), slog.Any("error", err))
		}
	})
	h.take(e, func() {
		cancel()
		running.Wait()
		e.sealLast(ctx)
	})
	return nil
}

// take adds an engine to what the HTTP service answers for.
func (h *host) take(e *engine, stop func()) {
	in := e.inlets(h.hooks)
	told := prometheus.WrapRegistererWith(prometheus.Labels{"connection": e.Connection}, h.registry)
	mine := []prometheus.Collector{&collector{e}, consumerCollector{e.Groups}}
	told.MustRegister(mine...)
	bound := e.bound(in[domain.HubSpot], in[domain.HubSpot])
	s := &served{engine: e, bound: bound, conn: e.surface(bound, in[domain.Aloware]), stop: func() {
		stop()
		for _, c := range mine {
			told.Unregister(c)
		}
	}}
	h.mu.Lock()
	h.served[e.Connection] = s
	h.mu.Unlock()
}

func (h *host) named(name string) *served {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.served[name]
}

// all are the connections served, by name.
func (h *host) all() []*served {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]*served, 0, len(h.served))
	for _, name := range sortedNames(h.served) {
		out = append(out, h.served[name])
	}
	return out
}

// Identify implements httpapi.Authorizer: a token is good for the connection whose log it stands in.
func (h *host) Identify(ctx context.Context, token string) (httpapi.Identity, bool) {
	if who, ok := h.first.tokens.Identify(ctx, token); ok {
		return who, true
	}
	for _, s := range h.all() {
		if s.engine == h.first {
			continue
		}
		if who, ok := s.engine.tokens.Identify(ctx, token); ok {
			return who, true
		}
	}
	return httpapi.Identity{}, false
}

// notStuck reports the first planner that stands still with events before it.
func (h *host) notStuck(ctx context.Context) error {
	for _, s := range h.all() {
		if err := s.engine.notStuck(ctx); err != nil {
			return fmt.Errorf("connection %s: %w", s.engine.Connection, err)
		}
	}
	return nil
}

// appWide takes the webhooks of an app that is installed in several portals: each item goes to the connection of its
// portal, as far as those are known.
type appWide struct {
	*ingest.Router
	host *host
}

func (h *host) appWide() appWide {
	return appWide{host: h, Router: &ingest.Router{Ring: h.first.Ring, Ingests: func() (in []*ingest.Ingest) {
		for _, s := range h.all() {
			if s.bound.known.Load() {
				in = append(in, s.bound.into)
			}
		}
		return in
	}}}
}

// Receive implements httpapi.Webhooks.
func (w appWide) Receive(ctx context.Context, d adapters.Delivery) (ingest.Receipt, error) {
	ready, failed := false, error(nil)
	for _, s := range w.host.all() {
		if err := s.bound.ready(ctx); err != nil {
			failed = err
			continue
		}
		ready = true
	}
	if !ready {
		return ingest.Receipt{}, failed
	}
	return w.Router.Receive(ctx, d)
}
