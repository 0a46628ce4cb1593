package history

import (
	"context"
	"fmt"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/catalogs"
)

func (s *story) activity(e eventstore.Event, rec domain.Record) error {
	a, err := payload[domain.Activity](e)
	if err != nil {
		return err
	}
	entry := Entry{Kind: KindActivity, System: rec.System, Record: rec, Via: a.Via}
	entry.By, entry.ByKnown = rec.System.Title()+" does not tell by whom", false
	if a.User != "" {
		entry.By, entry.ByKnown = "user "+a.User, true
	}
	if !e.Erased {
		entry.Activity = &Activity{
			Kind: a.Kind, ID: a.ID, Direction: a.Direction, Seconds: a.Seconds, User: a.User, Disposition: a.Disposition, Type: a.Type,
		}
	}
	s.begin(e, entry)
	return nil
}

func (s *story) deal(e eventstore.Event, rec domain.Record) error {
	f, err := payload[domain.CatalogFact](e)
	if err != nil {
		return err
	}
	entry := Entry{Kind: KindDeal, System: rec.System, Record: rec, Via: f.Via, By: "a pull of deals", ByKnown: true}
	if !e.Erased {
		entry.Deal = &Deal{ID: f.ID, Gone: f.Gone, Name: f.Entry.Label}
		if d := f.Entry.Deal; d != nil {
			entry.Deal.Amount = d.Amount
			entry.Deal.Pipeline, entry.Deal.Stage = domain.Choice{ID: d.Pipeline}, domain.Choice{ID: d.Stage}
			entry.Deal.Owner = domain.Choice{ID: d.Owner}
		}
	}
	s.begin(e, entry)
	return nil
}

// name puts in what stands in the catalogs for the choices an entry tells of.
func name(ctx context.Context, c *catalogs.Reader, entries []Entry) error {
	n := namer{c: c}
	for _, e := range entries {
		if e.Activity != nil {
			if err := n.activity(ctx, e.Activity); err != nil {
				return err
			}
		}
		if e.Deal != nil {
			if err := n.deal(ctx, e.Deal); err != nil {
				return err
			}
		}
	}
	return nil
}

// namer looks names up, pipelines once.
type namer struct {
	c         *catalogs.Reader
	pipelines []catalogs.Entry
	loaded    bool
}

func (n *namer) activity(ctx context.Context, a *Activity) error {
	outcome, err := n.c.Outcome(ctx, a.Disposition)
	if err != nil {
		return fmt.Errorf("outcome of a call: %w", err)
	}
	kind, err := n.c.ActivityType(ctx, a.Type)
	if err != nil {
		return fmt.Errorf("type of a call: %w", err)
	}
	a.Outcome, a.ActivityType = choice(outcome), choice(kind)
	return nil
}

func (n *namer) deal(ctx context.Context, d *Deal) error {
	if !n.loaded {
		var err error
		if n.pipelines, err = n.c.Entries(ctx, catalogs.Source{System: domain.HubSpot, Catalog: domain.Pipelines}); err != nil {
			return err
		}
		n.loaded = true
	}
	for _, p := range n.pipelines {
		if p.ID != d.Pipeline.ID {
			continue
		}
		d.Pipeline.Label = p.Label
		for _, s := range p.Stages {
			if s.ID == d.Stage.ID {
				d.Stage.Label = s.Label
			}
		}
	}
	if d.Owner.ID == "" {
		return nil
	}
	owners, err := n.c.ByID(ctx, catalogs.Source{System: domain.HubSpot, Catalog: domain.Owners}, d.Owner.ID)
	if err == nil && len(owners) > 0 {
		d.Owner.Label = owners[0].Label
	}
	return err
}

func choice(e *catalogs.Entry) domain.Choice {
	if e == nil {
		return domain.Choice{}
	}
	return domain.Choice{ID: e.ID, Label: e.Label}
}
