package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/lease"
)

const (
	// laneRest is the wait after a sweep that failed; it doubles, up to laneLongestRest.
	laneRest, laneLongestRest = 5 * time.Second, 5 * time.Minute
	// batchEvery is how often a sweep may read a batch of HubSpot's records in turn: one percent of a small portal's limit.
	batchEvery = 10 * time.Second
	batchOf    = 100
	// liveShare is the part of Aloware's limit that sweeps leave to everything else.
	liveShare = 0.5
	laneBurst = 4
)

// lane sweeps one system, whenever that is due, while this process owns the connection.
type lane struct {
	*engine
	h      *lease.Handle
	system domain.System
	last   domain.Sweep // the one before, told in the log or not
	told   int64        // when one was told last, µs UTC
	pace   *rate.Limiter
}

// keepSweeping finds what webhooks missed. Each system has a lane of its own: that one does not answer, or takes hours,
// does not hold up the other.
func (e *engine) keepSweeping(ctx context.Context, h *lease.Handle) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, s := range domain.Systems {
		l := &lane{engine: e, h: h, system: s}
		g.Go(func() error { return l.run(ctx) })
	}
	return g.Wait()
}

func (l *lane) run(ctx context.Context) error {
	pause := laneRest
	for ctx.Err() == nil {
		if c := *l.control.Load(); l.due(c) {
			err := l.round(ctx, c)
			switch {
			case errors.Is(err, lease.ErrLost):
				return err
			case err != nil && ctx.Err() == nil:
				l.Logger.Warn("a sweep will be tried again", slog.String("system", string(l.system)), slog.Any("error", err))
				sleep(ctx, pause)
				pause = min(2*pause, laneLongestRest)
				continue
			}
			pause = laneRest
		}
		sleep(ctx, lookForDue)
	}
	return ctx.Err()
}

// due reports whether the time between two sweeps has passed. While the sync is paused facts are stored all the same.
func (l *lane) due(c planner.Control) bool {
	every := c.Settings.Sources.Every(l.system)
	if every == 0 || c.Mode == domain.ModeOff || !c.Baseline {
		return false
	}
	return !l.now().Before(time.UnixMicro(l.before(c).At).Add(every))
}

// before is the last sweep: of this owner, or of one before it.
func (l *lane) before(c planner.Control) domain.Sweep {
	if last := c.Swept[l.system]; last.At >= l.last.At {
		return last
	}
	return l.last
}

// round is one sweep. One of a system that is polled and had nothing to tell is told in the log only now and then: it
// would be all there is in there. What a restart forgets of it is looked at again.
func (l *lane) round(ctx context.Context, c planner.Control) error {
	r := l.begin(c)
	if err := r.look(ctx); err != nil {
		return err
	}
	polled := l.system == domain.HubSpot && c.Settings.Sources.HubSpot == settings.SourcePoll
	if l.last = r.done; polled && r.done.Drift == 0 && time.Duration(r.done.At-l.told)*time.Microsecond < tellPolls {
		return nil
	}
	l.told = r.done.At
	return r.tell(ctx)
}

// tellPolls is how often a poll that found nothing is told.
const tellPolls = 15 * time.Minute

// begin goes on where the sweep before ended.
func (l *lane) begin(c planner.Control) *round {
	before, every := l.before(c), c.Settings.Sources.Every(l.system)
	r := &round{
		engine: l.engine, h: l.h, settings: c.Settings, grace: webhookGrace, trusted: c.Guard.Emptied[l.system],
		done: domain.Sweep{System: l.system, At: l.now().UnixMicro(), Through: before.Through, After: before.After},
		ends: time.Now().Add(every),
	}
	if l.system == domain.HubSpot {
		r.quota = batchOf * int(max(every/batchEvery, 1))
		if c.Settings.Sources.HubSpot == settings.SourcePoll {
			r.grace = 0
		}
		return r
	}
	perSecond := c.Settings.Limits.AlowarePerSecond * liveShare
	if l.pace == nil || float64(l.pace.Limit()) != perSecond {
		l.pace = rate.NewLimiter(rate.Limit(perSecond), laneBurst)
	}
	r.pace, r.quota = l.pace, int(max(perSecond*every.Seconds(), 1))
	return r
}
