package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/kept"
	"github.com/duolog/duolog/eventstore/transfer"
	"github.com/duolog/duolog/projections/lease"
	"github.com/duolog/duolog/projections/outbound"
	"github.com/duolog/duolog/projections/outbound/outbox"
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

// takeUp has a log that was put back to an earlier time go on, in its new generation: it says so in the log, pauses, and
// takes back whatever waited to be sent, for what became of that is not known. Erasures that it has forgotten are made
// again. Nobody else works on the log meanwhile. Each step may be made again.
func (a *App) takeUp(ctx context.Context, what domain.Restored, lost []kept.Entry, by httpapi.By, p Progress) error {
	if err := outbound.Rebuild(ctx, a.Store, a.Log, p.of("rebuild planner state")); err != nil {
		return err
	}
	if err := a.tellRestored(ctx, what, by); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{a.planAll, a.discardWaiting} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	for _, e := range lost {
		if err := a.eraseAgain(ctx, e); err != nil {
			return err
		}
	}
	if err := errors.Join(a.planAll(ctx), a.CatchUp(ctx)); err != nil {
		return err
	}
	return a.forgotten(ctx)
}

// tellRestored appends what happened, once, and the pause that a person ends.
func (a *App) tellRestored(ctx context.Context, what domain.Restored, by httpapi.By) error {
	since := "an earlier time"
	if what.TakenAt > 0 {
		since = time.UnixMicro(what.TakenAt).UTC().Format(time.RFC3339)
	}
	restored, err := a.act(domain.LogRestored, streamConnection, domain.Act{Reason: by.Reason, Restored: &what}, by)
	if err != nil {
		return err
	}
	paused, err := a.act(domain.SyncPaused, streamConnection, domain.Act{Reason: "the log was put back to " + since}, by)
	if err != nil {
		return err
	}
	generation := strconv.FormatInt(what.Generation, 10)
	restored.Key = a.Log.Vault().Blind("restored", generation)
	paused.Key = a.Log.Vault().Blind("restored, paused", generation)
	_, err = a.append(ctx, restored, paused)
	return err
}

// planAll decides on what the log holds; nothing is sent.
func (a *App) planAll(ctx context.Context) error {
	p := outbound.New(outbound.Config{DB: a.Store, Log: a.Log, Logger: a.Logger})
	for {
		n, err := p.Step(ctx)
		if err != nil {
			return fmt.Errorf("plan: %w", err)
		}
		if n == 0 {
			return nil
		}
	}
}

// discardWaiting takes back every command: its contact is planned from the present, once a person resumes.
func (a *App) discardWaiting(ctx context.Context) error {
	for {
		n := 0
		err := a.Store.InTx(ctx, func(tx eventstore.Tx) error {
			rows, err := outbox.WithdrawAll(ctx, tx, a.Connection)
			if n = len(rows); err != nil || n == 0 {
				return err
			}
			events := make([]eventstore.NewEvent, n)
			for i, r := range rows {
				events[i], err = outbox.Outcome(a.Log.Vault(), r.Row, domain.Outcome{
					Result: domain.ResultWithdrawn, Reason: "the log was restored", Attempts: r.Attempts,
				}, a.NewID())
				if err != nil {
					return err
				}
				events[i].Subject = eventstore.SubjectLog // it holds no value, and the record's key may be gone
			}
			_, err = tx.Append(ctx, a.Log, events...)
			return err
		})
		if err != nil || n < outbox.WithdrawPage {
			return err
		}
	}
}
