package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// writeEvery is how often a rebuild writes what it folded, at the latest: so much is to be done again when it is
// killed.
const writeEvery = 30 * time.Second

// Rows a SQLite rebuild writes in one transaction, about: while others append, they wait for it.
const (
	rowsAlone  = 5000
	rowsBeside = 500
)

// faulty is a run of events that cannot be folded together, because of one of them.
type faulty struct{ after, to int64 }

func (f faulty) Error() string {
	return fmt.Sprintf("events %d to %d cannot be folded", f.after+1, f.to)
}

// bulk brings a version being filled to the position, many pages in a transaction. Pages that hold an event at fault
// go one by one, so that it is found and parked.
func (r *Runner) bulk(
	ctx context.Context, p Projection, cp *checkpoint, until int64, look *outlook,
) error {
	var bad *faulty
	for cp.position < until {
		if bad != nil && bad.after == cp.position {
			if err := r.onePageATime(ctx, p, cp, bad.to, look); err != nil {
				return err
			}
			bad = nil
			continue
		}
		goal := until
		if bad != nil { // what came before it was folded, and lost with it
			goal = bad.after
		}
		err := r.bulkTo(ctx, p, cp, goal, look)
		if err == nil {
			continue
		}
		if found := (faulty{}); errors.As(err, &found) {
			bad = &found
		} else {
			return err
		}
	}
	return nil
}

// onePageATime applies events as a follower does.
func (r *Runner) onePageATime(
	ctx context.Context, p Projection, cp *checkpoint, to int64, look *outlook,
) error {
	for cp.position < to {
		events, err := r.log.Read(ctx, cp.position, int(min(int64(r.page), to-cp.position)))
		if err != nil || len(events) == 0 {
			return errors.Join(err, ctx.Err())
		}
		if err := r.apply(ctx, p, cp, events); err != nil {
			return err
		}
		if err := look.tell(ctx, cp.position); err != nil {
			return err
		}
	}
	return nil
}

// filling is a run of bulkTo.
type filling struct {
	*Runner
	p      Projection
	cp     *checkpoint
	folder Folder
	held   map[string]bool // keys with a parked event
	late   []parkedRow     // to be parked
	at     int64           // folded to
	wrote  time.Time
	look   *outlook
}

// bulkTo folds the events up to the position with one folder. The error is faulty when the events are at fault.
func (r *Runner) bulkTo(
	ctx context.Context, p Projection, cp *checkpoint, to int64, look *outlook,
) error {
	held, err := parkedKeys(ctx, r.db, *cp)
	if err != nil {
		return err
	}
	f := &filling{Runner: r, p: p, cp: cp, held: held, at: cp.position, wrote: time.Now(), look: look, folder: p.Open(Version{
		Connection: cp.connection, Number: cp.version, Vault: r.log.Vault(), Empty: cp.position == 0, Memory: r.memory,
	})}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	pages := look.pages(ctx, p, cp.position, to)
	defer pages.close()
	for {
		pg, err := pages.next(ctx, func() error { return look.tell(ctx, f.at) })
		if err != nil {
			return f.leave(ctx, err)
		}
		if pg == nil {
			return f.write(ctx)
		}
		if err := f.take(ctx, pg); err != nil {
			return err
		}
		if f.due() {
			if err := f.write(ctx); err != nil {
				return err
			}
		}
		if err := look.tell(ctx, f.at); err != nil {
			return f.leave(ctx, err)
		}
	}
}

// leave writes what a filling that is to rest has folded.
func (f *filling) leave(ctx context.Context, err error) error {
	if errors.Is(err, ErrPaused) {
		return errors.Join(f.write(ctx), err)
	}
	return err
}

// take folds a page.
func (f *filling) take(ctx context.Context, pg *part) error {
	err := pg.err
	if err == nil {
		var ready []Input
		var late []parkedRow
		ready, late = behind(f.p, f.held, pg.inputs)
		if f.late = append(f.late, late...); len(ready) > 0 {
			err = safely(func() error { return f.folder.Fold(ctx, f.db, ready) })
		}
	}
	switch {
	case err == nil:
		f.at = pg.to
		return nil
	case notTheirFault(ctx, err):
		return err
	}
	return faulty{f.at, pg.to}
}

// due reports that it is time to write.
func (f *filling) due() bool {
	rows, full := f.folder.Waiting()
	if f.db.Backend() == "sqlite" {
		limit := rowsAlone
		if f.look.appending {
			limit = rowsBeside
		}
		full = full || rows >= limit
	}
	return full || time.Since(f.wrote) >= writeEvery
}

// write commits what was folded, and the checkpoint with it.
func (f *filling) write(ctx context.Context) error {
	if f.at == f.cp.position {
		return nil
	}
	began := time.Now()
	err := f.db.InTx(ctx, func(tx eventstore.Tx) error {
		if err := f.advance(ctx, tx, *f.cp, f.at); err != nil {
			return err
		}
		if err := f.insertParked(ctx, tx, *f.cp, f.late); err != nil {
			return err
		}
		return safely(func() error { return f.folder.Write(ctx, tx) })
	})
	if err != nil {
		if notTheirFault(ctx, err) {
			return err
		}
		return faulty{f.cp.position, f.at}
	}
	f.cp.position, f.late, f.wrote = f.at, nil, time.Now()
	f.folder.Written()
	f.giveWay(ctx, time.Since(began), f.look.appending)
	return nil
}
