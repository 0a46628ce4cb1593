package projections

import (
	"context"
	"errors"
	"fmt"

	"github.com/duolog/duolog/eventstore"
)

// ErrNothingKept: there is no earlier version to go back to.
var ErrNothingKept = errors.New("no earlier version is kept: one is, for a day after a rebuild")

// ErrOtherFold: rows of another fold cannot be caught up by this program, or must make way for its own.
var ErrOtherFold = errors.New("the rows belong to another version of this program: start that one again, or rebuild")

// Begin makes the version that a rebuild fills, for whoever runs the projections to fill it.
func (r *Runner) Begin(ctx context.Context, name string) error {
	p, err := r.named(name)
	if err != nil {
		return err
	}
	if err := r.task(p).Release(ctx, false); err != nil {
		return err
	}
	if err := r.removeKept(ctx, p, r.now()); err != nil {
		return err
	}
	cp, err := r.building(ctx, p, false)
	if err != nil {
		return fmt.Errorf("rebuild %s: %w", name, err)
	}
	return r.task(p).Rest(ctx, cp.version)
}

// Pause has a rebuild rest, whichever process runs it, until Resume or Rebuild. ErrNoRebuild when none is under way.
func (r *Runner) Pause(ctx context.Context, name string) error {
	p, err := r.named(name)
	if err == nil {
		err = r.task(p).Pause(ctx)
	}
	return err
}

// Release has a paused rebuild go on, in whoever runs the projections; ErrDiff when it is not theirs.
func (r *Runner) Release(ctx context.Context, name string) error {
	p, cp, err := r.underWay(ctx, name)
	if err != nil {
		return err
	}
	s, _, err := r.task(p).Read(ctx, r.db, cp.version)
	switch {
	case err != nil:
		return err
	case s.Diff:
		return ErrDiff
	}
	return r.task(p).Release(ctx, false)
}

// Resume goes on here with what is under way: a rebuild, or the way back.
func (r *Runner) Resume(ctx context.Context, name string, progress func(done, total int64)) error {
	p, cp, err := r.underWay(ctx, name)
	if err != nil {
		return err
	}
	if err := r.task(p).Release(ctx, false); err != nil {
		return err
	}
	return r.goOn(ctx, p, cp, progress)
}

// goOn brings a version that is under way to its end.
func (r *Runner) goOn(ctx context.Context, p Projection, cp checkpoint, progress func(done, total int64)) error {
	if cp.state == stateBuilding {
		return r.rebuild(ctx, p, progress)
	}
	return r.back(ctx, p, cp, progress)
}

// underWay returns the version that is being filled or caught up. ErrNoRebuild when none is.
func (r *Runner) underWay(ctx context.Context, name string) (Projection, checkpoint, error) {
	p, err := r.named(name)
	if err != nil {
		return nil, checkpoint{}, err
	}
	for _, state := range []string{stateBuilding, stateReturning} {
		cp, err := r.find(ctx, r.db, name, state)
		if !errors.Is(err, errNone) {
			return p, cp, err
		}
	}
	return p, checkpoint{}, ErrNoRebuild
}

// Cancel gives up a rebuild, whichever process runs it, and removes its rows. A way back that is given up leaves the
// earlier version kept. ErrOtherFold when the live rows must make way: pausing is all there is then.
func (r *Runner) Cancel(ctx context.Context, name string) error {
	p, cp, err := r.underWay(ctx, name)
	if err != nil {
		return err
	}
	live, err := r.live(ctx, p)
	if err != nil {
		return err
	}
	if cp.state == stateBuilding && live.fold < int64(p.Fold()) {
		return ErrOtherFold
	}
	to := stateOld
	if cp.state == stateReturning {
		to = stateKept
	}
	err = r.db.InTx(ctx, func(tx eventstore.Tx) error {
		if err := setState(ctx, tx, cp, cp.state, to); err != nil {
			return err
		}
		_, err := r.task(p).End(ctx, tx, cp.version, false)
		return err
	})
	if errors.Is(err, errFenced) {
		return ErrNoRebuild // it ended a moment ago
	}
	if err != nil {
		return fmt.Errorf("cancel the rebuild of %s: %w", name, err)
	}
	return r.removeOld(ctx, p)
}

// Rollback brings back the version that was live before the last swap: it is caught up to the end of the log first, and
// swapped in one transaction; the other one is kept then. ErrNothingKept when there is none, ErrOtherFold when it was
// folded by another version of the program, which alone can catch it up.
func (r *Runner) Rollback(ctx context.Context, name string, progress func(done, total int64)) error {
	cp, err := r.turn(ctx, name)
	if err != nil {
		return err
	}
	p, err := r.named(name)
	if err != nil {
		return err
	}
	return r.back(ctx, p, cp, progress)
}

// BeginRollback is Rollback by whoever runs the projections.
func (r *Runner) BeginRollback(ctx context.Context, name string) error {
	cp, err := r.turn(ctx, name)
	if err != nil {
		return err
	}
	p, err := r.named(name)
	if err != nil {
		return err
	}
	return r.task(p).Rest(ctx, cp.version)
}

// turn marks the kept version as one that returns, or finds the one marked.
func (r *Runner) turn(ctx context.Context, name string) (checkpoint, error) {
	p, cp, err := r.underWay(ctx, name)
	switch {
	case err == nil && cp.state == stateBuilding:
		return cp, fmt.Errorf("roll %s back: %w", name, ErrUnderWay)
	case err == nil:
		return cp, r.task(p).Release(ctx, false)
	case !errors.Is(err, ErrNoRebuild):
		return cp, err
	}
	if cp, err = r.find(ctx, r.db, name, stateKept); err != nil {
		if errors.Is(err, errNone) {
			err = ErrNothingKept
		}
		return cp, fmt.Errorf("roll %s back: %w", name, err)
	}
	if cp.fold != int64(p.Fold()) {
		return cp, fmt.Errorf("roll %s back: %w", name, ErrOtherFold)
	}
	err = r.db.InTx(ctx, func(tx eventstore.Tx) error {
		if err := setState(ctx, tx, cp, stateKept, stateReturning); err != nil {
			return err
		}
		return r.task(p).Start(ctx, tx, cp.version, cp.position, false)
	})
	if err != nil {
		return cp, fmt.Errorf("roll %s back: %w", name, err)
	}
	cp.state = stateReturning
	return cp, nil
}

// ErrUnderWay: a rebuild must be ended before its version's predecessor can come back.
var ErrUnderWay = errors.New("a rebuild is under way: cancel it first")

// ErrDiff: whoever asked for the comparison goes on with it.
var ErrDiff = errors.New("the rebuild is to be compared before its swap: duolog rebuild resume goes on")

// back catches a returning version up and swaps it in.
func (r *Runner) back(ctx context.Context, p Projection, cp checkpoint, progress func(done, total int64)) error {
	err := r.task(p).Start(ctx, r.db, cp.version, cp.position, false)
	if err == nil {
		err = r.finish(ctx, p, cp, r.look(p, cp, progress))
	}
	if err != nil {
		return fmt.Errorf("roll %s back: %w", p.Name(), err)
	}
	return nil
}
