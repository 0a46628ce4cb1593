package app

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/hubspot"
	"github.com/duolog/duolog/domain"
)

// credentials are what opens each system, by their names in the configuration file.
var credentials = map[domain.System][]string{
	domain.HubSpot: {"access_token", "client_id", "refresh_token", "client_secret"},
	domain.Aloware: {"api_token", "webhook_token"},
}

// resolve reads credentials from where they stand, by the key of the configuration file. A secret itself is refused: what
// is sent over HTTP lies about in the histories and logs of those who send it.
func resolve(c httpapi.Credentials, getenv func(string) string) (map[string]string, error) {
	out := map[string]string{}
	for system, given := range map[domain.System]map[string]string{domain.HubSpot: c.HubSpot, domain.Aloware: c.Aloware} {
		for _, name := range sortedNames(given) {
			key, at := string(system)+"."+name, given[name]
			if !slices.Contains(credentials[system], name) {
				return nil, fmt.Errorf("%w: of %s these may be given: %s", httpapi.ErrBadInput, system, strings.Join(credentials[system], ", "))
			}
			if !strings.HasPrefix(at, "env:") && !strings.HasPrefix(at, "file:") {
				return nil, fmt.Errorf("%w: say where %s stands, env:NAME or file:PATH as the service sees it, and not what it is", httpapi.ErrBadInput, key)
			}
			value, err := referred(at, getenv)
			if err != nil || value == "" {
				return nil, fmt.Errorf("%w: %s cannot be read at %s: the service must see it, and it must not be empty", httpapi.ErrBadInput, key, at)
			}
			out[key] = value
		}
	}
	return out, nil
}

// AddConnection implements httpapi.Setup.
func (h *host) AddConnection(ctx context.Context, name string, c httpapi.Credentials, by httpapi.By) (httpapi.Connecting, error) {
	secrets, err := resolve(c, os.Getenv)
	if err != nil {
		return httpapi.Connecting{}, err
	}
	if err := h.first.AddConnection(ctx, name, by); err != nil {
		return httpapi.Connecting{}, err
	}
	return h.give(ctx, name, secrets)
}

// GiveCredentials implements httpapi.Setup.
func (h *host) GiveCredentials(ctx context.Context, name string, c httpapi.Credentials) (httpapi.Connecting, error) {
	if _, err := h.there(ctx, name); err != nil {
		return httpapi.Connecting{}, err
	}
	secrets, err := resolve(c, os.Getenv)
	if err != nil {
		return httpapi.Connecting{}, err
	}
	if len(secrets) == 0 {
		return httpapi.Connecting{}, fmt.Errorf("%w: no credential is named", httpapi.ErrBadInput)
	}
	return h.give(ctx, name, secrets)
}

// give stores credentials and has the connection served under them. That of the process itself keeps those it began with.
func (h *host) give(ctx context.Context, name string, secrets map[string]string) (httpapi.Connecting, error) {
	a, err := h.there(ctx, name)
	if err != nil {
		return httpapi.Connecting{}, err
	}
	switch access, refresh := secrets[keyAccess] != "", secrets[keyRefresh] != ""; { // one way in, not two
	case refresh && !access:
		secrets[keyAccess] = ""
	case access && !refresh:
		secrets[keyRefresh] = ""
	}
	if err := a.storeSecrets(ctx, secrets); err != nil {
		return httpapi.Connecting{}, err
	}
	h.lookAgain(name)
	out, err := h.Connecting(ctx, name)
	switch {
	case err != nil || len(secrets) == 0:
	case name == h.first.Connection:
		out.Notes = append(out.Notes, "The credentials are stored; this service goes on under those it began with until it is restarted.")
	default:
		out.Notes = append(out.Notes, "The credentials are stored, and this process serves the connection under them within moments; "+
			"other processes of the database do so after a restart or SIGHUP.")
	}
	return out, err
}

// there is a connection of the database with what is stored of it now.
func (h *host) there(ctx context.Context, name string) (*App, error) {
	names, err := h.first.Store.Connections(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(names, name) {
		return nil, fmt.Errorf("%w: there is no connection of this name; POST /v1/connections makes one", httpapi.ErrNotFound)
	}
	if name == h.first.Connection {
		return h.first.beside(ctx, h.first.began)
	}
	return h.first.beside(ctx, h.first.For(name))
}

// RemoveConnection implements httpapi.Setup.
func (h *host) RemoveConnection(ctx context.Context, name string, by httpapi.By) (httpapi.Removed, error) {
	a, err := h.there(ctx, name)
	if err != nil {
		return httpapi.Removed{}, err
	}
	if name == h.first.Connection {
		return httpapi.Removed{}, fmt.Errorf("%w: this service was started for %s: end it and say duolog connections remove %s, "+
			"or stop the sync alone by mode off", httpapi.ErrConflict, name, name)
	}
	if err := a.Disconnect(ctx, domain.Systems[:], by); err != nil {
		return httpapi.Removed{}, err
	}
	h.lookAgain(name)
	out := httpapi.Removed{Connection: name, Left: Left(domain.Systems[:])}
	if _, ok := h.first.Named[name]; ok {
		out.Left = append(out.Left, "the connection in the service's configuration file, and a restart or SIGHUP: until then it is served, in mode off")
	}
	return out, nil
}

// Left says what of a system is a person's to remove after a connection was.
func Left(systems []domain.System) (out []string) {
	for _, s := range systems {
		if s == domain.HubSpot {
			out = append(out, "HubSpot: the app and its webhooks (Development → Projects → duolog)",
				"HubSpot: the property "+hubspot.UniqueProperty+", which ties contacts to their records in the log")
		} else {
			out = append(out, `Aloware: the webhook "Duolog" (Integrations → Webhooks)`)
		}
	}
	return out
}

// Prepare implements httpapi.Setup.
func (h *host) Prepare(ctx context.Context, name string) (httpapi.Connecting, error) {
	a, err := h.there(ctx, name)
	if err != nil {
		return httpapi.Connecting{}, err
	}
	if !a.opensHubSpot() {
		return httpapi.Connecting{}, fmt.Errorf("%w: HubSpot's credentials are not given yet: POST …/credentials", httpapi.ErrConflict)
	}
	if err := a.PrepareHubSpot(ctx); err != nil {
		return httpapi.Connecting{}, fmt.Errorf("%w: %w", httpapi.ErrConflict, err)
	}
	return h.Connecting(ctx, name)
}

// Connecting implements httpapi.Setup.
func (h *host) Connecting(ctx context.Context, name string) (httpapi.Connecting, error) {
	a, err := h.there(ctx, name)
	if err != nil {
		return httpapi.Connecting{}, err
	}
	var tested tester
	if s := h.named(name); s != nil {
		tested, _ = s.conn.Aloware.(tester)
	}
	return a.connecting(ctx, tested)
}
