package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/operations"
	"github.com/duolog/duolog/projections/outbound"
	"github.com/duolog/duolog/projections/undo"
)

// undoneAfter is a position behind which all lies that is to be undone, or put right.
func (a *App) undoneAfter(ctx context.Context, spec domain.PlanSpec) (int64, error) {
	if spec.Repair != nil {
		return max(spec.Repair.From-1, 0), nil
	}
	u := *spec.Undo
	switch {
	case u.Version != 0:
		all, err := a.SettingsHistory(ctx)
		if err != nil {
			return 0, err
		}
		i := slices.IndexFunc(all, func(v SettingsVersion) bool { return v.Version == u.Version })
		if i < 0 {
			return 0, fmt.Errorf("%w: there is no version %d of the settings; duolog settings history lists them",
				httpapi.ErrBadInput, u.Version)
		}
		return all[i].Position, nil
	case !u.Operation.IsZero():
		if err := a.Runner.CatchUpOf(ctx, operations.Name); err != nil {
			return 0, err
		}
		o, err := a.Operations.Get(ctx, u.Operation.String())
		switch {
		case err != nil:
			return 0, err
		case o == nil || o.Plan == "":
			return 0, fmt.Errorf("%w: there is no operation %s that applied a plan; duolog operations list shows them",
				httpapi.ErrBadInput, u.Operation)
		}
		return o.Position, nil
	}
	return a.Contacts.PositionAt(ctx, time.UnixMicro(u.From-1))
}

// undo adds what can be put back to the plan: where values came from first, and what is left at the end.
func (p *planning) undo(ctx context.Context, spec domain.PlanSpec) (planner.Control, int64, error) {
	after, err := p.undoneAfter(ctx, spec)
	if err != nil {
		return planner.Control{}, 0, err
	}
	c := undo.Config{DB: p.Store, Log: p.Log, Spec: spec, After: after, Now: p.now().UnixMicro()}
	if !spec.Contact.IsZero() {
		var of contacts.Contact
		if of, c.Contacts, err = p.everyID(ctx, spec.Contact); err != nil {
			return planner.Control{}, 0, fmt.Errorf("the contact it is about: %w", err)
		}
		c.Spec.Contact = of.ID
	}
	now, through, err := undo.Each(ctx, c, func(f undo.Found) error {
		first, later, left := p.tell.back(f)
		p.later = append(p.later, later...)
		p.left = append(p.left, left...)
		for _, row := range first {
			if err := p.add(ctx, row); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = p.behind(ctx)
	}
	return now, through, err
}

// behind adds what comes behind all others: what the values were written to, and what is left.
func (p *planning) behind(ctx context.Context) error {
	for _, row := range p.later {
		if err := p.add(ctx, row); err != nil {
			return err
		}
	}
	for i, row := range p.left {
		row.N = p.plan.Rows + int64(i)
		if err := p.store(ctx, row); err != nil {
			return err
		}
	}
	return nil
}

// back counts a contact of an undo, and makes its rows.
func (e *estimate) back(f undo.Found) (first, later, left []operations.Row) {
	e.counts[domain.CountContacts]++
	for _, r := range f.Rows {
		v := outbound.Previewed{Preview: r.Preview, View: f.View}
		what, outgoing := e.what(v)
		what.Back, what.Source = r.Back, r.Source
		for _, s := range what.Updates {
			e.counts["updates_"+string(s)]++
		}
		row := operations.Row{Contact: f.Contact, Digest: r.Preview.Digest, What: what}
		if len(outgoing) > 0 && e.samples < planSamples {
			e.samples++
			row.Subject, row.Sample = outgoing[0].Source.Stream(), sampleOf(v, outgoing[0], what)
		}
		if r.Source {
			first = append(first, row)
		} else {
			later = append(later, row)
		}
	}
	for _, l := range f.Left {
		e.why[operations.Left{Field: l.Field, System: l.System, Why: l.Why}.String()]++
	}
	if len(f.Left) > 0 {
		left = append(left, leftRow(f))
	}
	if len(f.Rows) == 0 {
		e.counts[leftAs(f.Left[0].Result)]++
	}
	return first, later, left
}

// leftRow tells who is left as it is, by name.
func leftRow(f undo.Found) operations.Row {
	row := operations.Row{Contact: f.Contact}
	for _, l := range f.Left {
		row.What.Left = append(row.What.Left, operations.Left{Field: l.Field, System: l.System, Why: l.Why})
		if row.Subject != "" || l.Record.ID == "" {
			continue
		}
		set := f.View.Control.Settings
		s := &operations.Sample{Person: personOf(set, f.View, l.Record), System: l.System, Field: l.Field, Why: l.Why}
		if field, ok := set.Field(l.Field); ok {
			s.Before = f.View.Shown(l.Record, field.Side(l.System).Read)
			s.After = s.Before
		}
		row.Subject, row.Sample = l.Record.Stream(), s
	}
	return row
}

// leftAs is under what a contact counts of which nothing is put back.
func leftAs(result string) string {
	switch planner.Result(result) {
	case planner.Skipped:
		return domain.CountChanged
	case planner.Impossible, planner.Invalid:
		return domain.CountImpossible
	case planner.Waiting:
		return domain.CountPending
	case planner.Unchanged:
		return domain.CountUnchanged
	default:
		return domain.CountBlocked
	}
}

// inTurn keeps those of an undo's rows that may be decided now: what the values came from first, and only when that is
// answered what they were written to. Then no value waits in two places at once.
func (a *applying) inTurn(ctx context.Context, op planner.Operation, rows []operations.Row) ([]operations.Row, error) {
	if i := slices.IndexFunc(rows, func(r operations.Row) bool { return !r.What.Source }); i > 0 {
		return rows[:i], nil
	}
	if rows[0].What.Source || op.Done == 0 {
		return rows, nil
	}
	before, err := operations.Rows(ctx, a.Store, a.Log, op.Plan.String(), op.Done-1, 1)
	if err != nil || len(before) == 0 || !before[0].What.Source {
		return rows, err
	}
	if _, settled, err := a.answered(ctx); err != nil || !settled {
		return nil, err
	}
	return rows, nil
}
