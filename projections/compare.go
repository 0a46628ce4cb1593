package projections

import (
	"context"
	"errors"
	"fmt"

	"github.com/duolog/duolog/eventstore"
)

// errMoved: the live version moved on before both could be read at one position.
var errMoved = errors.New("live version moved on")

// Compare fills a new version, or the one begun, to where the live one stands, and compares their rows there. The live
// one goes on being read and followed meanwhile. The new one rests then: Rebuild swaps it in, Cancel drops it.
// ErrOtherFold when the one begun is beyond a live version that this program cannot catch up.
func (r *Runner) Compare(ctx context.Context, name string, progress func(done, total int64)) (Diff, error) {
	p, err := r.named(name)
	if err != nil {
		return Diff{}, err
	}
	if err := r.task(p).Release(ctx, true); err != nil {
		return Diff{}, err
	}
	if err := r.removeKept(ctx, p, r.now()); err != nil {
		return Diff{}, fmt.Errorf("remove old rows of %s: %w", name, err)
	}
	cp, err := r.building(ctx, p, true)
	if err != nil {
		return Diff{}, fmt.Errorf("rebuild %s: %w", name, err)
	}
	d, err := r.compareAt(ctx, p, cp, r.look(p, cp, progress))
	if err != nil {
		return d, errors.Join(fmt.Errorf("compare %s: %w", name, err), r.task(p).Rest(ctx, cp.version))
	}
	return d, r.task(p).Pause(ctx)
}

// compareAt brings both versions to one position and compares them, again when the live one moved on between.
func (r *Runner) compareAt(ctx context.Context, p Projection, cp checkpoint, look *outlook) (Diff, error) {
	for {
		live, err := r.live(ctx, p)
		if err != nil {
			return Diff{}, err
		}
		if cp, err = r.find(ctx, r.db, p.Name(), stateBuilding); errors.Is(err, errNone) {
			err = ErrCancelled
		}
		if err != nil {
			return Diff{}, err
		}
		if live.position < cp.position {
			if live.fold != int64(p.Fold()) {
				return Diff{}, ErrOtherFold
			}
			if _, err := r.catchUp(ctx, p); err != nil {
				return Diff{}, err
			}
			continue
		}
		err = r.bulk(ctx, p, &cp, live.position, look)
		if errors.Is(err, errFenced) {
			continue
		}
		if err != nil {
			return Diff{}, err
		}
		d, err := r.diff(ctx, p)
		if !errors.Is(err, errMoved) {
			return d, err
		}
	}
}

// diff compares the version that is filled with the live one in a snapshot in which both stand at one position, or none: errMoved.
func (r *Runner) diff(ctx context.Context, p Projection) (d Diff, err error) {
	err = r.db.ReadTx(ctx, func(q eventstore.Querier) error {
		live, err := r.find(ctx, q, p.Name(), stateLive)
		if err != nil {
			return err
		}
		cp, err := r.find(ctx, q, p.Name(), stateBuilding)
		if errors.Is(err, errNone) || err == nil && live.position != cp.position {
			err = errMoved
		}
		if err != nil {
			return err
		}
		d = Diff{Projection: p.Name(), Live: live.version, Version: cp.version, Position: cp.position}
		for _, t := range p.Tables() {
			one, err := t.Compare(ctx, q, r.log.Vault(), cp.connection, live.version, cp.version)
			if err != nil {
				return err
			}
			d.Tables = append(d.Tables, one)
		}
		return nil
	})
	return d, err
}
