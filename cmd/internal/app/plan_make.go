package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/lease"
	"github.com/duolog/duolog/projections/operations"
	"github.com/duolog/duolog/projections/outbound"
)

// planChunk is how many rows of a plan one transaction stores.
const planChunk = 500

// makePlan brings in what is not known yet, works out what the operation would do, and stores that. One that cannot be
// made ends with the reason.
func (e *engine) makePlan(ctx context.Context, h *lease.Handle, op planner.Operation, control planner.Control) error {
	if !control.Baseline && !control.Stopped() {
		return nil // the first scan of both sides is on its way
	}
	if end, _, err := e.ending(ctx, op.ID.String(), op.Position); end != nil || err != nil {
		return err
	}
	p := &planning{engine: e, h: h, op: op, id: domain.DeriveID(op.ID, "plan", "", 0), seal: operations.NewSeal()}
	err := p.run(ctx, control)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil, errors.Is(err, eventstore.ErrUnavailable), errors.Is(err, lease.ErrLost), errors.Is(err, outbound.ErrMoved):
		return err // it begins again when that is over
	}
	return p.end(ctx, domain.Act{Command: op.ID, Name: op.Name, Reason: err.Error()})
}

// planning is a plan in the making.
type planning struct {
	*engine
	h    *lease.Handle
	op   planner.Operation
	id   ulid.ULID
	tell estimate
	rows []operations.Row
	seal operations.Seal
	plan domain.Plan
	// later are rows that come behind all others, and left those that are told and never applied.
	later, left []operations.Row
}

func (p *planning) run(ctx context.Context, control planner.Control) error {
	if err := plannable(control); err != nil {
		return err
	}
	if made, err := p.made(ctx); made || err != nil {
		return err
	}
	scanned, err := p.bringIn(ctx)
	if err != nil {
		return err
	}
	if err := p.forget(ctx); err != nil { // of a process that was making it before
		return err
	}
	spec := *p.op.Spec
	p.plan = domain.Plan{PlanSpec: spec, Operation: p.op.ID, Settings: control.Settings.Version}
	p.tell = newEstimate(spec)
	now, through, err := p.previews(ctx, spec)
	if err != nil {
		return err
	}
	if err := p.flush(ctx); err != nil {
		return err
	}
	p.tell.price(&p.plan, now.Settings)
	p.plan.Settings, p.plan.Through, p.plan.Digest, p.plan.Watch = now.Settings.Version, through, p.seal.Sum(), outbound.Watch(now.Settings)
	if err := p.publish(ctx); err != nil {
		return err
	}
	return p.end(ctx, domain.Act{Command: p.op.ID, Name: p.op.Name, Plan: p.id, Counts: map[string]int64{
		"scanned": scanned, domain.CountRows: p.plan.Rows,
	}})
}

// made ends an operation whose plan was made by an owner before, who could not say so any more.
func (p *planning) made(ctx context.Context) (bool, error) {
	if err := p.Runner.CatchUpOf(ctx, operations.Name); err != nil {
		return false, err
	}
	made, err := p.Operations.PlanByID(ctx, p.id.String())
	if err != nil || made == nil {
		return false, err
	}
	return true, p.end(ctx, domain.Act{
		Command: p.op.ID, Name: p.op.Name, Plan: p.id, Counts: map[string]int64{domain.CountRows: made.Rows},
	})
}

// plannable says why no plan can be made now, nil when one can.
func plannable(c planner.Control) error {
	switch {
	case c.Settings.Version == 0:
		return errors.New("there are no settings yet: start duolog serve once, or apply a file: duolog settings apply FILE")
	case c.Mode == domain.ModeOff:
		return errors.New("the mode is off, and nothing is read then; mode observe reads and sends nothing")
	case c.Shut:
		return errors.New("the gate is shut: the mapping does not fit both systems; duolog doctor says where, and how to mend it")
	case !c.Baseline:
		return errors.New("both sides were not scanned yet: let the sync run until duolog status shows its contacts")
	}
	return nil
}

// bringIn reads what is not known yet: HubSpot's list, which tells who is there, and for a reconcile what Aloware shows
// of the numbers known. It waits until the planner has taken all of it in.
func (p *planning) bringIn(ctx context.Context) (scanned int64, err error) {
	spec := *p.op.Spec
	switch {
	case spec.Known:
	case spec.Name == domain.OpReconcile:
		sum, err := p.sweep(ctx, nil)
		if err != nil {
			return 0, err
		}
		scanned = sum.Scanned
	default:
		if scanned, err = p.scan(ctx); err != nil {
			return 0, err
		}
	}
	head, err := p.Log.Head(ctx)
	if err != nil {
		return scanned, err
	}
	return scanned, p.planned(ctx, head.Position)
}

// scan reads HubSpot's list, which has no end at 10,000 as searches have, and appends what differs from what is known.
func (p *planning) scan(ctx context.Context) (int64, error) {
	s := &sweep{engine: p.engine, settings: p.control.Load().Settings}
	err := s.systems[domain.HubSpot].Scan(ctx, s.settings.ReadProperties(domain.HubSpot), func(page []adapters.Snapshot) error {
		s.sum.Scanned += int64(len(page))
		return s.append(ctx, page)
	})
	if err != nil {
		return 0, fmt.Errorf("scan HubSpot: %w", err)
	}
	return s.sum.Scanned, nil
}

