package app

import (
	"context"
	"fmt"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/lease"
	"github.com/duolog/duolog/projections/operations"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// A page of a plan's rows is decided at once, and the next one when few commands wait: so an operation that rests, or
// is cancelled, leaves little behind it, and what was not decided yet is decided under what is in force then.
const (
	planPage   = 100
	planQueued = 400
)

// finishEvery is how often it is looked whether all writes of an operation are answered. Looking folds what is new, and
// on SQLite nobody else writes meanwhile.
const finishEvery = 250 * time.Millisecond

// keepOperations makes plans and applies them, while this process owns the connection.
func (e *engine) keepOperations(ctx context.Context, h *lease.Handle) error {
	var tidied time.Time
	return e.attend(ctx, "operations", func() error {
		if now := e.now(); now.Sub(tidied) >= tidyPlans {
			tidied = now
			if err := e.removeSpentRows(ctx, now.Add(-planRowsKept)); err != nil {
				return err
			}
		}
		return e.planChores(ctx, h)
	})
}

func (e *engine) planChores(ctx context.Context, h *lease.Handle) error {
	control := *e.control.Load()
	for _, op := range control.Operations {
		var err error
		switch {
		case !isPlanned(op):
			continue
		case op.Plan.IsZero():
			err = e.makePlan(ctx, h, op, control)
		default:
			err = (&applying{engine: e, h: h, op: op}).run(ctx)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", op.Name, err)
		}
	}
	return nil
}

// applying is a plan being applied.
type applying struct {
	*engine
	h    *lease.Handle
	op   planner.Operation
	made *operations.Plan
}

// run goes on where the planner stands, whoever had it come so far, as long as nothing stands against it.
func (a *applying) run(ctx context.Context) error {
	if end, _, err := a.ending(ctx, a.op.ID.String(), a.op.Position); end != nil || err != nil {
		return err
	}
	made, err := a.planOf(ctx, a.op)
	if err != nil {
		return err
	}
	a.made = made
	if a.op.Done == 0 {
		if ok, err := a.intact(ctx); !ok || err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		control := *a.control.Load()
		op := running(control, a.op)
		switch {
		case op == nil:
			return nil
		case op.Done >= op.Rows:
			return a.finish(ctx, control)
		case standsAgainst(control, *op, a.now()) != "":
			return nil
		}
		if free, err := a.roomy(ctx); err != nil || !free {
			return err
		}
		if err := a.page(ctx, *op); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func running(c planner.Control, op planner.Operation) *planner.Operation {
	for i := range c.Operations {
		if c.Operations[i].ID == op.ID {
			return &c.Operations[i]
		}
	}
	return nil
}

// standsAgainst says why an operation cannot go on now, empty when it can.
func standsAgainst(c planner.Control, op planner.Operation, now time.Time) string {
	window, err := settings.ParseWindow(c.Settings.Limits.BigJobs)
	switch {
	case op.Paused:
		return "it was paused"
	case c.Paused && c.Guard.Trip != nil:
		return "a guard paused the sync"
	case c.Paused:
		return "the sync is paused"
	case c.Shut:
		return "the gate is shut"
	case c.Mode == domain.ModeOff, c.Mode == domain.ModeObserve && op.Name != domain.OpMatch:
		return "the mode is " + string(c.Mode)
	case !c.Sends() && op.Name != domain.OpMatch:
		return "nothing is sent now"
	case err == nil && !window.Holds(now.In(c.Settings.Env().Zone)):
		return "it runs from " + c.Settings.Limits.BigJobs + " (limits.big_jobs)"
	}
	return ""
}

// intact checks, before the first row, that the rows are those the plan was made of.
func (a *applying) intact(ctx context.Context) (bool, error) {
	seal := operations.NewSeal()
	for n := int64(0); a.made != nil && n < a.op.Rows; {
		rows, err := operations.Rows(ctx, a.Store, a.Log, a.op.Plan.String(), n, planChunk)
		if err != nil {
			return false, err
		}
		if len(rows) == 0 {
			break
		}
		for _, r := range rows {
			if r.N < a.op.Rows { // behind those stands what is left as it is
				seal.Add(r)
			}
			n = r.N + 1
		}
	}
	if a.made != nil && a.made.Digest == seal.Sum() {
		return true, nil
	}
	return false, a.endOperation(ctx, a.h, a.op, domain.Act{
		Command: a.op.ID, Name: a.op.Name, Reason: "the rows of the plan are not those it was made of: make it anew",
	})
}

// planOf returns the plan an operation applies.
func (a *App) planOf(ctx context.Context, op planner.Operation) (*operations.Plan, error) {
	made, err := a.Operations.PlanByID(ctx, op.Plan.String())
	if err != nil || made != nil {
		return made, err
	}
	if err := a.Runner.CatchUpOf(ctx, operations.Name); err != nil {
		return nil, err
	}
	return a.Operations.PlanByID(ctx, op.Plan.String())
}

// roomy reports that few enough commands wait.
func (a *applying) roomy(ctx context.Context) (bool, error) {
	counts, err := outbox.Counts(ctx, a.Store, a.Connection)
	waiting := int64(0)
	for _, c := range counts {
		if c.State != outbox.Dead {
			waiting += c.Rows
		}
	}
	if err != nil || waiting < planQueued {
		return err == nil, err
	}
	sleep(ctx, 50*time.Millisecond)
	a.moved.ring()
	return false, nil
}

// page has the planner decide the next rows, and waits until it has taken them. A page that is there already, of an
// owner before, is not appended again; one that came in vain is, when nothing stands against it any more.
func (a *applying) page(ctx context.Context, op planner.Operation) error {
	made := a.made
	if made == nil {
		return fmt.Errorf("plan of %s: %w", op.ID, httpapi.ErrNotFound)
	}
	rows, err := operations.Rows(ctx, a.Store, a.Log, op.Plan.String(), op.Done, int(min(planPage, op.Rows-op.Done)))
	if err != nil {
		return err
	}
	if made.PutsBack() && len(rows) > 0 {
		if rows, err = a.inTurn(ctx, op, rows); err != nil || len(rows) == 0 {
			return err
		}
	}
	if len(rows) == 0 {
		return a.endOperation(ctx, a.h, op, domain.Act{Command: op.ID, Name: op.Name, Reason: "rows of the plan are missing: make it anew"})
	}
	page := domain.PlanPage{Scope: made.Scope, Operation: op.ID, Plan: op.Plan, First: op.Done, Watch: made.Watch}
	for _, r := range rows {
		page.Rows = append(page.Rows, domain.PlanRow{Contact: r.Contact, Digest: r.Digest, Back: r.What.Back})
	}
	act, err := a.act(domain.PlanApplied, streamConnection, page, httpapi.By{Actor: byItself})
	if err != nil {
		return err
	}
	act.Causation = op.Position
	act = once(act, a.Log.Vault().Blind("operation page", fmt.Sprint(op.ID, "/", op.Done, "/", op.Vain)))
	if err := a.fence(ctx, a.h, func(tx eventstore.Tx) error {
		_, err := tx.Append(ctx, a.Log, act)
		return err
	}); err != nil {
		return err
	}
	return a.until(ctx, func(c planner.Control) bool { // the page is taken, or came in vain
		now := running(c, op)
		return now == nil || now.Done != op.Done || now.Vain != op.Vain
	})
}

// finish ends an operation whose rows were all decided, once every write they led to is answered.
func (a *applying) finish(ctx context.Context, control planner.Control) error {
	c, settled, err := a.answered(ctx)
	if err != nil || !settled {
		return err
	}
	lrn := c[domain.CountLRN]
	return a.endOperation(ctx, a.h, a.op, domain.Act{Command: a.op.ID, Name: a.op.Name, Plan: a.op.Plan, Counts: map[string]int64{
		domain.CountDone: a.op.Rows,
		domain.CountCost: int64(float64(lrn)*control.Settings.Cost.LRNPerNumberUSD*micros + 0.5),
	}})
}

// answered reports, after a rest, whether every write of the operation is answered, and what it counts.
func (a *applying) answered(ctx context.Context) (counts map[string]int64, all bool, err error) {
	sleep(ctx, finishEvery)
	if err := a.Runner.CatchUpOf(ctx, operations.Name); err != nil {
		return nil, false, err
	}
	o, err := a.Operations.Get(ctx, a.op.ID.String())
	if err != nil || o == nil {
		return nil, false, err
	}
	return o.Counts, o.Counts[domain.CountDecided] <= o.Counts[domain.CountSettled], nil
}
