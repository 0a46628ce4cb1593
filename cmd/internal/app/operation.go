package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/catalogs"
	"github.com/duolog/duolog/projections/operations"
)

// lastRuns are the operations whose last run is told, and in whose words.
func lastRuns() [][2]string {
	all := [][2]string{{domain.OpPush, "push contact"}, {domain.OpPull, "pull contact"}}
	for _, p := range catalogs.Pulls {
		all = append(all, [2]string{catalogs.Operation(p.Name), "pull " + p.Title})
	}
	return append(all, [2]string{domain.OpMatch, "match"}, [2]string{domain.OpReconcile, "reconcile"}, [2]string{domain.OpUndo, "undo"})
}

// LastRuns tells of every operation when it was done last, in the document's words and the connection's zone.
func (a *App) LastRuns(ctx context.Context) ([]httpapi.LastRun, error) {
	if err := a.Runner.CatchUpOf(ctx, operations.Name); err != nil {
		return nil, err
	}
	return a.LastRunsFolded(ctx)
}

// LastRunsFolded is LastRuns as far as the log was folded.
func (a *App) LastRunsFolded(ctx context.Context) ([]httpapi.LastRun, error) {
	s, err := a.settingsInForce(ctx)
	if err != nil {
		return nil, err
	}
	zone := s.Env().Zone
	var out []httpapi.LastRun
	for _, w := range lastRuns() {
		o, err := a.Operations.Last(ctx, w[0])
		if err != nil {
			return nil, err
		}
		run := httpapi.LastRun{Name: w[0], Said: "Last " + w[1] + ": never"}
		if o != nil && o.EndedAt != nil {
			run.At, run.Counts = o.EndedAt, o.Counts
			run.Said = "Last " + w[1] + ": " + o.EndedAt.In(zone).Format(lastPullLayout)
		}
		out = append(out, run)
	}
	return out, nil
}

// OperationList lists operations, the latest first, with what stands against those that wait.
func (a *App) OperationList(ctx context.Context, limit int) ([]httpapi.Operation, error) {
	if err := a.Runner.CatchUpOf(ctx, operations.Name); err != nil {
		return nil, err
	}
	all, err := a.Operations.List(ctx, limit)
	if err != nil {
		return nil, err
	}
	control, _, err := a.InForce(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]httpapi.Operation, 0, len(all))
	for _, o := range all {
		out = append(out, a.operationShown(control, o))
	}
	return out, nil
}

// operationShown adds to an operation how far it is and what stands against it.
func (a *App) operationShown(c planner.Control, o operations.Operation) httpapi.Operation {
	out := httpapi.Operation{Operation: o}
	for _, op := range c.Operations {
		if op.ID.String() == o.ID && !op.Plan.IsZero() {
			out.Done, out.Waits = op.Done, standsAgainst(c, op, a.now())
		}
	}
	if o.State == operations.Done {
		out.Done = o.Rows
	}
	return out
}

// Operation returns one by its id, or the one that runs when id is empty.
func (a *App) Operation(ctx context.Context, id string) (httpapi.Operation, error) {
	if err := a.Runner.CatchUpOf(ctx, operations.Name); err != nil {
		return httpapi.Operation{}, err
	}
	o, err := a.operation(ctx, strings.ToUpper(id))
	if err != nil {
		return httpapi.Operation{}, err
	}
	control, _, err := a.InForce(ctx)
	if err != nil {
		return httpapi.Operation{}, err
	}
	out := a.operationShown(control, *o)
	out.Skipped, err = a.Operations.Skipped(ctx, o.ID, "", maxSkipped)
	return out, err
}

// maxSkipped is how many contacts that were skipped are listed at once.
const maxSkipped = 1000

