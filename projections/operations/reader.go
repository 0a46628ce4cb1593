package operations

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

// Reader answers questions about one connection's operations from the live version.
type Reader struct {
	db  eventstore.DB
	log eventstore.Log
}

// NewReader returns a reader of the log's connection, whose projection lies in db.
func NewReader(db eventstore.DB, log eventstore.Log) *Reader { return &Reader{db, log} }

// Operation is one as it stands.
type Operation struct {
	ID        string           `json:"id"`
	Name      string           `json:"name"`
	Plan      string           `json:"plan,omitempty"` // id of the plan it applies
	State     string           `json:"state"`
	Actor     string           `json:"actor"`
	Reason    string           `json:"reason,omitempty"`
	Failure   string           `json:"failure,omitempty"`
	Position  int64            `json:"position"`
	StartedAt time.Time        `json:"started_at"`
	EndedAt   *time.Time       `json:"ended_at,omitempty"`
	Rows      int64            `json:"rows,omitempty"`
	Spec      *domain.PlanSpec `json:"spec,omitempty"`
	Counts    map[string]int64 `json:"counts,omitempty"`
}

// Plan is a plan as it stands.
type Plan struct {
	ID        string    `json:"id"`
	State     string    `json:"state"`
	Operation string    `json:"applied_by,omitempty"` // id of the operation that applied it last
	Actor     string    `json:"actor"`
	Position  int64     `json:"position"`
	MadeAt    time.Time `json:"made_at"`
	domain.Plan
}

// read runs fn on a snapshot of the live version.
func (r *Reader) read(ctx context.Context, fn func(t rows) error) error {
	return r.db.ReadTx(ctx, func(q eventstore.Querier) error {
		version, err := projections.Live(ctx, q, r.log.Connection(), Name)
		if err != nil {
			return err
		}
		return fn(rows{q: q, connection: r.log.Connection(), version: version})
	})
}

func (r *Reader) operations(ctx context.Context, where string, args ...any) (out []Operation, err error) {
	err = r.read(ctx, func(t rows) error {
		found, err := t.q.Query(ctx, `SELECT `+operationColumns+` FROM operation WHERE connection = $1 AND version = $2 AND `+where,
			append([]any{t.connection, t.version}, args...)...)
		all, err := eventstore.Scan(found, err, scanOperation)
		for _, o := range all {
			out = append(out, o.shown())
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read operations: %w", err)
	}
	return out, nil
}

func (o *operation) shown() Operation {
	out := Operation{
		ID: o.id, Name: o.name, Plan: o.plan, State: o.state, Actor: o.actor, Reason: o.body.Reason, Failure: o.body.Failure,
		Position: o.position, StartedAt: time.UnixMicro(o.started).UTC(), Rows: o.body.Rows, Spec: o.body.Spec, Counts: o.body.Counts,
	}
	if o.ended > 0 {
		at := time.UnixMicro(o.ended).UTC()
		out.EndedAt = &at
	}
	return out
}

// List returns operations, the latest first.
func (r *Reader) List(ctx context.Context, limit int) ([]Operation, error) {
	return r.operations(ctx, "position > 0 ORDER BY position DESC LIMIT $3", int64(limit))
}

// Running returns those that have not ended, the oldest first.
func (r *Reader) Running(ctx context.Context) ([]Operation, error) {
	return r.operations(ctx, "ended_at = 0 ORDER BY position")
}

// Get returns an operation by its id, nil when there is none.
func (r *Reader) Get(ctx context.Context, id string) (*Operation, error) {
	found, err := r.operations(ctx, "operation = $3", id)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// Last returns the last of a name that was done, nil when there is none.
func (r *Reader) Last(ctx context.Context, name string) (*Operation, error) {
	found, err := r.operations(ctx, "name = $3 AND state = $4 ORDER BY position DESC LIMIT 1", name, Done)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// Skipped lists the contacts an operation left since they had changed, from one on.
func (r *Reader) Skipped(ctx context.Context, operation, after string, limit int) (out []string, err error) {
	err = r.read(ctx, func(t rows) error {
		found, err := t.q.Query(ctx, `SELECT contact FROM operation_skipped WHERE connection = $1 AND version = $2
			AND operation = $3 AND contact > $4 ORDER BY contact LIMIT $5`, t.connection, t.version, operation, after, int64(limit))
		out, err = eventstore.Scan(found, err, func(r eventstore.Rows) (id string, err error) { return id, r.Scan(&id) })
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read skipped contacts: %w", err)
	}
	return out, nil
}

func (r *Reader) plans(ctx context.Context, where string, args ...any) (out []Plan, err error) {
	err = r.read(ctx, func(t rows) error {
		found, err := t.q.Query(ctx, `SELECT `+planColumns+` FROM operation_plan WHERE connection = $1 AND version = $2 AND `+where,
			append([]any{t.connection, t.version}, args...)...)
		all, err := eventstore.Scan(found, err, scanPlan)
		if err != nil {
			return err
		}
		for _, p := range all {
			shown := Plan{
				ID: p.id, State: p.state, Operation: p.operation, Actor: p.actor, Position: p.position,
				MadeAt: time.UnixMicro(p.made).UTC(),
			}
			if err := json.Unmarshal([]byte(p.body), &shown.Plan); err != nil {
				return err
			}
			out = append(out, shown)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read plans: %w", err)
	}
	return out, nil
}

// Plans returns plans, the latest first.
func (r *Reader) Plans(ctx context.Context, limit int) ([]Plan, error) {
	return r.plans(ctx, "number > 0 ORDER BY number DESC LIMIT $3", int64(limit))
}

// Plan returns a plan by its number, nil when there is none.
func (r *Reader) Plan(ctx context.Context, number int64) (*Plan, error) {
	found, err := r.plans(ctx, "number = $3", number)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// PlanByID returns a plan by its id, nil when there is none.
func (r *Reader) PlanByID(ctx context.Context, id string) (*Plan, error) {
	found, err := r.plans(ctx, "plan = $3", id)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// Spent returns plans whose operation ended at a time or before, and that still have rows besides samples.
func (r *Reader) Spent(ctx context.Context, ended time.Time) ([]Plan, error) {
	return r.plans(ctx, `state = $3 AND EXISTS (SELECT 1 FROM operation o WHERE o.operation = operation_plan.operation
			AND o.connection = $1 AND o.version = $2 AND o.ended_at > 0 AND o.ended_at <= $4)
		AND EXISTS (SELECT 1 FROM plan_row r WHERE r.plan = operation_plan.plan AND r.connection = $1 AND r.subject = '')
		ORDER BY number`, Applied, ended.UnixMicro())
}
