package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/catalogs"
	"github.com/duolog/duolog/projections/lease"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// opReconcile is the name of the operation that sweeps both sides.
const opReconcile = "reconcile"

// housekeeping does what the owner does besides planning and sending: it prepares the systems, keeps the gate, takes
// the baseline, takes back what waits when the sync stops, and carries out operations. What fails is tried again.
func (e *engine) housekeeping(ctx context.Context, gate *gatekeeper) error {
	pause := firstPause
	for ctx.Err() == nil {
		moved := e.moved.heard()
		if err := e.chores(ctx, gate, *e.control.Load()); err != nil && ctx.Err() == nil {
			e.Logger.Warn("will be tried again", slog.Any("error", err))
			sleep(ctx, pause)
			pause = min(2*pause, 10*time.Second)
			continue
		}
		pause = firstPause
		rest(ctx, moved, time.Second)
	}
	return ctx.Err()
}

func (e *engine) chores(ctx context.Context, gate *gatekeeper, control planner.Control) error {
	if control.Stopped() {
		if err := e.withdraw(ctx, gate.lease, outbox.WithdrawWaiting); err != nil {
			return err
		}
	}
	if silent(control) {
		if err := e.withdraw(ctx, gate.lease, outbox.WithdrawWrites); err != nil {
			return err
		}
	}
	if at := since(control); at > 0 {
		if err := e.withdraw(ctx, gate.lease, outbox.WithdrawDecidedBefore(at)); err != nil {
			return err
		}
	}
	if control.Mode == domain.ModeOff || control.Settings.Version == 0 {
		return nil // nothing is read or sent
	}
	if err := gate.keep(ctx, control); err != nil {
		return err
	}
	if control = *e.control.Load(); !gate.checked(control) {
		return nil
	}
	if !control.Baseline && (control.Restored || !control.Stopped()) { // once restored, a person looks at what was found, then resumes
		if err := e.baseline(ctx); err != nil {
			return err
		}
	}
	for _, op := range control.Operations {
		if _, pull := catalogs.Pull(op.Name); pull || isPlanned(op) || op.Name == opTest {
			continue // keepCatalogs, keepOperations and keepTests do them: a baseline of hours must not hold them up
		}
		if err := e.operate(ctx, op); err != nil {
			return err
		}
	}
	return nil
}

// since is the position before which no write that waits may have been decided: a pilot begins with the changes from
// then on, and what was on its way is planned again, under its filter.
func since(c planner.Control) int64 {
	if c.Mode != domain.ModePilot {
		return 0
	}
	return c.ModeAt
}

// baseline sweeps both sides once; until its act is in the log, creates in HubSpot are preceded by look-ups.
func (e *engine) baseline(ctx context.Context) error {
	sum, err := e.sweep(ctx, nil)
	if err != nil {
		return fmt.Errorf("baseline: %w", err)
	}
	if _, err := e.Act(ctx, domain.BaselineCompleted, domain.Act{Counts: sum.counts()}, duolog); err != nil {
		return err
	}
	e.Logger.Info("baseline complete", slog.Int64("scanned", sum.Scanned), slog.Int64("found", sum.Found))
	return e.until(ctx, func(c planner.Control) bool { return c.Baseline })
}

// until waits for the planner to reach a state.
func (e *engine) until(ctx context.Context, reached func(planner.Control) bool) error {
	for {
		moved := e.moved.heard()
		if reached(*e.control.Load()) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		}
	}
}

// operate carries out an operation a person started, and says how it ended.
func (e *engine) operate(ctx context.Context, op planner.Operation) error {
	end := domain.Act{Command: op.ID, Name: op.Name}
	if op.Name == opReconcile {
		sum, err := e.sweep(ctx, nil)
		if err != nil {
			return fmt.Errorf("reconcile: %w", err)
		}
		end.Counts = sum.counts()
	} else {
		end.Reason = "not known to this version"
	}
	if _, err := e.Act(ctx, domain.OperationFinished, end, duolog); err != nil {
		return err
	}
	return e.until(ctx, func(c planner.Control) bool {
		for _, o := range c.Operations {
			if o.ID == op.ID {
				return false
			}
		}
		return true
	})
}

// withdraw takes back what waits to be sent while the sync stands still, or only observes: it is planned from the
// present when the sync opens, so no value that has grown old in the queue goes out. It goes page by page, and rests as
// long as a page took: on SQLite nobody else would write meanwhile, and a stop must get through.
func (e *engine) withdraw(ctx context.Context, h *lease.Handle,
	waiting func(context.Context, eventstore.Tx, string) ([]outbox.Entry, error),
) error {
	for ctx.Err() == nil {
		began := time.Now()
		n, err := e.withdrawPage(ctx, h, waiting)
		if err != nil || n < outbox.WithdrawPage {
			return err
		}
		sleep(ctx, time.Since(began))
	}
	return ctx.Err()
}

func (e *engine) withdrawPage(ctx context.Context, h *lease.Handle,
	waiting func(context.Context, eventstore.Tx, string) ([]outbox.Entry, error),
) (n int, err error) {
	err = e.Store.InTx(ctx, func(tx eventstore.Tx) error {
		if err := h.Fence(ctx, tx); err != nil {
			return err
		}
		rows, err := waiting(ctx, tx, e.Connection)
		if n = len(rows); err != nil || n == 0 {
			return err
		}
		events := make([]eventstore.NewEvent, n)
		for i, r := range rows {
			events[i], err = outbox.Outcome(e.Log.Vault(), r.Row, domain.Outcome{
				Result: domain.ResultWithdrawn, Reason: "sync stopped", Attempts: r.Attempts,
			}, e.NewID())
			if err != nil {
				return err
			}
		}
		_, err = tx.Append(ctx, e.Log, events...)
		return err
	})
	return n, err
}
