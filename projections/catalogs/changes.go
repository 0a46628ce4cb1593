package catalogs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/duolog/duolog/domain"
)

// Change is one fact about an entry, with what it was before.
type Change struct {
	Position int64                `json:"position"`
	At       time.Time            `json:"at"` // the system's clock, or when a person said so
	Source   Source               `json:"source"`
	ID       string               `json:"id"`
	Kind     string               `json:"kind"`
	Before   *domain.CatalogEntry `json:"before,omitempty"`
	After    *domain.CatalogEntry `json:"after,omitempty"`
	Actor    string               `json:"actor"`
	Reason   string               `json:"reason,omitempty"`
	Erased   bool                 `json:"erased,omitempty"`
}

// Kinds of changes.
const (
	Added   = "added"
	Changed = "changed"
	Removed = "gone"
	Back    = "back"
)

// changesPage is how many events are read at once.
const changesPage = 500

// Changes tells a catalog's history from the log, oldest first.
func (r *Reader) Changes(ctx context.Context, v ViewSpec) ([]Change, error) {
	sources := hubspot(v.HubSpot...)
	if v.Aloware != "" {
		sources = append(sources, Source{domain.Aloware, v.Aloware})
	}
	var all []Change
	for _, s := range sources {
		some, err := r.changes(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("history of %s: %w", s, err)
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b Change) int { return cmp.Compare(a.Position, b.Position) })
	return all, nil
}

func (r *Reader) changes(ctx context.Context, s Source) ([]Change, error) {
	var out []Change
	last := map[string]*domain.CatalogEntry{} // by id; nil once gone
	for after := int64(0); ; {
		events, err := r.log.ReadStream(ctx, domain.CatalogStream(s.System, s.Catalog), after, changesPage)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			after = e.Position
			c := Change{Position: e.Position, At: micros(e.OccurredAt), Source: s, Actor: e.Actor, Kind: Added, Erased: e.Erased}
			if in, told, err := decode(&e); err != nil {
				return nil, err
			} else if told {
				c.tell(*in.fact, last)
			}
			out = append(out, c)
		}
		if len(events) < changesPage {
			return out, nil
		}
	}
}

func (c *Change) tell(f domain.CatalogFact, last map[string]*domain.CatalogEntry) {
	c.ID, c.Reason = f.ID, f.Reason
	before, known := last[f.ID]
	c.Before = before
	switch {
	case f.Gone:
		c.Kind, last[f.ID] = Removed, nil
		return
	case before != nil:
		c.Kind = Changed
	case known:
		c.Kind = Back
	}
	c.After, last[f.ID] = &f.Entry, &f.Entry
}
