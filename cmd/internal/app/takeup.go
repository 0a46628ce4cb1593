package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/kept"
	"github.com/duolog/duolog/projections/outbound"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

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