func (a *App) operation(ctx context.Context, id string) (*operations.Operation, error) {
	if id != "" {
		o, err := a.Operations.Get(ctx, id)
		if err == nil && o == nil {
			err = fmt.Errorf("there is no such operation: %w", httpapi.ErrNotFound)
		}
		return o, err
	}
	all, err := a.Operations.Running(ctx)
	switch {
	case err != nil:
		return nil, err
	case len(all) == 0:
		return nil, fmt.Errorf("no operation is under way: %w", httpapi.ErrNotFound)
	case len(all) > 1:
		return nil, fmt.Errorf("%w: several operations are under way; name one by its id (duolog operations list)", httpapi.ErrBadInput)
	}
	return &all[0], nil
}

// PauseOperation has it rest: what it decided is still sent, and nothing further is decided.
func (a *App) PauseOperation(ctx context.Context, id string, by httpapi.By) (httpapi.Done, error) {
	return a.steerOperation(ctx, id, domain.OperationPaused, by)
}

// ResumeOperation has it go on, under what is in force now.
func (a *App) ResumeOperation(ctx context.Context, id string, by httpapi.By) (httpapi.Done, error) {
	return a.steerOperation(ctx, id, domain.OperationResumed, by)
}

// CancelOperation ends it: what it decided is still sent, and the rest is left as it is.
func (a *App) CancelOperation(ctx context.Context, id string, by httpapi.By) (httpapi.Done, error) {
	return a.steerOperation(ctx, id, domain.OperationCancelled, by)
}

func (a *App) steerOperation(ctx context.Context, id, kind string, by httpapi.By) (httpapi.Done, error) {
	o, err := a.Operation(ctx, id)
	if err != nil {
		return httpapi.Done{}, err
	}
	if o.EndedAt != nil {
		return httpapi.Done{}, fmt.Errorf("%w: it has ended (%s): there is nothing left to steer", httpapi.ErrConflict, o.State)
	}
	if kind != domain.OperationCancelled && o.Plan == "" {
		return httpapi.Done{}, fmt.Errorf("%w: only one that applies a plan can rest; this one can be cancelled", httpapi.ErrBadInput)
	}
	command, err := ulid.ParseStrict(o.ID)
	if err != nil {
		return httpapi.Done{}, fmt.Errorf("id of the operation: %w", err)
	}
	return a.Act(ctx, kind, domain.Act{Command: command, Name: o.Name, Reason: by.Reason}, by)
}

// progress tells how an operation goes: rows done of all, and what it waits for.
type progress func(done, total int64, what string)

// Carry has an operation that was started carried out, by the owner of the connection or, when nobody owns it, by this
// process, and waits for its end.
func (a *App) Carry(ctx context.Context, started httpapi.Done, tell func(done, total int64, what string)) (httpapi.Operation, error) {
	e, err := a.engine(ctx)
	if err != nil {
		return httpapi.Operation{}, err
	}
	began := time.Now()
	err = alongside(ctx, e.keep, func(ctx context.Context, worker <-chan error) error { // in line behind an owner that is running
		_, err := a.awaitEnd(ctx, started.ID, started.Position, worker, "", func(int64, string) {
			if tell != nil {
				a.tellProgress(ctx, started.ID, time.Since(began), tell)
			}
		})
		return err
	})
	if err != nil {
		return httpapi.Operation{}, err
	}
	return a.Operation(ctx, started.ID)
}

// alongside has work done as long as do lasts, which hears of its end, and returns once both have ended.
func alongside(ctx context.Context, work func(context.Context) error, do func(context.Context, <-chan error) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	worker := make(chan error, 1)
	go func() {
		defer close(worker)
		worker <- work(ctx)
	}()
	err := do(ctx, worker)
	cancel()
	if last := ended(ctx, <-worker); err == nil {
		err = last
	}
	return err
}

func (a *App) tellProgress(ctx context.Context, id string, waited time.Duration, tell progress) {
	control, _, err := a.InForce(ctx)
	if err != nil {
		return
	}
	for _, op := range control.Operations {
		switch {
		case op.ID.String() != id:
		case op.Plan.IsZero():
			tell(int64(waited.Seconds()), 0, "reading and planning")
		default:
			tell(op.Done, op.Rows, standsAgainst(control, op, a.now()))
		}
	}
}
