package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/kept"
	"github.com/duolog/duolog/eventstore/transfer"
	"github.com/duolog/duolog/projections/lease"
)

// RecoverOptions say how a database goes on that was put back to an earlier time.
type RecoverOptions struct {
	Erasures Lists
	// Anyway goes on also where no head that is kept says that anything was lost.
	Anyway   bool
	By       httpapi.By
	Progress Progress
}

// ErrNothingLost: the logs are as long as their last heads, kept outside the database, say.
var ErrNothingLost = errors.New("no log is shorter than the last signed head that is kept of it")

// Recover has a database go on that was put back to an earlier time by other means than restore. Its logs get a new
// generation and are paused, and whatever waited to be sent is taken back. One that was killed is gone on with.
func Recover(ctx context.Context, c Config, o RecoverOptions, logger *slog.Logger) (done Transferred, err error) {
	if err := c.Validate(); err != nil {
		return done, err
	}
	key, err := eventstore.LoadMasterKey(c.MasterKeyFile)
	if err != nil {
		return done, err
	}
	store, err := c.open(ctx, key)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	r := &recovering{Config: c, RecoverOptions: o, store: store, key: key, logger: logger}
	if done, err = r.run(ctx); err != nil {
		err = fmt.Errorf("recover: %w", err)
	}
	return done, err
}

// recovering is a Recover under way.
type recovering struct {
	Config
	RecoverOptions
	store  eventstore.Store
	key    eventstore.MasterKey
	logger *slog.Logger
}

// shortLog is a log that goes on from where it was put back to.
type shortLog struct {
	*App
	short bool
	what  domain.Restored
	lost  []kept.Entry
}

func (r *recovering) run(ctx context.Context) (Transferred, error) {
	done := Transferred{Key: r.key.ID()}
	state, at, err := transfer.Read(ctx, r.store)
	if err != nil {
		return done, err
	}
	if state != transfer.Recovering {
		if err := whole(ctx, r.store); err != nil {
			return done, err
		}
		at = r.now()
	}
	all, err := r.look(ctx)
	if err != nil {
		return done, err
	}
	if state != transfer.Recovering {
		if err := r.begin(ctx, all, at); err != nil {
			return done, err
		}
	}
	done.At = at
	for _, l := range all {
		head, err := l.Log.Head(ctx)
		if err != nil {
			return done, err
		}
		l.what.Generation, l.what.Kept = head.Generation, head.Position
		if err := l.takeUp(ctx, l.what, l.lost, r.By, r.Progress); err != nil {
			return done, fmt.Errorf("connection %s: %w", l.Connection, err)
		}
		done.Logs = append(done.Logs, TransferredLog{l.Connection, head.LogID.String(), head.Generation, l.what.Kept})
		done.Erased += len(l.lost)
	}
	return done, transfer.Set(ctx, r.store, transfer.Own, at)
}

// look finds what each log has lost.
func (r *recovering) look(ctx context.Context) (all []shortLog, err error) {
	names, err := logs(ctx, r.store)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		alive, err := lease.Alive(ctx, r.store, name)
		if err == nil && alive {
			err = fmt.Errorf("%w: connection %s", ErrServed, name)
		}
		if err != nil {
			return nil, err
		}
		l, err := r.lookAt(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("connection %s: %w", name, err)
		}
		all = append(all, l)
	}
	return all, nil
}

func (r *recovering) lookAt(ctx context.Context, name string) (l shortLog, err error) {
	if l.App, err = r.For(name).asIs(ctx, r.store, r.key, r.logger); err != nil {
		return l, err
	}
	head, err := l.Log.Head(ctx)
	if err != nil {
		return l, err
	}
	short, err := l.shortened(ctx)
	if err != nil {
		return l, err
	}
	l.what.Generation = nextGeneration(head.Generation, r.now())
	if l.short = short != nil; l.short {
		l.what.Lost = max(short.Head-short.Position, 0)
		l.what.Generation = nextGeneration(max(head.Generation, short.Generation), r.now())
	}
	l.lost, err = l.App.lost(ctx, r.Erasures)
	return l, err
}

// begin gives the logs another generation, at once with the note that the rest is to follow.
func (r *recovering) begin(ctx context.Context, all []shortLog, at time.Time) error {
	if lost := slices.ContainsFunc(all, func(l shortLog) bool { return l.short }); !lost && !r.Anyway {
		return ErrNothingLost
	}
	return r.store.InTx(ctx, func(tx eventstore.Tx) error {
		if err := transfer.Note(ctx, tx, transfer.Recovering, at); err != nil {
			return err
		}
		for _, l := range all {
			_, err := tx.Exec(ctx, "UPDATE log_head SET generation = $1 WHERE connection = $2", l.what.Generation, l.Connection)
			if err != nil {
				return fmt.Errorf("begin a new generation: %w", err)
			}
		}
		return nil
	})
}
