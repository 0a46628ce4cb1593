package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/lease"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// Config is what a dispatcher works with. Zero numbers and nil functions take the defaults named.
type Config struct {
	Log     eventstore.Log
	DB      eventstore.DB
	Systems map[domain.System]adapters.System
	Lease   *lease.Handle
	NewID   func() ulid.ULID // ids of attempts and events, rising
	Now     func() time.Time // time.Now; must carry a monotonic reading
	Logger  *slog.Logger     // slog.Default
	Metrics *Metrics         // own
	// Paused holds back everything but urgent commands; nil: never.
	Paused func() bool
	// Observing holds back every write and lets reads go; nil: never.
	Observing func() bool
	// Since holds back writes decided on an input before a position; nil or 0: none.
	Since func() int64
	// Unfit, when set, is told that a system refused a property because of what it is there: its schema is another one
	// than was thought.
	Unfit func(domain.System)
	// Erased, when set, is asked of events that were refused whether they show somebody who was erased, and has the record
	// erased as well.
	Erased func(context.Context, eventstore.NewEvent) (bool, error)

	Batch    int           // most requests in a batch, 100; a system's own limit counts too
	InFlight int           // batches under way per system, 4
	Attempt  time.Duration // how long one may take, 10 s
	Tries    int           // until a row is a dead letter, 12
	Backoff  time.Duration // after the first try, doubled after each, 1 s
	Poll     time.Duration // between looks when nothing wakes it, 500 ms
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Metrics == nil {
		c.Metrics = &Metrics{}
	}
	if c.Paused == nil {
		c.Paused = func() bool { return false }
	}
	if c.Observing == nil {
		c.Observing = func() bool { return false }
	}
	if c.Since == nil {
		c.Since = func() int64 { return 0 }
	}
	if c.Unfit == nil {
		c.Unfit = func(domain.System) {}
	}
	if c.Erased == nil {
		c.Erased = func(context.Context, eventstore.NewEvent) (bool, error) { return false, nil }
	}
	c.Batch, c.InFlight, c.Tries = or(c.Batch, 100), or(c.InFlight, 4), or(c.Tries, 12)
	c.Attempt, c.Backoff = or(c.Attempt, 10*time.Second), or(c.Backoff, time.Second)
	c.Poll = or(c.Poll, 500*time.Millisecond)
	return c
}

func or[T int | time.Duration](v, fallback T) T {
	if v <= 0 {
		return fallback
	}
	return v
}

// Dispatcher works one connection for as long as its lease is held.
type Dispatcher struct {
	Config
	sources map[domain.System]*source
}

// New makes a dispatcher; Run starts it.
func New(c Config) *Dispatcher {
	d := &Dispatcher{Config: c.withDefaults(), sources: map[domain.System]*source{}}
	for name, system := range d.Systems {
		d.sources[name] = newSource(d, system)
	}
	return d
}

// Wake makes the dispatcher look at once: call it after commands were committed. It never blocks.
func (d *Dispatcher) Wake() {
	for _, s := range d.sources {
		s.signal()
	}
}

// Run dispatches until ctx ends, then lets what is under way finish; a lost lease ends that too.
func (d *Dispatcher) Run(ctx context.Context) error {
	if err := d.Adopt(ctx); err != nil {
		return err
	}
	router, err := d.router()
	if err != nil {
		return err
	}
	if err := router.Run(ctx); err != nil {
		return fmt.Errorf("dispatch: %w", err)
	}
	for _, s := range d.sources {
		s.wait()
	}
	if errors.Is(context.Cause(ctx), lease.ErrLost) {
		return lease.ErrLost
	}
	return nil
}

// Step carries out one batch that is due in a system, in the caller's goroutine: what Run goes on doing for every
// system. It returns how many commands the batch held, 0 when nothing is due or as many batches as may be are under
// way. Steps may be called concurrently, but not beside Run.
func (d *Dispatcher) Step(ctx context.Context, system domain.System) (int, error) {
	s := d.sources[system]
	select {
	case s.main.slots <- struct{}{}:
	default:
		return 0, nil
	}
	j, err := s.claim(ctx, s.main)
	if err != nil || len(j.Lanes) == 0 {
		<-s.main.slots
		return 0, err
	}
	msg := s.begin(ctx, j)
	defer msg.Ack()
	return len(j.Entries()), d.handle(msg) //nolint:contextcheck // the message carries it
}

func (d *Dispatcher) router() (*message.Router, error) {
	quiet := map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug} // the Router tells of every start and stop
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: 2 * d.Attempt},
		watermill.NewSlogLoggerWithLevelMapping(d.Logger, quiet))
	if err != nil {
		return nil, fmt.Errorf("make the router: %w", err)
	}
	router.AddMiddleware(d.Metrics.middleware, middleware.Recoverer)
	for name, s := range d.sources {
		router.AddConsumerHandler("dispatch-"+string(name), string(name), s, d.handle)
	}
	return router, nil
}

// Adopt leaves what an earlier owner may still have under way alone for the time an attempt may take: Run begins with
// it, and so must a caller of Step. While the database is away it waits.
func (d *Dispatcher) Adopt(ctx context.Context) error {
	tick := time.NewTicker(d.Poll)
	defer tick.Stop()
	for {
		err := d.DB.InTx(ctx, func(tx eventstore.Tx) error {
			if err := d.Lease.Fence(ctx, tx); err != nil {
				return err
			}
			_, err := outbox.Adopt(ctx, tx, d.Log.Connection(), d.Lease.Epoch(), d.Now().Add(d.Attempt))
			return err
		})
		switch {
		case err == nil:
			return nil
		case errors.Is(err, lease.ErrLost), ctx.Err() != nil, !errors.Is(err, eventstore.ErrUnavailable):
			return fmt.Errorf("start dispatching: %w", err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}
