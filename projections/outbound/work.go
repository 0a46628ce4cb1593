package outbound

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/outbox"
	"github.com/duolog/duolog/projections/outbound/state"
)

// undecided is an input on which folding or planning failed: the page is thrown away and done again without it.
type undecided struct {
	poisoned
	err error
}

func (e *undecided) Error() string { return fmt.Sprintf("input %d: %v", e.position, e.err) }
func (e *undecided) Unwrap() error { return e.err }

// work is one page on its way to a commit.
type work struct {
	*Process
	*state.Cursor
	view   *planner.View
	loader *state.Loader
	events []eventstore.NewEvent
	rows   []outbox.Row
}

func (w *work) page(ctx context.Context, events []eventstore.Event) error {
	inputs, err := inputs(events)
	if err != nil {
		return err
	}
	w.begin()
	page, needs := planner.NewNeeds(), make([]planner.Needs, len(inputs))
	for i, in := range inputs {
		needs[i] = planner.NewNeeds()
		w.view.Needs(in, needs[i])
		state.Merge(page, needs[i])
	}
	if err := w.loader.Load(ctx, page); err != nil {
		return err
	}
	for i, in := range inputs {
		if err := w.loader.Load(ctx, needs[i]); err != nil { // all there, unless inputs before made a contact of two
			return err
		}
		if err := state.Recall(ctx, w.Log, w.view, in); err != nil {
			return err
		}
		if err := w.input(ctx, in); err != nil {
			return err
		}
	}
	return w.commit(ctx, events[len(events)-1].Position)
}

// begin starts from what is stored.
func (w *work) begin() {
	w.view = planner.NewView(w.Control, w.digester)
	w.view.Know(w.choices)
	w.loader = w.Loader(w.DB, w.view)
}

// inputs are the events the planner reads: everything but its own decisions and what was erased.
func inputs(events []eventstore.Event) ([]planner.Input, error) {
	var all []planner.Input
	for _, e := range events {
		if e.Type == domain.DecisionMade || e.Erased {
			continue
		}
		in, err := state.Input(e)
		if err != nil {
			return nil, err
		}
		all = append(all, in)
	}
	return all, nil
}

// input folds and plans one input, and what an act brings with it for many contacts.
func (w *work) input(ctx context.Context, in planner.Input) error {
	if in.Type == domain.SettingsChanged {
		if err := w.reindex(ctx, in); err != nil {
			return err
		}
	}
	e, err := w.one(in)
	if err != nil {
		return &undecided{poisoned{position: in.Position}, err}
	}
	switch {
	case e.Release:
		return w.release(ctx, in, e)
	case e.Page != nil:
		return w.operate(in, *e.Page)
	}
	return nil
}

// operate plans the contacts of an operation's page, in the transaction of the page: all of it is decided, or nothing.
func (w *work) operate(in planner.Input, page domain.PlanPage) error {
	for _, r := range page.Rows {
		if err := w.planRow(in, page, r); err != nil {
			return &undecided{poisoned{in.Position, r.Contact}, err}
		}
	}
	return nil
}

func (w *work) planRow(in planner.Input, page domain.PlanPage, r domain.PlanRow) (err error) {
	defer state.Recovered(&err)
	if w.poison[poisoned{in.Position, r.Contact}] {
		return w.take(in, w.view.ParkDirty(in, r.Contact))
	}
	return w.take(in, w.view.PlanRow(in, page, r))
}

// one folds and plans an input; a panic is an error like any other. What cannot be decided is parked: folded as far as
// it goes, and its record's contact waits for a person.
func (w *work) one(in planner.Input) (e planner.Effect, err error) {
	defer state.Recovered(&err)
	if w.poison[poisoned{position: in.Position}] {
		_, _ = state.Fold(w.view, in)
		return e, w.take(in, w.view.Park(in))
	}
	if e, err = state.Fold(w.view, in); err != nil {
		return e, err
	}
	if e.Trip != nil {
		if err := w.guard(in, *e.Trip); err != nil {
			return e, err
		}
	}
	return e, w.take(in, w.view.Plan(in, e))
}

// guard pauses the sync on an input on which a guard tripped, in the transaction of what was decided on it.
func (w *work) guard(in planner.Input, t domain.Trip) error {
	data, err := json.Marshal(domain.Act{Reason: t.String(), Guard: &t})
	if err != nil {
		return fmt.Errorf("pause on %d: %w", in.Position, err)
	}
	w.events = append(w.events, eventstore.NewEvent{
		ID: domain.DeriveID(in.ID, "guard/"+t.Guard, "", 0), Stream: "connection", Type: domain.SyncPaused,
		Schema: domain.SchemaOf(domain.SyncPaused), Actor: "duolog", Causation: in.Position,
		Subject: eventstore.SubjectLog, Data: data,
	})
	w.Logger.Warn("a guard tripped, the sync pauses", slog.String("guard", t.Guard), slog.Int64("counted", t.Counted),
		slog.Int64("of", t.Of))
	return nil
}

// take turns what was planned into events and outbox rows.
func (w *work) take(in planner.Input, planned []planner.Planned) error {
	for _, p := range planned {
		ev, err := decisionEvent(p, in)
		if err != nil {
			return err
		}
		w.events = append(w.events, ev)
		if t := p.Decision.Guard; t != nil {
			if err := w.guard(in, *t); err != nil {
				return err
			}
		}
		for _, o := range p.Outgoing {
			w.rows = append(w.rows, outboxRow(o, in.Position))
		}
	}
	return nil
}

// reindex works the match keys of every record out anew, before settings count that would find others in them. It
// stands at a page's end: what came before it is committed first.
func (w *work) reindex(ctx context.Context, in planner.Input) error {
	s, ok := state.Settings(in)
	if !ok {
		return nil
	}
	if err := w.commit(ctx, in.Position-1); err != nil {
		return err
	}
	w.begin()
	return w.Reindex(ctx, w.DB, s, w.Page, func(ctx context.Context, ch state.Changes) error {
		return w.store(ctx, ch, in.Position-1)
	})
}

// dirtyPage bounds how many dirty contacts one transaction plans after an act that opened the sync.
const dirtyPage = 200

// release plans every dirty contact once, in id order, under the settings at the act. Each chunk commits by itself
// with the checkpoint left before the act, so an owner that takes over goes on where this one ended.
func (w *work) release(ctx context.Context, act planner.Input, e planner.Effect) error {
	if err := w.commit(ctx, act.Position-1); err != nil {
		return err
	}
	for {
		ids, err := w.Dirty(ctx, w.DB, act.Position, dirtyPage)
		if err != nil {
			return err
		}
		w.begin()
		if len(ids) == 0 {
			return nil
		}
		if err := w.loader.Load(ctx, about(ids...)); err != nil {
			return err
		}
		for _, id := range ids {
			if err := w.loader.Load(ctx, about(id)); err != nil {
				return err
			}
			if err := w.planDirty(act, e, id); err != nil {
				return &undecided{poisoned{act.Position, id}, err}
			}
		}
		if err := w.commit(ctx, act.Position-1); err != nil {
			return err
		}
	}
}

func (w *work) planDirty(act planner.Input, e planner.Effect, id ulid.ULID) (err error) {
	defer state.Recovered(&err)
	if w.poison[poisoned{act.Position, id}] {
		return w.take(act, w.view.ParkDirty(act, id))
	}
	return w.take(act, w.view.PlanDirty(act, e, id))
}

func about(contacts ...ulid.ULID) planner.Needs {
	n := planner.NewNeeds()
	for _, id := range contacts {
		n.Contacts[id] = true
	}
	return n
}
