package projections

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// How often a runner looks for rebuilds nobody works at, and for versions kept long enough.
const (
	tendEvery = 2 * time.Second
	tidyEvery = time.Hour
)

// tend goes on with rebuilds that were begun for it, or whose process was killed, and removes what is not needed any
// more, until ctx ends.
func (r *Runner) tend(ctx context.Context) {
	var tidied time.Time
	for ctx.Err() == nil {
		if now := r.clock(); now.Sub(tidied) >= tidyEvery {
			tidied = now
			r.tidy(ctx)
		}
		if err := r.takeUp(ctx); err != nil && ctx.Err() == nil {
			r.slog.LogAttrs(ctx, slog.LevelWarn, "rebuilds stand still", slog.String("error", safeText(err)))
		}
		r.pause(ctx, tendEvery)
	}
}

// tidy removes what a rebuild left that was killed after its swap, and versions kept long enough.
func (r *Runner) tidy(ctx context.Context) {
	for _, p := range r.projections {
		if err := r.removeKept(ctx, p, r.now()-keepFor.Microseconds()); err != nil && ctx.Err() == nil {
			r.slog.LogAttrs(ctx, slog.LevelWarn, "old rows stay for now",
				slog.String("projection", p.Name()), slog.String("error", safeText(err)))
		}
	}
}

// takeUp goes on with one rebuild after the other that nobody works at.
func (r *Runner) takeUp(ctx context.Context) error {
	all, err := Tasks(ctx, r.db, r.log.Connection())
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.Paused || s.Diff || r.now()-s.BeatAt < Lost.Microseconds() {
			continue
		}
		if err := r.takeUpOne(ctx, s); err != nil && !errors.Is(err, ErrPaused) && !errors.Is(err, ErrCancelled) {
			return err
		}
	}
	return nil
}

func (r *Runner) takeUpOne(ctx context.Context, s TaskState) error {
	p, cp, err := r.underWay(ctx, s.Name)
	switch {
	case errors.Is(err, ErrUnknown) || errors.Is(err, ErrNoRebuild):
		return nil // another runner's, or over
	case err != nil:
		return err
	case cp.version != s.Version || cp.fold != int64(p.Fold()):
		return nil
	}
	if mine, err := r.task(p).Claim(ctx, s); err != nil || !mine {
		return err
	}
	return r.goOn(ctx, p, cp, nil)
}
