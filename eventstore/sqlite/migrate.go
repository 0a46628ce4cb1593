package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
	"github.com/duolog/duolog/migrations"
)

// Migrate brings the schema up to date, making the file when it is missing, and returns what it applied.
func Migrate(ctx context.Context, c Config) ([]eventstore.Migration, error) {
	if err := c.validateFile(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	if err := checkSchema(ctx, c); err == nil {
		return nil, nil
	} else if newer := (engine.NewerError{}); errors.As(err, &newer) {
		return nil, err
	}
	if err := createFile(c.Path); err != nil {
		return nil, err
	}
	unlock, err := lockMigrations(ctx, c)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var applied []eventstore.Migration
	err = withProvider(c, func(p *goose.Provider, db *sql.DB) error {
		results, err := p.Up(ctx)
		if err == nil {
			err = estimate(ctx, db)
		}
		for _, r := range results {
			applied = append(applied, eventstore.Migration{
				Version: r.Source.Version, Name: r.Source.Path, Applied: true, AppliedAt: c.Clock(),
			})
		}
		return err
	})
	if err != nil {
		return applied, fmt.Errorf("migrate %s: %w", c.Path, translate(err))
	}
	return applied, nil
}

// Status lists the migrations this program has and which of them the database has.
func Status(ctx context.Context, c Config) ([]eventstore.Migration, error) {
	if err := c.validateFile(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(c.Path); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", c.Path, err)
	}
	c = c.withDefaults()
	var all []eventstore.Migration
	err := withProvider(c, func(p *goose.Provider, _ *sql.DB) error {
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
		return nil, fmt.Errorf("schema of %s: %w", c.Path, translate(err))
	}
	return all, nil
}

func withProvider(c Config, fn func(*goose.Provider, *sql.DB) error) (err error) {
	db, err := sql.Open("sqlite", dsn(c, ""))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	fsys, err := migrations.For("sqlite")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, fsys, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	return fn(p, db)
}

// lockMigrations keeps processes that start at once from migrating at once, by an exclusive transaction on a small
// database beside ours: SQLite's own locks work on every system and end with their process.
func lockMigrations(ctx context.Context, c Config) (unlock func(), err error) {
	wait := fmt.Sprintf("?_pragma=busy_timeout(%d)&_txlock=exclusive", time.Minute/time.Millisecond)
	db, err := sql.Open("sqlite", fileURI(c.Path+".migrate")+wait)
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock migrations of %s: %w", c.Path, translate(err)), db.Close())
	}
	return func() {
		_ = tx.Rollback()
		_ = db.Close()
	}, nil
}

// checkSchema fails unless the schema is the one this program works with.
func checkSchema(ctx context.Context, c Config) error {
	latest, err := migrations.Latest("sqlite")
	if err != nil {
		return err
	}
	if _, err := os.Stat(c.Path); err != nil {
		return fmt.Errorf("open %s: %w: no such file; to make it, run: duolog migrate up", c.Path, eventstore.ErrSchema)
	}
	found, err := schemaVersion(ctx, c)
	if err != nil {
		return fmt.Errorf("read schema version of %s: %w", c.Path, translate(err))
	}
	return engine.CheckVersion(c.Path, found, latest)
}

func schemaVersion(ctx context.Context, c Config) (version int64, err error) {
	db, err := sql.Open("sqlite", dsn(c, "&_query_only=1"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var tables int64
	err = db.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master WHERE name = 'goose_db_version'").Scan(&tables)
	if err != nil || tables == 0 {
		return 0, err
	}
	err = db.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version").Scan(&version)
	return version, err
}
