package outbound

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// undecided is an input on which folding or planning failed: the page is thrown away and done again without it.
type undecided struct {
	position int64
	err      error
}

func (e *undecided) Error() string { return fmt.Sprintf("input %d: %v", e.position, e.err) }
func (e *undecided) Unwrap() error { return e.err }

// work is one page on its way to a commit.
type work struct {
	*Process
	cursor
	view   *planner.View
	events []eventstore.NewEvent
	rows   []outbox.Row
}

// dirtyPage bounds how many dirty contacts one transaction plans after an act that opened the sync.
const dirtyPage = 200

func (w *work) page(ctx context.Context, events []eventstore.Event) error {
	w.view = planner.NewView(w.control, planner.NewDigester(w.secret))
	inputs := w.inputs(events)
	needs := planner.NewNeeds()
	for _, in := range inputs {
		w.view.Needs(in, needs)
	}
	if err := w.load(ctx, w.DB, w.view, needs); err != nil {
		return err
	}
	last := events[len(events)-1].Position
	for _, in := range inputs {
		e, err := w.one(in)
		if err != nil {
			return &undecided{in.Position, err}
		}
		if e.Release {
			if err := w.release(ctx, in, e); err != nil {
				return err
			}
		}
	}
	return w.commit(ctx, last)
}

// inputs are the events the planner reads: everything but its own decisions and what was erased.
func (w *work) inputs(events []eventstore.Event) []planner.Input {
	var in []planner.Input
	for _, e := range events {
		if e.Type != domain.DecisionMade && !e.Erased {
			in = append(in, input(e))
		}
	}
	return in
}

func input(e eventstore.Event) planner.Input {
	return planner.Input{
		Position: e.Position, ID: e.ID, Type: e.Type, Stream: e.Stream, RecordedAt: e.RecordedAt, Data: e.Data,
	}
}

// one folds and plans an input; a panic is an error like any other.
func (w *work) one(in planner.Input) (e planner.Effect, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	if in.Position == w.poison {
		return e, w.park(in)
	}
	if e, err = w.view.Fold(in); err != nil {
		return e, err
	}
	return e, w.take(in, w.view.Plan(in, e))
}

// take turns what was planned into events and outbox rows.
func (w *work) take(in planner.Input, planned []planner.Planned) error {
	for _, p := range planned {
		ev, err := decisionEvent(p, in)
		if err != nil {
			return err
		}
		w.events = append(w.events, ev)
		for _, o := range p.Outgoing {
			w.rows = append(w.rows, outboxRow(o, in.Position))
		}
	}
	return nil
}

func decisionEvent(p planner.Planned, in planner.Input) (eventstore.NewEvent, error) {
	data, err := json.Marshal(p.Decision)
	if err != nil {
		return eventstore.NewEvent{}, fmt.Errorf("decision on %d: %w", in.Position, err)
	}
	return eventstore.NewEvent{
		ID: p.ID, Stream: "contact/" + p.Decision.Contact.String(), Type: domain.DecisionMade, Schema: 1,
		Actor: "duolog", Causation: in.Position, Subject: eventstore.SubjectLog, Data: data,
	}, nil
}

// park decides that an input could not be decided. Its record's contact is dirty until a person retries it.
func (w *work) park(in planner.Input) error {
	return w.take(in, w.view.Park(in))
}

// release plans every dirty contact once, in id order, under the settings at the act. Each chunk commits by itself
// with the checkpoint left before the act, so an owner that takes over goes on where this one ended.
func (w *work) release(ctx context.Context, act planner.Input, e planner.Effect) error {
	if err := w.commit(ctx, act.Position-1); err != nil {
		return err
	}
	control := w.view.Control
	for {
		ids, err := w.dirty(ctx, w.DB, act.Position, dirtyPage)
		if err != nil {
			return err
		}
		w.view = planner.NewView(control, planner.NewDigester(w.secret))
		w.events, w.rows = nil, nil
		if len(ids) == 0 {
			return nil
		}
		if err := w.load(ctx, w.DB, w.view, one(ids...)); err != nil {
			return err
		}
		for _, id := range ids {
			if err := w.plannedDirty(act, e, id); err != nil {
				return err
			}
		}
		control = w.view.Control
		if err := w.commit(ctx, act.Position-1); err != nil {
			return err
		}
	}
}

func (w *work) plannedDirty(act planner.Input, e planner.Effect, id ulid.ULID) error {
	return w.take(act, w.view.PlanDirty(act, e, id))
}

// commit stores everything of the page at once: state, outbox rows, checkpoint and, last, the decisions.
func (w *work) commit(ctx context.Context, to int64) error {
	c, err := w.seal(ctx, w.view)
	if err != nil {
		return err
	}
	subjects := make([]string, 0, len(w.rows))
	for _, r := range w.rows {
		subjects = append(subjects, r.Source.Stream())
	}
	if err := w.vault.Prefetch(ctx, subjects...); err != nil {
		return fmt.Errorf("load keys: %w", err)
	}
	control, err := json.Marshal(w.view.Control)
	if err != nil {
		return fmt.Errorf("planner state: %w", err)
	}
	if err := w.DB.InTx(ctx, func(tx eventstore.Tx) error { return w.write(ctx, tx, c, string(control), to) }); err != nil {
		return err
	}
	w.position = to
	if w.Planned != nil && len(w.rows) > 0 {
		w.Planned(len(w.rows))
	}
	w.events, w.rows = nil, nil
	return nil
}

func (w *work) write(ctx context.Context, tx eventstore.Tx, c changes, control string, to int64) error {
	if w.Lease != nil {
		if err := w.Lease.Fence(ctx, tx); err != nil {
			return err
		}
	}
	now := w.Clock()
	n, err := tx.Exec(ctx, `UPDATE outbound SET position = $1, control = $2, updated_at = $3
		WHERE connection = $4 AND version = $5 AND live = 1 AND position = $6`,
		to, control, now.UnixMicro(), w.conn, w.version, w.position)
	switch {
	case err != nil:
		return fmt.Errorf("move the planner's checkpoint: %w", err)
	case n == 0:
		return fmt.Errorf("checkpoint %d: %w", w.position, ErrMoved)
	}
	if err := w.save(ctx, tx, c); err != nil {
		return err
	}
	if err := outbox.Insert(ctx, tx, w.vault, w.conn, w.rows, now); err != nil {
		return err
	}
	if len(w.events) == 0 {
		return nil
	}
	done, err := tx.Append(ctx, w.Log, w.events...)
	if err != nil {
		return fmt.Errorf("append decisions: %w", err)
	}
	for _, a := range done {
		if a.Duplicate {
			return fmt.Errorf("decision at %d: %w", a.Position, ErrMoved)
		}
	}
	return nil
}
