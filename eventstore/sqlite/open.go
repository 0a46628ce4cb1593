package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

// Open opens the database, and makes it when the configuration says to migrate.
func Open(ctx context.Context, c Config) (eventstore.Store, error) { return openWrapped(ctx, c, nil) }

// openWrapped puts wrap, when there is one, around the driver.
func openWrapped(ctx context.Context, c Config, wrap func(engine.Driver) engine.Driver) (eventstore.Store, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	if c.Migrate {
		if _, err := Migrate(ctx, c); err != nil {
			return nil, err
		}
	} else if err := checkSchema(ctx, c); err != nil {
		return nil, err
	}
	d, err := openDriver(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", c.Path, err)
	}
	var outer engine.Driver = d
	if wrap != nil {
		outer = wrap(d)
	}
	return engine.New(outer, c.engine()), nil
}

func openDriver(ctx context.Context, c Config) (*driver, error) {
	writers, err := sql.Open("sqlite", dsn(c, "&_txlock=immediate"))
	if err != nil {
		return nil, err
	}
	writers.SetMaxOpenConns(1)
	readers, err := sql.Open("sqlite", dsn(c, "&_query_only=1"))
	if err != nil {
		return nil, errors.Join(err, writers.Close())
	}
	readers.SetMaxOpenConns(c.Readers)
	readers.SetMaxIdleConns(c.Readers)
	w, err := newWriter(ctx, writers)
	if err != nil {
		return nil, errors.Join(translate(err), writers.Close(), readers.Close())
	}
	return &driver{readers: newReader(readers), writer: w}, nil
}

// dsn has the "file:" form always, with a path that may hold any character. recursive_triggers keeps INSERT OR REPLACE
// from getting round the triggers that refuse deletes; secure_delete overwrites what is deleted.
func dsn(c Config, extra string) string {
	return fileURI(c.Path) + fmt.Sprintf("?_pragma=busy_timeout(%d)", c.BusyTimeout/time.Millisecond) +
		"&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=recursive_triggers(1)" +
		"&_pragma=secure_delete(1)&_dqs=0" + extra
}

func fileURI(path string) string {
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
}

// createFile makes an empty database that only its owner reads; SQLite gives its other files the same mode.
func createFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	return f.Close()
}
