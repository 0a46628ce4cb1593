package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/adapters/stream/group"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/postgres"
	"github.com/duolog/duolog/eventstore/seal"
	"github.com/duolog/duolog/eventstore/sqlite"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/catalogs"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history"
	"github.com/duolog/duolog/projections/operations"
	"github.com/duolog/duolog/projections/outbound"
)

// App is an open database and what reads it. It sends nothing.
type App struct {
	Config
	Store    eventstore.Store
	Log      eventstore.Log
	Contacts *contacts.Reader
	History  *history.Reader
	Catalogs *catalogs.Reader
	// Operations reads operations and plans.
	Operations *operations.Reader
	Runner     *projections.Runner
	Ring       *ingest.Ring
	Groups     *group.Groups // the log's named consumers
	NewID      func() ulid.ULID
	Logger     *slog.Logger
	Actor      string // in acts of this process: "os:user@host"
	tokens     *httpapi.Tokens
	sealer     *seal.Sealer
	key        eventstore.MasterKey
	looks      looks
	screen     *screen
	began      Config // what it was opened with, without what was stored
}

// MasterKey is what the log's keys are wrapped by, for who reads it past the store.
func (a *App) MasterKey() eventstore.MasterKey { return a.key }

// Open opens the database of the configuration and the connection's log.
func Open(ctx context.Context, c Config, logger *slog.Logger) (*App, error) {
	if err := domain.CheckSchemas(); err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	key, err := c.masterKey()
	if err != nil {
		return nil, err
	}
	store, err := c.open(ctx, key)
	if err != nil {
		return nil, err
	}
	if err := whole(ctx, store); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	log, err := c.log(ctx, store)
	var unknown *UnknownConnectionError
	switch {
	case errors.As(err, &unknown):
		return nil, errors.Join(err, store.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("open connection %s: %w", c.Connection, err), store.Close())
	}
	a, err := c.over(ctx, store, key, log, logger)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return a, nil
}

// beside opens another connection of the database.
func (a *App) beside(ctx context.Context, c Config) (*App, error) {
	log, err := a.Store.Log(ctx, c.Connection)
	if err != nil {
		return nil, fmt.Errorf("open connection %s: %w", c.Connection, err)
	}
	return c.over(ctx, a.Store, a.key, log, a.Logger.With(slog.String("connection", c.Connection)))
}

// over is the App of a connection.
func (c Config) over(
	ctx context.Context, store eventstore.Store, key eventstore.MasterKey, log eventstore.Log, logger *slog.Logger,
) (*App, error) {
	a := &App{
		Config: c, began: c, Store: store, Log: log, Logger: logger, Actor: actor(),
		Contacts: contacts.NewReader(store, log), History: history.NewReader(store, log),
		Catalogs: catalogs.NewReader(store, log), Operations: operations.NewReader(store, log),
		Runner: projections.New(store, log, projections.Options{Log: logger}, Projections()...),
		Groups: group.New(store, log, time.Now),
		Ring:   ingest.NewRing(store, time.Now), NewID: ingest.NewIDs(time.Now),
		tokens: &httpapi.Tokens{Log: log, Clock: time.Now}, key: key,
	}
	a.shared, a.screen = grants{a}, newScreen(a)
	var err error
	if a.sealer, err = a.newSealer(); err != nil {
		return nil, err
	}
	if err := a.unlock(ctx); err != nil {
		return nil, err
	}
	if log, ok := log.(eventstore.Screened); ok { // last: whoever writes to the log meets the screen from here on
		log.Screen(a.screen.look)
	}
	return a, nil
}

// log opens the connection's log, which makes it when it is new.
func (c Config) log(ctx context.Context, store eventstore.Store) (eventstore.Log, error) {
	if c.Known {
		there, err := store.Connections(ctx)
		if err != nil {
			return nil, err
		}
		there = slices.DeleteFunc(there, func(name string) bool { return strings.HasPrefix(name, BenchPrefix) })
		if first := len(there) == 0 && c.Connection == DefaultConnection; !first && !slices.Contains(there, c.Connection) {
			return nil, &UnknownConnectionError{Name: c.Connection, There: there}
		}
	}
	return store.Log(ctx, c.Connection)
}

// Projections are all that are filled from the log and can be made again from it alone. The planner's state, which can be
// as well, goes its own way: outbound.Rebuild.
func Projections() []projections.Projection {
	return []projections.Projection{contacts.Projection{}, history.Projection{}, catalogs.Projection{}, operations.Projection{}}
}

// Close closes the database.
func (a *App) Close() error { return a.Store.Close() }

func (c Config) open(ctx context.Context, key eventstore.MasterKey) (eventstore.Store, error) {
	if path := c.SQLite(); path != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, fmt.Errorf("make the data folder: %w", err)
		}
		return sqlite.Open(ctx, sqlite.Config{Path: path, MasterKey: key, Migrate: true, Clock: c.Clock})
	}
	return postgres.Open(ctx, postgres.Config{
		URL: c.DatabaseURL, MasterKey: key, Migrate: c.Migrate, MaxConns: c.MaxConns, Clock: c.Clock,
	})
}

// masterKey loads the key, making its file when it is missing.
func (c Config) masterKey() (eventstore.MasterKey, error) {
	if c.Ephemeral && c.MasterKeyFile == "" {
		return eventstore.NewMasterKey(), nil
	}
	key, err := eventstore.LoadMasterKey(c.MasterKeyFile)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := os.MkdirAll(filepath.Dir(c.MasterKeyFile), 0o700); err != nil {
		return key, fmt.Errorf("make the key's folder: %w", err)
	}
	key, err = eventstore.CreateMasterKey(c.MasterKeyFile)
	if errors.Is(err, fs.ErrExist) { // another process was first
		return eventstore.LoadMasterKey(c.MasterKeyFile)
	}
	return key, err
}

func actor() string {
	user := os.Getenv("USER")
	if user == "" {
		user = "someone"
	}
	host, err := os.Hostname()
	if err != nil {
		host = "here"
	}
	return "os:" + user + "@" + host
}

// Control returns the connection's settings, mode and gate as planned so far, and up to which position.
func (a *App) Control(ctx context.Context) (planner.Control, int64, error) {
	return outbound.Control(ctx, a.Store, a.Log)
}
