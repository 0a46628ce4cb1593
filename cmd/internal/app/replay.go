package app

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/replay"
)

// Replay decides again on the connection's log.
func (a *App) Replay(ctx context.Context, c replay.Config) (replay.Summary, error) {
	return replay.Run(ctx, a.deciding(c))
}

// WhatIf decides again on the connection's log under other settings.
func (a *App) WhatIf(ctx context.Context, c replay.Config, s settings.Settings) (replay.Forecast, error) {
	return replay.WhatIf(ctx, a.deciding(c), s)
}

// deciding is a config on the connection's log. What memory does not hold lies, meanwhile, beside an embedded database,
// where there is room for a log.
func (a *App) deciding(c replay.Config) replay.Config {
	c.DB, c.Log = a.Store, a.Log
	if path := a.SQLite(); path != "" {
		c.Scratch.Dir = filepath.Dir(path)
	}
	return c
}

// Impact says what a version of the settings caused: it decides again, under the version before, on what came in while
// this one was in force.
func (a *App) Impact(ctx context.Context, c replay.Config, version int) (httpapi.Impact, error) {
	out := httpapi.Impact{Settled: map[string]int64{}}
	all, err := a.SettingsHistory(ctx)
	if err != nil {
		return out, err
	}
	i := slices.IndexFunc(all, func(v SettingsVersion) bool { return v.Version == version })
	switch {
	case i < 0:
		return out, fmt.Errorf("there is no version %d of the settings, the last one is %d: %w", version, len(all), httpapi.ErrNotFound)
	case i == 0:
		return out, fmt.Errorf("%w: version %d is the first one: there is none before it to compare with", httpapi.ErrBadInput, version)
	case i+1 < len(all):
		out.Until = all[i+1].Position - 1
	}
	if c.To == 0 || out.Until > 0 && out.Until < c.To {
		c.To = out.Until
	}
	out.SettingsVersion, out.Changes = all[i], settings.Diff(all[i-1].Settings, all[i].Settings)
	c.From = all[i].Position
	c.Settled = func(o domain.Outcome) {
		if o.Kind == domain.KindCreate || o.Kind == domain.KindUpdate {
			out.Settled[o.Result]++
		}
	}
	out.Forecast, err = a.WhatIf(ctx, c, all[i-1].Settings)
	return out, err
}
