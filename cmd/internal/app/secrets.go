package app

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/duolog/duolog/adapters/hubspot"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/secret"
)

// filled is the configuration with what was stored of the connection in place of what it leaves open. An access that was
// said in the environment is not mixed with a stored one.
func (c Config) filled(stored map[string]string) Config {
	said := c.HubSpot.AccessToken != "" || c.HubSpot.RefreshToken != ""
	for _, s := range known {
		text, ok := stored[s.key]
		access := s.key == keyAccess || s.key == keyRefresh
		if into := s.into(&c); ok && *into == "" && (!access || !said) {
			*into = text
		}
	}
	return c
}

// The keys of what opens the systems; keySubscribed is no secret: the properties the app was last written to subscribe to.
// keyGrant is what processes share of HubSpot's access, keyClaim the turn of the one that refreshes it.
const (
	keyAccess     = "hubspot.access_token"
	keyRefresh    = "hubspot.refresh_token"
	keyAloware    = "aloware.api_token"
	keySubscribed = "hubspot.subscribed"
	keyGrant      = "hubspot.grant"
	keyClaim      = "hubspot.refreshing"
)

func (a *App) secrets() secret.Box { return secret.Of(a.Store, a.Log) }

// unlock takes what was stored of the connection.
func (a *App) unlock(ctx context.Context) error {
	stored, err := a.secrets().All(ctx)
	if err == nil {
		a.Config = a.filled(stored)
	}
	return err
}

// grants are what the connection's processes share of their access to HubSpot. It implements hubspot.Shared.
type grants struct{ app *App }

func (g grants) Load(ctx context.Context) (hubspot.Grant, error) {
	var kept hubspot.Grant
	stored, err := g.app.secrets().All(ctx)
	if err != nil || stored[keyGrant] == "" {
		return kept, err
	}
	return kept, json.Unmarshal([]byte(stored[keyGrant]), &kept)
}

func (g grants) Claim(ctx context.Context, now, until time.Time) (bool, error) {
	return g.app.secrets().Claim(ctx, keyClaim, now.UnixMicro(), until.UnixMicro())
}

// Keep stores a grant; a new refresh token stands in place of the one before, also for the next start.
func (g grants) Keep(ctx context.Context, kept hubspot.Grant) error {
	text, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	keep := map[string]string{keyGrant: string(text)}
	if kept.Refresh != g.app.HubSpot.RefreshToken {
		keep[keyRefresh] = kept.Refresh
	}
	return g.app.secrets().Put(ctx, g.app.now().UnixMicro(), keep)
}

func (g grants) Release(ctx context.Context) error {
	return g.app.secrets().Put(ctx, 0, map[string]string{keyClaim: ""})
}

// ofSystem are the names under which what opens a system is stored.
func ofSystem(s domain.System) (keys []string) {
	for _, k := range known {
		if strings.HasPrefix(k.key, string(s)+".") {
			keys = append(keys, k.key)
		}
	}
	if s == domain.HubSpot {
		keys = append(keys, keySubscribed, keyUsage, keyGrant, keyClaim)
	}
	return keys
}
