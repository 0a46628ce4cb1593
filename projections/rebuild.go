package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// errBehind: the live version is further than what the new one would reach with this page.
var errBehind = errors.New("live version is ahead")

// Rebuild folds the log from its beginning into a new version beside the live one, swaps in one transaction when the
// new one has caught up, and removes the old rows. A rebuild that was stopped goes on from what it wrote last, which is
// half a minute back at most. progress, when not nil, hears the position reached and the log's end after each page.
func (r *Runner) Rebuild(ctx context.Context, name string, progress func(done, total int64)) error {
	p, err := r.named(name)
	if err != nil {
		return err
	}
	if progress == nil {
		progress = func(int64, int64) {}
	}
	if err := r.fill(ctx, p, progress); err != nil {
		return fmt.Errorf("rebuild %s: %w", name, err)
	}
	if err := r.removeOld(ctx, p); err != nil {
		return fmt.Errorf("remove old rows of %s: %w", name, err)
	}
	return nil
}

// outlook keeps an eye on the log while a version is filled.
type outlook struct {
	r         *Runner
	progress  func(done, total int64)
	told      int64
	head      int64
	appending bool // the log grew since the look before
}

// tell looks where the log ends, and tells how far the filling has come.
func (o *outlook) tell(ctx context.Context, at int64) error {
	head, err := o.r.log.Head(ctx)
	if err != nil {
		return err
	}
	o.appending = o.head != 0 && head.Position != o.head
	o.head = head.Position
	if at != o.told {
		o.told = at
		o.progress(at, max(head.Position, at))
	}
	return nil
}

// fill brings the new version to the end of the log and swaps.
func (r *Runner) fill(ctx context.Context, p Projection, progress func(done, total int64)) error {
	cp, err := r.building(ctx, p)
	if err != nil {
		return err
	}
	look := &outlook{r: r, progress: progress, told: cp.position}
	if err := look.tell(ctx, cp.position); err != nil {
		return err
	}
	for {
		done, err := r.fillOn(ctx, p, &cp, look)
		if errors.Is(err, errFenced) {
			if cp, err = r.find(ctx, r.db, p.Name(), stateBuilding); errors.Is(err, errNone) {
				return nil // another process has finished it
			}
		}
		if err != nil {
			return err
		}
		if err := look.tell(ctx, cp.position); err != nil {
			return err
		}
		if done {
			return nil
		}
	}
}

// fillOn goes on to where the log ended when last looked at or, when that is near, to its end.
func (r *Runner) fillOn(ctx context.Context, p Projection, cp *checkpoint, look *outlook) (done bool, err error) {
	if look.head-cp.position >= int64(r.page) {
		return false, r.bulk(ctx, p, cp, look.head, look)
	}
	began := time.Now()
	done, err = r.fillPage(ctx, p, cp)
	r.giveWay(ctx, time.Since(began), look.appending && !done)
	return done, err
}

// giveWay leaves a SQLite database's only writer's place to others for as long as it was held, while anyone appends.
func (r *Runner) giveWay(ctx context.Context, held time.Duration, appending bool) {
	if appending && r.db.Backend() == "sqlite" {
		r.pause(ctx, held)
	}
}

// fillPage applies the next page; done once the new version was swapped in with it.
func (r *Runner) fillPage(ctx context.Context, p Projection, cp *checkpoint) (done bool, err error) {
	events, err := r.log.Read(ctx, cp.position, r.page)
	if err != nil {
		return false, err
	}
	if len(events) == r.page {
		return false, r.apply(ctx, p, cp, events)
	}
	err = r.swap(ctx, p, cp, events)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, errBehind):
		return false, nil
	case notTheirFault(ctx, err) || len(events) == 0:
		return false, err
	}
	return false, r.apply(ctx, p, cp, events)
}

// building returns the version being filled, beginning one when there is none of this fold.
func (r *Runner) building(ctx context.Context, p Projection) (checkpoint, error) {
	if _, err := r.live(ctx, p); err != nil {
		return checkpoint{}, err
	}
	err := r.db.InTx(ctx, func(tx eventstore.Tx) error {
		all, err := r.versions(ctx, tx, p.Name())
		if err != nil {
			return err
		}
		for _, cp := range all {
			if cp.fold > int64(p.Fold()) {
				return ErrNewer
			}
			if cp.state != stateBuilding {
				continue
			}
			if cp.fold == int64(p.Fold()) {
				return nil
			}
			if err := setState(ctx, tx, cp, stateBuilding, stateOld); err != nil {
				return err
			}
		}
		return r.insert(ctx, tx, p, all[len(all)-1].version+1, stateBuilding)
	})
	if err != nil {
		return checkpoint{}, err
	}
	return r.find(ctx, r.db, p.Name(), stateBuilding)
}

// swap applies the last events and makes the new version the live one. The live version's row is locked first, so
// its position stands; errBehind when the new one would fall behind it.
func (r *Runner) swap(ctx context.Context, p Projection, cp *checkpoint, events []eventstore.Event) error {
	to := cp.position
	if len(events) > 0 {
		to = events[len(events)-1].Position
	}
	err := r.db.InTx(ctx, func(tx eventstore.Tx) error {
		if err := r.retire(ctx, tx, p, to); err != nil {
			return err
		}
		if err := r.advance(ctx, tx, *cp, to); err != nil {
			return err
		}
		if len(events) > 0 {
			if err := r.fold(ctx, tx, p, *cp, events); err != nil {
				return err
			}
		}
		if err := setState(ctx, tx, *cp, stateBuilding, stateLive); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE projection_live SET version = $1 WHERE connection = $2 AND name = $3`,
			cp.version, cp.connection, cp.name)
		return err
	})
	if err == nil {
		cp.position = to
	}
	return err
}

// retire locks the live version, unless it is beyond the position, and makes it old.
func (r *Runner) retire(ctx context.Context, tx eventstore.Tx, p Projection, to int64) error {
	old, err := r.find(ctx, tx, p.Name(), stateLive)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `UPDATE projection SET state = $1
		WHERE connection = $2 AND name = $3 AND version = $4 AND state = $5 AND position <= $6`,
		stateOld, old.connection, old.name, old.version, stateLive, to)
	if err == nil && n == 0 {
		return errBehind
	}
	return err
}
