// Package postgres is the server backend of eventstore, on pgx.
package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

// Config says which database to open and how. Zero values take the defaults named.
type Config struct {
	URL       string               // postgres://user:password@host:port/database
	MasterKey eventstore.MasterKey // required to Open
	// Schema, when set, is the PostgreSQL schema that holds the tables; it must exist.
	Schema string
	// Migrate brings the schema up to date when opening; otherwise an older one is an error.
	Migrate      bool
	Clock        func() time.Time // time.Now
	PollInterval time.Duration    // 1 s: how soon appends are noticed when no notification comes
	MaxConns     int              // 16 connections, besides two for keys and one that listens
	KeyCache     int              // 250 000 subject keys a connection
	WriteTimeout time.Duration    // 30 s for a transaction of the group commit
	// IdleTimeout is how long a transaction may stand still between two statements before the server ends it: a process
	// that was frozen must not hold the head's lock for as long as it sleeps. 5 s
	IdleTimeout time.Duration
	// SilenceLimit is how long the server may say nothing while an answer is waited for; then the connection counts as
	// dead. 60 s
	SilenceLimit time.Duration
	// NoNotify turns NOTIFY and LISTEN off, for servers and poolers without them.
	NoNotify bool
}

// Validate says what is wrong with a configuration for Open.
func (c Config) Validate() error {
	if c.MasterKey.IsZero() {
		return errors.New("postgres: a master key is required")
	}
	if c.PollInterval < 0 || c.WriteTimeout < 0 || c.IdleTimeout < 0 || c.SilenceLimit < 0 || c.MaxConns < 0 || c.KeyCache < 0 {
		return errors.New("postgres: a negative setting")
	}
	_, err := c.pool()
	return err
}

func (c Config) withDefaults() Config {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	c.PollInterval = cmp.Or(c.PollInterval, time.Second)
	c.MaxConns = cmp.Or(c.MaxConns, 16)
	c.KeyCache = cmp.Or(c.KeyCache, 250_000)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 30*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 5*time.Second)
	c.SilenceLimit = cmp.Or(c.SilenceLimit, time.Minute)
	return c
}

func (c Config) engine() engine.Options {
	return engine.Options{
		MasterKey: c.MasterKey, Clock: c.Clock, PollInterval: c.PollInterval,
		KeyCache: c.KeyCache, WriteTimeout: c.WriteTimeout,
	}
}

// pool is pgx's form of the configuration. pgx leaves the password out of its parse errors.
func (c Config) pool() (*pgxpool.Config, error) {
	if c.URL == "" {
		return nil, errors.New("postgres: a URL is required")
	}
	config, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if c.Schema != "" {
		config.ConnConfig.RuntimeParams["search_path"] = c.Schema
	}
	return config, nil
}
