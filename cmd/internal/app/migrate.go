package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/postgres"
	"github.com/duolog/duolog/eventstore/sqlite"
)

// Migrate brings the schema up to date and returns the steps taken.
func Migrate(ctx context.Context, c Config) ([]eventstore.Migration, error) {
	c.Ephemeral = true
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if path := c.SQLite(); path != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, fmt.Errorf("make the data folder: %w", err)
		}
		return sqlite.Migrate(ctx, sqlite.Config{Path: path, MasterKey: eventstore.NewMasterKey()})
	}
	return postgres.Migrate(ctx, postgres.Config{URL: c.DatabaseURL, MasterKey: eventstore.NewMasterKey()})
}

// MigrationStatus lists all steps of the schema, applied or not.
func MigrationStatus(ctx context.Context, c Config) ([]eventstore.Migration, error) {
	c.Ephemeral = true
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if path := c.SQLite(); path != "" {
		return sqlite.Status(ctx, sqlite.Config{Path: path, MasterKey: eventstore.NewMasterKey()})
	}
	return postgres.Status(ctx, postgres.Config{URL: c.DatabaseURL, MasterKey: eventstore.NewMasterKey()})
}

// ErrNoRoles: a SQLite file has no roles, only a mode.
var ErrNoRoles = errors.New("SQLite knows no roles: who may write the file may change it")

// GrantRuntime gives a role of PostgreSQL the rights to serve, and none to change or remove an event.
func GrantRuntime(ctx context.Context, c Config, role string) error {
	if c.SQLite() != "" {
		return ErrNoRoles
	}
	return postgres.GrantRuntime(ctx, postgres.Config{URL: c.DatabaseURL}, role)
}

// Unserved lists the roles of PostgreSQL that serve and lack a right to what a migration made since: GrantRuntime gives it.
func Unserved(ctx context.Context, c Config) ([]string, error) {
	if c.SQLite() != "" {
		return nil, nil
	}
	return postgres.Unserved(ctx, postgres.Config{URL: c.DatabaseURL})
}

// protection finds what keeps the log from being changed.
func (a *App) protection(ctx context.Context) (Finding, error) {
	look, fix := postgres.Protection, "duolog migrate status; a restore without its triggers is not the log that was backed up"
	if a.SQLite() != "" {
		look = sqlite.Protection
	}
	detail, ok, err := look(ctx, a.Store)
	return Finding{Name: "immutability", OK: ok, Detail: detail, Fix: fix}, err
}
