package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/aloware"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// askFor bounds how long a system is asked before settings are applied. It may be away, and a person waits: where nobody
// answers at all it is asked a second time and no more.
const askFor = 3 * time.Second

// Checked are settings and what does not fit in them, in themselves or to the two systems.
type Checked struct {
	Settings settings.Settings
	Faults   []settings.Fault
	// HubSpot is what the mapping was held against there.
	HubSpot Against
	// Unseen are the fields that Aloware documents and no contact there has shown yet.
	Unseen []string
	// InAloware says of each field how it is known to exist there: seen on n, declared, or never seen.
	InAloware map[string]string
}

// Against is what a mapping was held against: the properties a system has now, or had when they were seen last.
type Against struct {
	Now  bool
	Seen time.Time // zero: never, so nothing was checked
	Why  string    // the system was not asked now
}

// CheckMapping holds settings against both systems, as far as this process can reach them: against what HubSpot has
// now, or else had when it was looked at last. Aloware lists nothing: there it is what it documents and what was seen.
func (a *App) CheckMapping(ctx context.Context, s settings.Settings) (Checked, error) {
	c := Checked{Settings: s, Faults: s.Validate()}
	if len(c.Faults) > 0 {
		return c, nil
	}
	control, _, err := a.Control(ctx)
	if err != nil {
		return c, err
	}
	var props []domain.Property
	if c.HubSpot, props, err = a.propertiesNow(ctx, s, control); err != nil {
		return c, err
	}
	c.Faults = s.CheckSchema(props, withShown(aloware.Documented(), control.Shown))
	c.InAloware = map[string]string{}
	for _, f := range s.Fields {
		c.InAloware[f.Name] = inAloware(f, control.Shown)
		if len(control.Shown) > 0 && control.Shown[f.Aloware.Read] == 0 {
			c.Unseen = append(c.Unseen, f.Name)
		}
	}
	return c, nil
}

// propertiesNow returns what HubSpot has now, or had when it was looked at last, and which of them it is.
func (a *App) propertiesNow(ctx context.Context, s settings.Settings, c planner.Control) (Against, []domain.Property, error) {
	props, err := a.askHubSpot(ctx, s, c)
	if err == nil {
		return Against{Now: true, Seen: a.now()}, props, nil
	}
	out := Against{Why: err.Error()}
	props, out.Seen, err = a.lastSchema(ctx, c, domain.HubSpot)
	return out, props, err
}

// askHubSpot reads the properties of the connection's own portal.
func (a *App) askHubSpot(ctx context.Context, s settings.Settings, c planner.Control) ([]domain.Property, error) {
	client, err := a.hubspot(s, nil, 2)
	if err != nil {
		return nil, errors.New("this shell has no access to it")
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	portal, err := client.Identify(ctx)
	switch {
	case err != nil:
		return nil, err
	case c.Portal != "" && c.Portal != portal:
		return nil, fmt.Errorf("the token opens portal %s, this connection belongs to %s", portal, c.Portal)
	}
	return client.Schema(ctx)
}

// lastSchema returns the properties a system was seen to have last, none when it was never looked at.
func (a *App) lastSchema(ctx context.Context, c planner.Control, s domain.System) ([]adapters.Property, time.Time, error) {
	seen := c.Schemas[s]
	if seen.Position == 0 {
		return nil, time.Time{}, nil
	}
	events, err := a.Log.Get(ctx, seen.Position)
	if err != nil || len(events) == 0 {
		return nil, time.Time{}, err
	}
	var o domain.Schema
	if err := domain.Decode(events[0].Type, events[0].Schema, events[0].Data, &o); err != nil {
		return nil, time.Time{}, fmt.Errorf("%s at %d: %w", events[0].Type, seen.Position, err)
	}
	return o.Properties, time.UnixMicro(seen.Clock).UTC(), nil
}
