package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// verdictActs says under which type each verdict is stored.
var verdictActs = map[string]string{
	domain.VerdictSame: domain.DuplicateResolved, domain.VerdictSeparate: domain.DuplicateResolved,
	domain.VerdictTake: domain.ReviewSettled, domain.VerdictLeave: domain.ReviewSettled,
	domain.VerdictExclude: domain.ReviewSettled, domain.VerdictInclude: domain.ReviewSettled,
	domain.VerdictRead: domain.PlannerRetried,
}

// Decide stores what a person decided about a contact. Writes of the contact that wait are taken back first: it is
// planned again from the present.
func (a *App) Decide(ctx context.Context, v httpapi.Verdict, by httpapi.By) (httpapi.Done, error) {
	if err := a.CatchUp(ctx); err != nil {
		return httpapi.Done{}, err
	}
	c, err := a.Contacts.Get(ctx, v.Contact)
	if err != nil {
		return httpapi.Done{}, err
	}
	payload := domain.Act{Reason: by.Reason, Contact: c.ID, Verdict: v.Verdict, Field: v.Field, From: v.From}
	if payload.Records, err = a.recordsOf(ctx, c, v); err != nil {
		return httpapi.Done{}, err
	}
	if err := a.settleable(ctx, c, v); err != nil {
		return httpapi.Done{}, err
	}
	act, err := a.act(verdictActs[v.Verdict], streamConnection, payload, by)
	if err != nil {
		return httpapi.Done{}, err
	}
	var done httpapi.Done
	err = a.Store.InTx(ctx, func(tx eventstore.Tx) error {
		events, err := a.withdrawOf(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		got, err := tx.Append(ctx, a.Log, append(events, act)...)
		if err == nil {
			last := got[len(got)-1]
			done = httpapi.Done{Position: last.Position, ID: last.ID.String()}
		}
		return err
	})
	return done, err
}

// withdrawOf takes the contact's waiting writes out of the outbox.
func (a *App) withdrawOf(ctx context.Context, tx eventstore.Tx, contact ulid.ULID) ([]eventstore.NewEvent, error) {
	entries, err := outbox.List(ctx, tx, a.Connection, outbox.Filter{Contact: contact, Limit: 1000})
	if err != nil {
		return nil, err
	}
	var ids []ulid.ULID
	for _, e := range entries {
		if !e.Reads() {
			ids = append(ids, e.Command)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := outbox.Withdraw(ctx, tx, a.Connection, ids...)
	if err != nil {
		return nil, err
	}
	events := make([]eventstore.NewEvent, 0, len(rows)+1)
	for _, r := range rows {
		e, err := outbox.Outcome(a.Log.Vault(), r.Row, domain.Outcome{
			Result: domain.ResultWithdrawn, Reason: domain.ReasonPerson, Attempts: r.Attempts,
		}, a.NewID())
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// recordsOf are the records a verdict is about: the contact's own first.
func (a *App) recordsOf(ctx context.Context, c contacts.Contact, v httpapi.Verdict) ([]domain.Record, error) {
	var own []domain.Record
	for _, r := range c.Records {
		if !slices.Contains([]string{string(planner.Merged), string(planner.Deleted), string(planner.Absorbed)}, r.State) {
			own = append(own, domain.Record{System: r.System, ID: r.ID})
		}
	}
	switch v.Verdict {
	case domain.VerdictSame:
		return a.samePerson(ctx, own, v.Others)
	case domain.VerdictSeparate:
		return separatePeople(c, own, v.Others)
	case domain.VerdictExclude, domain.VerdictInclude:
		return own, nil
	}
	return nil, nil
}

func (a *App) samePerson(ctx context.Context, own, others []domain.Record) ([]domain.Record, error) {
	if len(others) != 1 {
		return nil, fmt.Errorf("%w: say which one record is the same person", httpapi.ErrBadInput)
	}
	other := others[0]
	if slices.Contains(own, other) {
		return nil, fmt.Errorf("%w: %s is a record of this contact already", httpapi.ErrConflict, other)
	}
	for _, r := range own {
		if r.System == other.System {
			return nil, fmt.Errorf("%w: it has %s in %s already; merge the two there, or unlink first",
				httpapi.ErrConflict, r, other.System.Title())
		}
	}
	found, err := a.Contacts.Find(ctx, other.String())
	if err != nil || len(found) == 0 {
		return nil, fmt.Errorf("%w: no contact has the record %s: it was never heard of; is its id right?", httpapi.ErrNotFound, other)
	}
	if len(own) == 0 {
		return nil, fmt.Errorf("%w: this contact has no live record", httpapi.ErrConflict)
	}
	for _, r := range found[0].Records {
		if r.System == own[0].System && r.State == string(planner.Linked) {
			return nil, fmt.Errorf("%w: %s is linked to %s:%s; unlink it first", httpapi.ErrConflict, other, r.System, r.ID)
		}
	}
	return []domain.Record{own[0], other}, nil
}

// separatePeople takes the others as named, or all in question: those that stand in the way, or the record it is
// linked to.
func separatePeople(c contacts.Contact, own, others []domain.Record) ([]domain.Record, error) {
	if len(own) == 0 {
		return nil, fmt.Errorf("%w: this contact has no live record", httpapi.ErrConflict)
	}
	if len(others) == 0 {
		for _, text := range c.Others {
			r, err := domain.ParseRecord(text)
			if err != nil {
				return nil, err
			}
			others = append(others, r)
		}
	}
	if len(others) == 0 {
		others = own[1:]
	}
	others = slices.DeleteFunc(slices.Clone(others), func(r domain.Record) bool { return r == own[0] })
	if len(others) == 0 {
		return nil, fmt.Errorf("%w: there is no other record in question; contact link ties one that is not", httpapi.ErrConflict)
	}
	return append([]domain.Record{own[0]}, others...), nil
}

// settleable refuses a word on a field that does not wait for one, and any on a field while the sync stands still:
// it is about what both sides show at its position.
func (a *App) settleable(ctx context.Context, c contacts.Contact, v httpapi.Verdict) error {
	if v.Verdict != domain.VerdictTake && v.Verdict != domain.VerdictLeave {
		return nil
	}
	i := slices.IndexFunc(c.Fields, func(f contacts.Field) bool { return f.Field == v.Field })
	switch {
	case c.Status == contacts.Unlinked || c.Status == contacts.Excluded:
		return fmt.Errorf("%w: the contact is %s: there is no other side its fields could go to", httpapi.ErrConflict, c.Status)
	case i < 0:
		return fmt.Errorf("%w: there is no field %q in this contact", httpapi.ErrNotFound, v.Field)
	case c.Fields[i].State == contacts.InStep:
		return fmt.Errorf("%w: %s is the same on both sides: there is nothing to settle", httpapi.ErrConflict, v.Field)
	case v.Verdict == domain.VerdictTake && !v.From.Valid():
		return fmt.Errorf("%w: say whose value counts, aloware or hubspot", httpapi.ErrBadInput)
	}
	control, _, err := a.Control(ctx)
	if err == nil && control.Stopped() {
		err = fmt.Errorf("%w: the sync stands still; resume it first, then say whose value counts", httpapi.ErrConflict)
	}
	return err
}
