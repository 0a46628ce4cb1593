package app

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/secret"
)

// keepTime bounds the storing of a refresh token, which a call to HubSpot waits for.
const keepTime = 5 * time.Second

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
const (
	keyAccess     = "hubspot.access_token"
	keyRefresh    = "hubspot.refresh_token"
	keyAloware    = "aloware.api_token"
	keySubscribed = "hubspot.subscribed"
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

// keepRefresh stores the refresh token HubSpot gave in place of the one before.
func (a *App) keepRefresh(token string) {
	ctx, cancel := context.WithTimeout(context.Background(), keepTime)
	defer cancel()
	if err := a.secrets().Put(ctx, a.now().UnixMicro(), map[string]string{keyRefresh: token}); err != nil {
		a.Logger.Error("HubSpot gave a new refresh token, which could not be stored", slog.Any("error", err))
	}
}

// ofSystem are the names under which what opens a system is stored.
func ofSystem(s domain.System) (keys []string) {
	for _, k := range known {
		if strings.HasPrefix(k.key, string(s)+".") {
			keys = append(keys, k.key)
		}
	}
	if s == domain.HubSpot {
		keys = append(keys, keySubscribed, keyUsage)
	}
	return keys
}
