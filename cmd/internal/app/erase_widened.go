package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/erased"
	"github.com/duolog/duolog/projections/outbound/state"
)

const widenedPage = 500

// undecided adds the records of merges with one of the person's, and those made for the person, that the planner has not come
// to yet, and those that show an email or a number of the person's and are nobody's so far.
func (a *App) undecided(ctx context.Context, c *closure) error {
	_, planned, err := a.Control(ctx)
	if err != nil {
		return err
	}
	return a.each(ctx, planned, c.through, func(e eventstore.Event) error {
		more := c.named(e)
		if len(more) > 0 {
			owners, err := a.Contacts.Find(ctx, more[0].String())
			if err != nil {
				return err
			}
			if len(owners) > 0 {
				more = nil // whoever has it is looked at as a whole, when it is told of next
			}
		}
		if c.merges(e) {
			more = append(more, merged(e)...)
		}
		more = append(more, c.madeFor(e)...)
		for _, r := range more {
			if !slices.Contains(c.records, r) {
				c.records = append(c.records, r)
			}
		}
		return nil
	})
}

// merged are the records that an event says are one now, none when it does not.
func merged(e eventstore.Event) []domain.Record {
	var f domain.Fact
	r, err := domain.ParseRecord(e.Stream)
	if e.Type != domain.RecordMerged || e.Erased || err != nil || domain.Decode(e.Type, e.Schema, e.Data, &f) != nil {
		return nil
	}
	return append(slices.Clone(f.Merged), r)
}

// merges reports that an event makes one record of one of the person's and others.
func (c *closure) merges(e eventstore.Event) bool {
	return slices.ContainsFunc(merged(e), func(r domain.Record) bool { return slices.Contains(c.records, r) })
}

// named is the record that an event shows by an identifier of the person's, if it is another than those known.
func (c *closure) named(e eventstore.Event) []domain.Record {
	if len(c.tokens) == 0 || e.Erased {
		return nil
	}
	r, keys := erased.Shown(c.finder, eventstore.NewEvent{Stream: e.Stream, Type: e.Type, Data: e.Data})
	if !slices.ContainsFunc(keys, func(k identity.Key) bool { return c.known[k] }) || slices.Contains(c.records, r) {
		return nil
	}
	return []domain.Record{r}
}

// each hands over the events after a position, up to another.
func (a *App) each(ctx context.Context, after, through int64, do func(eventstore.Event) error) error {
	for after < through {
		events, err := a.Log.Read(ctx, after, int(min(widenedPage, through-after)))
		if err != nil {
			return fmt.Errorf("look at what came meanwhile: %w", err)
		}
		if len(events) == 0 {
			return nil
		}
		for _, e := range events {
			after = e.Position
			if err := do(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// alone keeps everybody else from appending until the transaction ends, and returns how far the log goes.
func (a *App) alone(ctx context.Context, tx eventstore.Tx) (position int64, err error) {
	rows, err := tx.Query(ctx, "UPDATE log_head SET position = position WHERE connection = $1 RETURNING position", a.Connection)
	_, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (none struct{}, err error) { return none, r.Scan(&position) })
	return position, err
}

// unwidened has nobody append, and fails with ErrExpectation, so that it is
// begun again, when more has become the person's since the closure was made: a link, a merge, or a body nobody could read.
func (a *App) unwidened(ctx context.Context, tx eventstore.Tx, c *closure) error {
	now, err := a.alone(ctx, tx)
	if err != nil {
		return err
	}
	err = a.each(ctx, c.through, now, func(e eventstore.Event) error {
		if c.widens(e) {
			return fmt.Errorf("%w: #%d makes more the person's", eventstore.ErrExpectation, e.Position)
		}
		return nil
	})
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, "SELECT id FROM parked_delivery WHERE connection = $1", a.Connection)
	parked, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (s string, err error) { return s, r.Scan(&s) })
	if err == nil && slices.ContainsFunc(parked, func(id string) bool { return !slices.Contains(c.at, id) }) {
		err = fmt.Errorf("%w: a delivery was put aside", eventstore.ErrExpectation)
	}
	return err
}

// widens reports an event by which more may have become the person's.
func (c *closure) widens(e eventstore.Event) bool {
	if strings.HasSuffix(e.Stream, "/raw") || c.merges(e) || len(c.named(e))+len(c.madeFor(e)) > 0 {
		return true
	}
	if e.Type != domain.DecisionMade {
		return false
	}
	d, err := state.Decision(e)
	hers := func(id ulid.ULID) bool { return slices.Contains(c.ids, id) }
	for _, l := range d.Links {
		if hers(l.Contact) && !slices.Contains(c.records, l.Record) {
			return true
		}
	}
	for _, a := range d.Aliases {
		if hers(a.From) || hers(a.To) {
			return true
		}
	}
	return err != nil
}
