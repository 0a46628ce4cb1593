package state

import (
	"context"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// cut leaves of a page what lies up to a position and shares one index of keys: a settings.changed that gives records
// other keys begins a page, and the keys are worked out anew before it.
func (r Rebuilder) cut(ctx context.Context, next *Cursor, events []eventstore.Event, until int64) ([]eventstore.Event, error) {
	for i, e := range events {
		if e.Position > until {
			return events[:i], nil
		}
		if e.Type != domain.SettingsChanged {
			continue
		}
		if i > 0 {
			return events[:i], nil
		}
		in, err := Input(e)
		if err != nil {
			return nil, err
		}
		if s, ok := Settings(in); ok {
			err = next.Reindex(ctx, r.DB, s, r.Page, func(ctx context.Context, ch Changes) error {
				return r.commit(ctx, next, ch, next.Position)
			})
		}
		return events[:1], err
	}
	return events, nil
}

// folded is a view after the events, in log order.
func (c *Cursor) folded(ctx context.Context, q eventstore.Querier, events []eventstore.Event) (*planner.View, error) {
	v := planner.NewView(c.Control, planner.NewDigester(nil))
	return v, c.foldInto(ctx, q, v, events)
}

// foldInto folds events: inputs by what they tell, decisions by their effects. An input that cannot be folded was
// parked by the planner, which folded as little of it.
func (c *Cursor) foldInto(ctx context.Context, q eventstore.Querier, v *planner.View, events []eventstore.Event) error {
	needs, steps := planner.NewNeeds(), make([]func(), 0, len(events))
	for _, e := range events {
		if e.Erased {
			c.blind = true
			continue
		}
		if e.Type == domain.DecisionMade {
			d, err := Decision(e)
			if err != nil {
				return err
			}
			needsOf(d, needs)
			steps = append(steps, func() { v.Apply(d) })
			continue
		}
		in, err := Input(e)
		if err != nil {
			return err
		}
		v.Needs(in, needs)
		steps = append(steps, func() { _, _ = Fold(v, in) })
	}
	clear(needs.Keys) // nothing is matched here
	if err := c.Loader(q, v).load(ctx, needs, func(wanted planner.Needs) { v.Reach(needs, wanted) }); err != nil {
		return err
	}
	for _, step := range steps {
		step()
	}
	return nil
}

// needsOf names what a decision's effects are about.
func needsOf(d planner.Decision, n planner.Needs) {
	n.Contacts[d.Contact] = true
	for _, l := range d.Links {
		n.Records[l.Record], n.Contacts[l.Contact] = true, true
	}
	for _, a := range d.Aliases {
		n.Contacts[a.From], n.Contacts[a.To] = true, true
	}
}

// counting leaves the decisions on inputs up to a position, and the input there itself.
func counting(events []eventstore.Event, until int64) ([]eventstore.Event, error) {
	var out []eventstore.Event
	for _, e := range events {
		if e.Type != domain.DecisionMade {
			if e.Position <= until {
				out = append(out, e)
			}
			continue
		}
		d, err := Decision(e)
		if err != nil {
			return nil, err
		}
		if d.Input <= until {
			out = append(out, e)
		}
	}
	return out, nil
}
