package app

import (
	"context"
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
