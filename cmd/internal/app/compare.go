package app

import (
	"context"
	"encoding/json"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/outbound"
)

// Difference is something that differs between the two systems and that no decision explains. It holds no value.
type Difference struct {
	Contact string `json:"contact,omitempty"`
	Record  string `json:"record,omitempty"`
	Field   string `json:"field,omitempty"`
	What    string `json:"what"`
}

// Differences compares what both systems hold, given by record under their read names, with what was decided.
func (a *App) Differences(ctx context.Context, held map[domain.Record]map[string]string) ([]Difference, error) {
	control, _, err := a.Control(ctx)
	if err != nil {
		return nil, err
	}
	lists, err := outbound.Lists(ctx, a.Store, a.Log)
	if err != nil {
		return nil, err
	}
	c := comparer{
		control: control, env: control.Settings.EnvWith(lists), held: held, known: map[domain.Record]bool{},
	}
	if err := a.EachContact(ctx, func(p contacts.Contact) error { c.contact(p); return nil }); err != nil {
		return nil, err
	}
	for r := range held {
		if !c.known[r] {
			c.out = append(c.out, Difference{Record: r.String(), What: "Duolog was never told of it"})
		}
	}
	return c.out, nil
}

type comparer struct {
	control planner.Control
	env     settings.Env
	held    map[domain.Record]map[string]string
	known   map[domain.Record]bool
	out     []Difference
}

func (c *comparer) contact(p contacts.Contact) {
	sides := map[domain.System]domain.Properties{}
	for _, r := range p.Records {
		id := domain.Record{System: r.System, ID: r.ID}
		c.known[id] = true
		if values, ok := c.held[id]; ok && r.State == string(planner.Linked) {
			sides[r.System] = properties(values)
		}
	}
	switch {
	case len(sides) == len(domain.Systems):
		c.fields(p, sides)
	case p.Status == contacts.InStep, p.Status == contacts.Pending, p.Reason == "" && p.Status != contacts.Held:
		c.out = append(c.out, Difference{Contact: p.ID.String(), What: "stands alone, " + p.Status})
	}
}

func (c *comparer) fields(p contacts.Contact, sides map[domain.System]domain.Properties) {
	explained := map[string]bool{}
	for _, f := range p.Fields {
		explained[f.Field] = f.State != contacts.InStep && f.State != contacts.Pending
	}
	env := c.env
	for _, f := range c.control.Settings.Fields {
		a, _, errA := f.Get(domain.Aloware, sides[domain.Aloware], env)
		h, _, errH := f.Get(domain.HubSpot, sides[domain.HubSpot], env)
		if (a != h || errA != nil || errH != nil) && !explained[f.Name] {
			c.out = append(c.out, Difference{Contact: p.ID.String(), Field: f.Name, What: "differs"})
		}
	}
}

func properties(values map[string]string) domain.Properties {
	p := make(domain.Properties, len(values))
	for name, v := range values {
		raw, err := json.Marshal(v)
		if err == nil {
			p[name] = raw
		}
	}
	return p
}