// planned waits until the planner has come to a position.
func (e *engine) planned(ctx context.Context, position int64) error {
	for {
		_, at, err := e.Control(ctx)
		if err != nil || at >= position {
			return err
		}
		sleep(ctx, 20*time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// previews works the rows out, contact by contact.
func (p *planning) previews(ctx context.Context, spec domain.PlanSpec) (planner.Control, int64, error) {
	if spec.PutsBack() {
		return p.undo(ctx, spec)
	}
	return outbound.EachPreview(ctx, p.Store, p.Log, spec, p.now().UnixMicro(), func(v outbound.Previewed) error {
		row, ok := p.tell.take(v)
		if !ok {
			return nil
		}
		return p.add(ctx, row)
	})
}

// add adds a row to the plan.
func (p *planning) add(ctx context.Context, row operations.Row) error {
	row.N = p.plan.Rows
	p.plan.Rows++
	p.seal.Add(row)
	return p.store(ctx, row)
}

func (p *planning) store(ctx context.Context, row operations.Row) error {
	if p.rows = append(p.rows, row); len(p.rows) < planChunk {
		return nil
	}
	return p.flush(ctx)
}

// flush stores the rows that wait. On SQLite nobody else writes meanwhile, so it rests as long as that took.
func (p *planning) flush(ctx context.Context) error {
	if len(p.rows) == 0 {
		return nil
	}
	began := time.Now()
	var subjects []string
	for _, r := range p.rows {
		if r.Subject != "" {
			subjects = append(subjects, r.Subject)
		}
	}
	if err := p.Log.Vault().Prefetch(ctx, subjects...); err != nil {
		return err
	}
	err := p.fenced(ctx, func(tx eventstore.Tx) error { return operations.InsertRows(ctx, tx, p.Log, p.id, p.rows) })
	p.rows = nil
	if err == nil && p.Store.Backend() == "sqlite" {
		sleep(ctx, time.Since(began))
	}
	return err
}

// forget removes the rows of a plan that was never made.
func (p *planning) forget(ctx context.Context) error { return p.forgetRows(ctx, p.id) }

func (a *App) forgetRows(ctx context.Context, plan ulid.ULID) error {
	for {
		n, err := operations.DeleteRows(ctx, a.Store, a.Connection, plan, planChunk)
		if err != nil || n < planChunk {
			return err
		}
	}
}

// publish appends the act that makes the plan, under the next free number.
func (p *planning) publish(ctx context.Context) error {
	if err := p.Runner.CatchUpOf(ctx, operations.Name); err != nil {
		return err
	}
	last, err := p.Operations.Plans(ctx, 1)
	if err != nil {
		return err
	}
	for p.plan.Number = 1; ; p.plan.Number++ {
		if len(last) > 0 && p.plan.Number <= last[0].Number {
			p.plan.Number = last[0].Number + 1
		}
		act, err := p.act(domain.PlanMade, streamConnection, p.plan, httpapi.By{Actor: byItself})
		if err != nil {
			return err
		}
		act.ID, act.Causation = p.id, p.op.Position
		act.Key = p.Log.Vault().Blind("plan number", fmt.Sprint(p.plan.Number))
		var done []eventstore.Appended
		if err := p.fenced(ctx, func(tx eventstore.Tx) (err error) {
			done, err = tx.Append(ctx, p.Log, act)
			return err
		}); err != nil || !done[0].Duplicate || done[0].ID == p.id {
			return err
		}
	}
}

func (p *planning) end(ctx context.Context, a domain.Act) error {
	return p.endOperation(ctx, p.h, p.op, a)
}

// endOperation says, once, how an operation ended.
func (e *engine) endOperation(ctx context.Context, h *lease.Handle, op planner.Operation, a domain.Act) error {
	act, err := e.act(domain.OperationFinished, streamConnection, a, httpapi.By{Actor: byItself})
	if err != nil {
		return err
	}
	act = once(act, e.Log.Vault().Blind("operation end", op.ID.String()))
	if a.Reason != "" {
		e.Logger.Warn("an operation could not be done", slog.String("operation", op.Name), slog.String("reason", a.Reason))
	}
	return e.fence(ctx, h, func(tx eventstore.Tx) error {
		_, err := tx.Append(ctx, e.Log, act)
		return err
	})
}

func (p *planning) fenced(ctx context.Context, fn func(eventstore.Tx) error) error {
	return p.fence(ctx, p.h, fn)
}

// fence runs fn in a transaction while the connection is owned, and not a moment longer.
func (e *engine) fence(ctx context.Context, h *lease.Handle, fn func(eventstore.Tx) error) error {
	return e.Store.InTx(ctx, func(tx eventstore.Tx) error {
		if err := h.Fence(ctx, tx); err != nil {
			return err
		}
		return fn(tx)
	})
}

// isPlanned reports an operation that makes a plan or applies one.
func isPlanned(op planner.Operation) bool {
	return !op.Plan.IsZero() || op.Spec != nil && strings.HasPrefix(op.Name, domain.PlanPrefix)
}
