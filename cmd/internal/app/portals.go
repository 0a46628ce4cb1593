package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/outbound"
)

// portalShared says which other connections of the database keep this one's portal in step: each takes what the other sends
// for somebody's change, and a record has room for one contact id of ours.
func (a *App) portalShared(ctx context.Context, c planner.Control) ([]string, error) {
	if c.Portal == "" || c.Mode == domain.ModeOff {
		return nil, nil
	}
	names, err := a.Store.Connections(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range names {
		if name == a.Connection || strings.HasPrefix(name, BenchPrefix) {
			continue
		}
		log, err := a.Store.Log(ctx, name)
		if err != nil {
			return nil, err
		}
		other, _, err := outbound.Control(ctx, a.Store, log)
		if err != nil {
			return nil, err
		}
		if other.Portal == c.Portal && other.Mode != domain.ModeOff {
			out = append(out, fmt.Sprintf("the connection %s keeps HubSpot portal %s in step as well: two syncs on one portal go round "+
				"in circles (duolog mode off --connection %s)", name, c.Portal, name))
		}
	}
	return out, nil
}
