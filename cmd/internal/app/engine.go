package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/dispatch"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/lease"
)

// ErrRefused: this database may not be served by this process; starting again will not help.
var ErrRefused = errors.New("refused")

// firstPause is the wait before what failed is tried a second time; it doubles from then on.
const firstPause = 250 * time.Millisecond

// engine runs a connection while this process owns it.
type engine struct {
	*App
	systems map[domain.System]adapters.System
	metrics *dispatch.Metrics
	control atomic.Pointer[planner.Control]
	moved   bell // rung after the control state moved
}

// engine makes the engine with the systems under the limits of the settings in force.
func (a *App) engine(ctx context.Context) (*engine, error) {
	control, _, err := a.Control(ctx)
	if err != nil {
		return nil, err
	}
	if control.Demo != a.Demo && control.Opened {
		return nil, fmt.Errorf("%w: the log in %s is %s", ErrRefused, a.Database(), demoWord(control.Demo))
	}
	if err := errors.Join(a.readable(ctx), a.notMoved(ctx), a.notShortened(ctx)); err != nil {
		return nil, err
	}
	s, err := a.settingsInForce(ctx) // the planner may not have come to them
	if err != nil {
		return nil, err
	}
	systems, err := a.systems(s)
	if err != nil {
		return nil, err
	}
	e := &engine{App: a, systems: systems, metrics: &dispatch.Metrics{}}
	e.control.Store(&control)
	return e, nil
}

func demoWord(demo bool) string {
	if demo {
		return "a demo's; serve another folder or database"
	}
	return "not a demo's; give demo a folder of its own"
}

// ended drops the error of a loop that stopped because it was told to.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, ErrRefused) {
		return nil
	}
	return err
}

// keep owns the connection whenever it can, and starts again what failed.
func (e *engine) keep(ctx context.Context) error {
	k := &lease.Keeper{DB: e.Store, Logger: e.Logger}
	for ctx.Err() == nil {
		err := k.Run(ctx, e.Connection, e.NewID().String(), e.own)
		if errors.Is(err, ErrRefused) {
			return err
		}
		if ctx.Err() == nil {
			e.Logger.Warn("engine stopped, starting again", slog.Any("error", err))
			sleep(ctx, time.Second)
		}
	}
	return ctx.Err()
}

// own plans and sends while the lease is held.
func (e *engine) own(ctx context.Context, h *lease.Handle) error {
	unsure, err := e.introduce(ctx)
	if err != nil {
		return err
	}
	if err := e.keepErasures(ctx); err != nil {
		e.Logger.Warn("nobody can be erased until this is mended", slog.Any("error", err))
	}
	s := e.stages(h)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.Planner.Run(ctx) })
	g.Go(func() error { return e.sealer.Run(ctx) })
	g.Go(func() error { return e.forwardEvents(ctx) })
	g.Go(func() error { return e.keepUsage(ctx) })
	g.Go(func() error {
		if unsure != nil {
			if err := e.recognised(ctx, *unsure); err != nil {
				return err
			}
		}
		g.Go(func() error { return s.Dispatcher.Run(ctx) })
		g.Go(func() error { return e.housekeeping(ctx, s.gate) })
		g.Go(func() error { return e.keepCatalogs(ctx, h) })
		g.Go(func() error { return e.keepTests(ctx, h) })
		g.Go(func() error { return e.keepSweeping(ctx, h) })
		g.Go(func() error { return e.keepOperations(ctx, h) })
		g.Go(func() error {
			return e.attend(ctx, "a privacy deletion", func() error { return e.eraseRequested(ctx) })
		})
		g.Go(func() error { return e.expireUnread(ctx) })
		g.Go(func() error {
			left := &remainder{engine: e}
			return e.attend(ctx, "an erased person who came back", func() error { return left.complete(ctx) })
		})
		return nil
	})
	return g.Wait()
}

// silent reports modes in which no write leaves, a stop not excepted.
func silent(c planner.Control) bool { return c.Mode == domain.ModeObserve || c.Mode == domain.ModeOff }

// steer notes where the connection's own state stands.
func (e *engine) steer(c planner.Control) {
	e.control.Store(&c)
	if c.Settings.Version > 0 {
		e.adjust(c.Settings)
	}
	e.moved.ring()
}

// adjust has the systems follow the settings.
func (e *engine) adjust(s settings.Settings) {
	for _, system := range e.systems {
		if system, ok := system.(adapters.Adjustable); ok {
			system.Adjust(s)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
