package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/secret"
)

// Others are the connections duolog serve serves beside this one: those the file names, and those whose credentials are
// stored.
func (a *App) Others(ctx context.Context, c Config) ([]Config, error) {
	names, err := secret.Connections(ctx, a.Store, keyAloware) // what connect asks for last
	if err != nil {
		return nil, err
	}
	for name := range c.Named {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out []Config
	for _, name := range names {
		if name != a.Connection && !strings.HasPrefix(name, BenchPrefix) {
			out = append(out, c.For(name))
		}
	}
	return out, nil
}

// For is the configuration of a connection by its name: what the environment says is the first one's alone, but for
// where the systems are.
func (c Config) For(name string) Config {
	named := c.Named[name]
	if named.HubSpot.BaseURL == "" {
		named.HubSpot.BaseURL = c.HubSpot.BaseURL
	}
	if named.HubSpot.APIVersion == "" {
		named.HubSpot.APIVersion = c.HubSpot.APIVersion
	}
	if named.Aloware.BaseURL == "" {
		named.Aloware.BaseURL = c.Aloware.BaseURL
	}
	c.Connection, c.HubSpot, c.Aloware = name, named.HubSpot, named.Aloware
	return c
}

// Connections lists those of the database, by name.
func (a *App) Connections(ctx context.Context) ([]httpapi.ConnectionInfo, error) {
	names, err := a.Store.Connections(ctx)
	if err != nil {
		return nil, err
	}
	others, err := a.Others(ctx, a.Config)
	if err != nil {
		return nil, err
	}
	var out []httpapi.ConnectionInfo
	for _, name := range names {
		if strings.HasPrefix(name, BenchPrefix) {
			continue
		}
		b, err := a.beside(ctx, a.For(name))
		if err != nil {
			return nil, err
		}
		s, err := b.Status(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, httpapi.ConnectionInfo{
			Name: name, Portal: s.Systems[string(domain.HubSpot)].Account, Account: s.Systems[string(domain.Aloware)].Account,
			Mode: s.Mode, Events: s.Head, Needs: int64(len(s.Needs)),
			Served: name == a.Connection || slices.ContainsFunc(others, func(c Config) bool { return c.Connection == name }),
		})
	}
	return out, nil
}

// AddConnection makes the log of a new connection, switched off.
func (a *App) AddConnection(ctx context.Context, name string, by httpapi.By) error {
	if !slugShape.MatchString(name) || strings.HasPrefix(name, BenchPrefix) {
		return fmt.Errorf("%w: %q is no name of a connection: small letters, digits and -, for ever", httpapi.ErrBadInput, name)
	}
	names, err := a.Store.Connections(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(names, name) {
		return fmt.Errorf("%w: there is a connection %s already: take another name, or go on with it by duolog connect", httpapi.ErrConflict, name)
	}
	b, err := a.beside(ctx, a.For(name))
	if err != nil {
		return err
	}
	_, err = b.StandBy(ctx, by)
	return err
}
