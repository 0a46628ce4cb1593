package outbound

import (
	"context"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/state"
)

// Unexplained counts the fields, of the contacts of some records, in which the two systems were last seen to differ
// though the last decision says they agree: there should be none.
func Unexplained(ctx context.Context, db eventstore.DB, log eventstore.Log, records []Standing) (int64, error) {
	c, err := state.Open(ctx, db, log)
	if err != nil {
		return 0, err
	}
	choices, err := c.Choices(ctx, log)
	if err != nil {
		return 0, err
	}
	env := c.Control.Settings.EnvWith(choices.Lists())
	n, v := planner.NewNeeds(), planner.NewView(c.Control, planner.NewDigester(nil))
	for _, r := range records {
		if r.Linked {
			n.Records[r.Record] = true
		}
	}
	if err := c.Round(ctx, db, v, n); err != nil {
		return 0, err
	}
	of := planner.NewNeeds()
	for id := range n.Records {
		if r := v.Record(id); r != nil {
			of.Contacts[r.Link.Contact] = true
		}
	}
	if err := c.Round(ctx, db, v, of); err != nil {
		return 0, err
	}
	var sum int64
	for id := range of.Contacts {
		sum += unexplained(v, id, c.Control.Settings, env)
	}
	return sum, nil
}

func unexplained(v *planner.View, id ulid.ULID, s settings.Settings, env settings.Env) (n int64) {
	c, sides := v.Contact(id), map[domain.System]domain.Properties{}
	for _, r := range v.Members(id) {
		if r.Life == planner.Live && r.Link.State == planner.Linked {
			sides[r.ID.System] = r.Properties()
		}
	}
	if c == nil || c.Head.Dirty || len(sides) != len(domain.Systems) {
		return 0
	}
	for _, f := range s.Fields {
		a, _, errA := f.Get(domain.Aloware, sides[domain.Aloware], env)
		h, _, errH := f.Get(domain.HubSpot, sides[domain.HubSpot], env)
		state := c.Fields[f.Name]
		if errA == nil && errH == nil && a != h && state != nil && state.State == planner.InStep {
			n++
		}
	}
	return n
}
