package state

import (
	"context"
	"maps"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// Loader completes a view, input by input, and asks the tables for nothing twice.
type Loader struct {
	store Store
	q     eventstore.Querier
	view  *planner.View
	asked planner.Needs
}

// Loader returns one for an empty view.
func (s Store) Loader(q eventstore.Querier, v *planner.View) *Loader {
	return &Loader{store: s, q: q, view: v, asked: planner.NewNeeds()}
}

// Load loads what the inputs name, and what that leads to, round by round until nothing new is asked. Each round asks
// each table once. What is in the view already stays as it is.
func (l *Loader) Load(ctx context.Context, direct planner.Needs) error {
	return l.load(ctx, direct, func(wanted planner.Needs) { l.view.Expand(direct, wanted) })
}

func (l *Loader) load(ctx context.Context, direct planner.Needs, expand func(wanted planner.Needs)) error {
	for {
		wanted := planner.NewNeeds()
		Merge(wanted, direct)
		expand(wanted)
		step := fresh(wanted, l.asked)
		if len(step.Records)+len(step.Contacts)+len(step.Keys) == 0 {
			return nil
		}
		Merge(l.asked, step)
		maps.DeleteFunc(step.Records, func(r domain.Record, _ bool) bool { return l.view.Record(r) != nil })
		if err := l.store.Round(ctx, l.q, l.view, step); err != nil {
			return err
		}
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
	rows, err := s.records(ctx, q, "record", append(ids, unseen(v, more)...))
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

// unseen leaves out what the view holds: most records are found by their own keys.
func unseen(v *planner.View, streams []string) []string {
	return slices.DeleteFunc(streams, func(stream string) bool {
		r, err := domain.ParseRecord(stream)
		return err == nil && v.Record(r) != nil
	})
}

// Merge adds needs to others.
func Merge(into, from planner.Needs) {
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
