package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
	"github.com/duolog/duolog/migrations"
)

// Migrate brings the schema up to date and returns what it applied.
func Migrate(ctx context.Context, c Config) ([]eventstore.Migration, error) {
	c = c.withDefaults()
	if err := checkSchema(ctx, c); err == nil {
		return nil, nil
	} else if newer := (engine.NewerError{}); errors.As(err, &newer) || errors.Is(err, eventstore.ErrUnavailable) {
		return nil, err
	}
	if err := mayMigrate(ctx, c); err != nil {
		return nil, fmt.Errorf("migrate database: %w", translate(err))
	}
	// A lock in a table, not an advisory one: those do nothing on some distributed engines.
	locker, err := lock.NewPostgresTableLocker(lock.WithTableLockTimeout(200*time.Millisecond, 1500))
	if err != nil {
		return nil, err
	}
	var applied []eventstore.Migration
	err = withProvider(c, func(p *goose.Provider) error {
		results, err := p.Up(ctx)
		for _, r := range results {
			applied = append(applied, eventstore.Migration{
				Version: r.Source.Version, Name: r.Source.Path, Applied: true, AppliedAt: c.Clock(),
			})
		}
		return err
	}, goose.WithLocker(locker))
	if err != nil {
		return applied, fmt.Errorf("migrate database: %w", translate(err))
	}
	return applied, nil
}

// mayMigrate refuses a role that may make no tables: migrating would try for minutes to take a lock it has no right to.
func mayMigrate(ctx context.Context, c Config) (err error) {
	db, err := openSQL(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var role string
	var may sql.NullBool // NULL: there is no schema, which migrating tells
	err = db.QueryRowContext(ctx, "SELECT CAST(current_user AS TEXT), has_schema_privilege(current_schema(), 'CREATE')").Scan(&role, &may)
	if err == nil && may.Valid && !may.Bool {
		err = refusal(role + " may make no tables")
	}
	return err
}

// Status lists the migrations this program has and which of them the database has. It changes nothing and takes no lock, so
// a role that only serves may ask.
func Status(ctx context.Context, c Config) ([]eventstore.Migration, error) {
	var all []eventstore.Migration
	c = c.withDefaults()
	err := withProvider(c, func(p *goose.Provider) error {
		found, err := schemaVersion(ctx, c)
		if err != nil {
			return err
		}
		if found == 0 { // or Status would make a table
			for _, s := range p.ListSources() {
				all = append(all, eventstore.Migration{Version: s.Version, Name: s.Path})
			}
			return nil
		}
		list, err := p.Status(ctx)
		for _, m := range list {
			all = append(all, eventstore.Migration{
				Version: m.Source.Version, Name: m.Source.Path,
				Applied: m.State == goose.StateApplied, AppliedAt: m.AppliedAt,
			})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("schema of database: %w", translate(err))
	}
	return all, nil
}

func openSQL(c Config) (*sql.DB, error) {
	config, err := c.pool()
	if err != nil {
		return nil, err
	}
	return stdlib.OpenDB(*config.ConnConfig), nil
}

func withProvider(c Config, fn func(*goose.Provider) error, options ...goose.ProviderOption) (err error) {
	db, err := openSQL(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(4) // the locker holds one while migrations run on another
	fsys, err := migrations.For("postgres")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, fsys, append(options, goose.WithDisableGlobalRegistry(true))...)
	if err != nil {
		return err
	}
	return fn(p)
}

// checkSchema fails unless the schema is the one this program works with.
func checkSchema(ctx context.Context, c Config) error {
	latest, err := migrations.Latest("postgres")
	if err != nil {
		return err
	}
	found, err := schemaVersion(ctx, c)
	if err != nil {
		return fmt.Errorf("read schema version: %w", translate(err))
	}
	return engine.CheckVersion("database", found, latest)
}

func schemaVersion(ctx context.Context, c Config) (version int64, err error) {
	db, err := openSQL(c)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var exists bool
	err = db.QueryRowContext(ctx, "SELECT to_regclass('goose_db_version') IS NOT NULL").Scan(&exists)
	if err != nil || !exists {
		return 0, err
	}
	err = db.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version").Scan(&version)
	return version, err
}
