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

// Rebuild folds the log from its beginning into a new version beside the live one, and swaps in one transaction when the
// new one has caught up; the old one is kept for Rollback. A rebuild that was stopped, here or in another process, goes
// on from what it wrote last, which is half a minute back at most, and one that was paused goes on. progress, when not
// nil, hears the position reached and the log's end after each page. ErrPaused and ErrCancelled when somebody said so
// meanwhile.
func (r *Runner) Rebuild(ctx context.Context, name string, progress func(done, total int64)) error {
	p, err := r.named(name)
	if err != nil {
		return err
	}
	if err := r.task(p).Release(ctx, false); err != nil {
		return fmt.Errorf("rebuild %s: %w", name, err)
	}
	return r.rebuild(ctx, p, progress)
}

// rebuild is Rebuild by nobody's wish: one that is paused stays so.
func (r *Runner) rebuild(ctx context.Context, p Projection, progress func(done, total int64)) error {
	if err := r.removeKept(ctx, p, r.now()); err != nil {
		return fmt.Errorf("remove old rows of %s: %w", p.Name(), err)
	}
	if err := r.fill(ctx, p, progress); err != nil {
		return fmt.Errorf("rebuild %s: %w", p.Name(), err)
	}
	return nil
}

// outlook keeps an eye on the log while a version is filled, and on what a person wants of the filling.
type outlook struct {
	r         *Runner
	task      Task
	version   int64
	progress  func(done, total int64)
	told      int64
	beat      int64 // last sign of life, µs
	head      int64
	appending bool  // the log grew since the look before
	shared    *feed // pages read together with others; nil: none, or used
}

func (r *Runner) look(p Projection, cp checkpoint, progress func(done, total int64)) *outlook {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	return &outlook{r: r, task: r.task(p), version: cp.version, progress: progress, told: cp.position, beat: r.now()}
}

// tell looks where the log ends and whether to go on, and tells how far the filling has come.
func (o *outlook) tell(ctx context.Context, at int64) error {
	if err := o.see(ctx, at); err != nil {
		return err
	}
	if o.r.now()-o.beat < Beat.Microseconds() {
		return nil
	}
	return o.live(ctx, at)
}

// see looks where the log ends, and tells how far the filling has come.
func (o *outlook) see(ctx context.Context, at int64) error {
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

// live gives a sign of life. ErrPaused when the filling is to rest, errFenced when it was ended.
func (o *outlook) live(ctx context.Context, at int64) error {
	gone, err := o.task.Beat(ctx, o.version, at)
	if err == nil && gone {
		return errFenced
	}
	o.beat = o.r.now()
	return err
}

// pages returns those behind one position and up to another, or not quite so far when they are read with others.
func (o *outlook) pages(ctx context.Context, p Projection, after, until int64) *feed {
	if f := o.shared; f != nil {
		o.shared = nil
		if f.after == after && f.until <= until {
			return f
		}
		f.close()
	}
	return readAhead(ctx, o.r.log, after, until, o.r.page, p)[0]
}

// fill makes a new version, or takes the one begun, brings it to the end of the log and swaps.
func (r *Runner) fill(ctx context.Context, p Projection, progress func(done, total int64)) error {
	cp, err := r.building(ctx, p, false)
	if err != nil {
		return err
	}
	return r.finish(ctx, p, cp, r.look(p, cp, progress))
}

// finish brings a version to the end of the log and swaps.
func (r *Runner) finish(ctx context.Context, p Projection, cp checkpoint, look *outlook) error {
	if err := look.see(ctx, cp.position); err != nil {
		return err
	}
	for {
		done, err := r.fillOn(ctx, p, &cp, look)
		switch {
		case done:
			return look.see(ctx, cp.position)
		case errors.Is(err, errFenced):
			if done, err = r.refind(ctx, p, &cp, look); done {
				return nil
			}
		case err == nil:
			err = look.tell(ctx, cp.position)
		}
		if err != nil && !errors.Is(err, errFenced) {
			return errors.Join(err, look.task.Rest(ctx, cp.version))
		}
	}
}

// refind looks where a version stands that another process moved; done when that one swapped it in.
func (r *Runner) refind(ctx context.Context, p Projection, cp *checkpoint, look *outlook) (done bool, err error) {
	ended := look.live(ctx, cp.position) // before the versions are read: what has ended stands there for good
	if ended != nil && !errors.Is(ended, errFenced) {
		return false, ended
	}
	all, err := r.versions(ctx, r.db, p.Name())
	if err != nil {
		return false, err
	}
	for _, now := range all {
		switch {
		case now.version != cp.version:
		case now.state == stateLive:
			return true, nil
		case now.state == cp.state && ended == nil:
			*cp = now
			return false, nil
		}
	}
	return false, ErrCancelled
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
func (r *Runner) building(ctx context.Context, p Projection, diff bool) (checkpoint, error) {
	if _, err := r.live(ctx, p); err != nil {
		return checkpoint{}, err
	}
	err := r.db.InTx(ctx, func(tx eventstore.Tx) error {
		all, err := r.versions(ctx, tx, p.Name())
		if err != nil {
			return err
		}
		for _, cp := range all {
			if cp.fold > int64(p.Fold()) && cp.state != stateOld {
				return ErrNewer
			}
			if cp.state != stateBuilding && cp.state != stateReturning {
				continue
			}
			if cp.fold == int64(p.Fold()) && cp.state == stateBuilding {
				return r.task(p).Start(ctx, tx, cp.version, cp.position, diff)
			}
			if err := setState(ctx, tx, cp, cp.state, stateOld); err != nil {
				return err
			}
			if _, err := r.task(p).End(ctx, tx, cp.version, false); err != nil {
				return err
			}
		}
		next := all[len(all)-1].version + 1
		if err := r.insert(ctx, tx, p, next, stateBuilding); err != nil {
			return err
		}
		return r.task(p).Start(ctx, tx, next, 0, diff)
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
		if err := setState(ctx, tx, *cp, cp.state, stateLive); err != nil {
			return err
		}
		if going, err := r.task(p).End(ctx, tx, cp.version, true); err != nil || !going {
			return errors.Join(err, errFenced)
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

// retire locks the live version, unless it is beyond the position, and keeps it for Rollback.
func (r *Runner) retire(ctx context.Context, tx eventstore.Tx, p Projection, to int64) error {
	old, err := r.find(ctx, tx, p.Name(), stateLive)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `UPDATE projection SET state = $1, polled_at = $2
		WHERE connection = $3 AND name = $4 AND version = $5 AND state = $6 AND position <= $7`,
		stateKept, r.now(), old.connection, old.name, old.version, stateLive, to)
	if err == nil && n == 0 {
		return errBehind
	}
	return err
}

func (r *Runner) task(p Projection) Task {
	return Task{DB: r.db, Connection: r.log.Connection(), Name: p.Name(), Now: r.now}
}
