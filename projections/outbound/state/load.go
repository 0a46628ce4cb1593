package state

import (
	"context"
	"maps"

	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// Load completes the view: what the inputs name, and what that leads to, round by round until nothing new is asked.
// Each round asks each table once.
func (s Store) Load(ctx context.Context, q eventstore.Querier, v *planner.View, direct planner.Needs) error {
	return s.load(ctx, q, v, direct, direct)
}

// load looks for holders of the keys of those records only that are matched.
func (s Store) load(ctx context.Context, q eventstore.Querier, v *planner.View, direct, matched planner.Needs) error {
	asked, wanted := planner.NewNeeds(), planner.NewNeeds()
	merge(wanted, direct)
	for {
		step := fresh(wanted, asked)
		if len(step.Records)+len(step.Contacts)+len(step.Keys) == 0 {
			return nil
		}
		merge(asked, step)
		if err := s.Round(ctx, q, v, step); err != nil {
			return err
		}
		v.Expand(matched, wanted)
	}
}

// Round loads exactly what is named, and not what that leads to.
func (s Store) Round(ctx context.Context, q eventstore.Querier, v *planner.View, n planner.Needs) error {
	ids, contacts := make([]string, 0, len(n.Records)), make([]string, 0, len(n.Contacts))
	for r := range n.Records {
		ids = append(ids, r.Stream())
	}
	for c := range n.Contacts {
		contacts = append(contacts, c.String())
	}
	more, err := s.byKey(ctx, q, n.Keys)
	if err != nil {
		return err
	}
	rows, err := s.records(ctx, q, "record", append(ids, more...))
	if err != nil {
		return err
	}
	members, err := s.records(ctx, q, "contact", contacts)
	if err != nil {
		return err
	}
	if err := s.open(ctx, v, append(rows, members...)); err != nil {
		return err
	}
	return s.contacts(ctx, q, v, contacts)
}

func merge(into, from planner.Needs) {
	maps.Copy(into.Records, from.Records)
	maps.Copy(into.Contacts, from.Contacts)
	maps.Copy(into.Keys, from.Keys)
}

// fresh is what is wanted and was not asked for yet.
func fresh(wanted, asked planner.Needs) planner.Needs {
	return planner.Needs{
		Records:  without(wanted.Records, asked.Records),
		Contacts: without(wanted.Contacts, asked.Contacts),
		Keys:     without(wanted.Keys, asked.Keys),
	}
}

func without[K comparable](all, out map[K]bool) map[K]bool {
	left := maps.Clone(all)
	maps.DeleteFunc(left, func(k K, _ bool) bool { return out[k] })
	return left
}
