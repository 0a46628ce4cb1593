package outbound

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/outbox"
	"github.com/duolog/duolog/projections/outbound/state"
)

// commit stores everything of the page at once: state, outbox rows, checkpoint and, last, the decisions.
func (w *work) commit(ctx context.Context, to int64) error {
	ch, err := w.Seal(ctx, w.view)
	if err != nil {
		return err
	}
	subjects := make([]string, 0, len(w.rows))
	for _, r := range w.rows {
		subjects = append(subjects, r.Source.Stream())
	}
	if err := w.Vault.Prefetch(ctx, subjects...); err != nil && !errors.Is(err, eventstore.ErrErased) {
		return fmt.Errorf("load keys: %w", err)
	}
	if err := w.store(ctx, ch, to); err != nil {
		return err
	}
	if w.Planned != nil && len(w.rows) > 0 {
		w.Planned(len(w.rows))
	}
	w.events, w.rows = nil, nil
	return nil
}

func (w *work) store(ctx context.Context, ch state.Changes, to int64) error {
	now := w.Clock().UnixMicro()
	if len(w.events) == 0 { // what inputs alone change follows from the log
		ctx = eventstore.Derived(ctx)
	}
	err := w.DB.InTx(ctx, func(tx eventstore.Tx) error { return w.write(ctx, tx, ch, to, now) })
	if err == nil {
		w.Advance(ch, to, now)
	}
	return err
}

func (w *work) write(ctx context.Context, tx eventstore.Tx, ch state.Changes, to, now int64) error {
	if w.Lease != nil {
		if err := w.Lease.Fence(ctx, tx); err != nil {
			return err
		}
	}
	if err := w.Write(ctx, tx, ch, to, now); err != nil {
		return err
	}
	erased, err := outbox.Insert(ctx, tx, w.Vault, w.Connection, w.rows, w.Clock())
	if err != nil {
		return err
	}
	withdrawn, err := withdrawn(w.Vault, erased)
	if err != nil || len(w.events) == 0 {
		return err
	}
	done, err := tx.Append(ctx, w.Log, slices.Concat(w.events, withdrawn)...)
	if err != nil {
		return fmt.Errorf("append decisions: %w", err)
	}
	for _, a := range done {
		if a.Duplicate {
			return fmt.Errorf("decision at %d was there before: %w", a.Position, ErrMoved)
		}
	}
	return nil
}

// withdrawn are the outcomes of commands whose record was erased between the input and the decision on it.
func withdrawn(vault eventstore.Vault, rows []outbox.Row) ([]eventstore.NewEvent, error) {
	events := make([]eventstore.NewEvent, len(rows))
	for i, r := range rows {
		e, err := outbox.Outcome(vault, r, domain.Outcome{Result: domain.ResultWithdrawn, Reason: domain.ReasonErased}, r.Command)
		if err != nil {
			return nil, err
		}
		e.ID, e.Subject = eventstore.KeyedID(e.ID, e.Key), eventstore.SubjectLog // it holds no value
		events[i] = e
	}
	return events, nil
}

func decisionEvent(p planner.Planned, in planner.Input) (eventstore.NewEvent, error) {
	data, err := p.Decision.AppendJSON(nil)
	if err != nil {
		return eventstore.NewEvent{}, err
	}
	return eventstore.NewEvent{
		ID: p.ID, Stream: "contact/" + p.Decision.Contact.String(), Type: domain.DecisionMade,
		Schema: domain.SchemaOf(domain.DecisionMade), Actor: "duolog", Causation: in.Position,
		Subject: eventstore.SubjectLog, Data: data,
	}, nil
}

// outboxRow gives a decided command its place in the outbox.
func outboxRow(o planner.Outgoing, input int64) outbox.Row {
	r := outbox.Row{
		Command: o.ID, Contact: o.Contact, Kind: o.Kind, System: o.System, Record: o.Record, Source: o.Source, Input: input,
		Urgent:  o.Urgent,
		Payload: outbox.Payload{Values: o.Values, Expects: o.Expects, Phone: o.Phone, By: o.By, Value: o.Value, Properties: o.Properties},
	}
	if o.Kind == domain.KindCreate {
		r.Record = domain.Record{}
	}
	return r
}
