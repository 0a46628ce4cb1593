// Package sqlite is the embedded backend of eventstore: one file, one writer connection, a pool of readers.
package sqlite

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

// Config says which file to open and how. Zero values take the defaults named.
type Config struct {
	Path      string               // of the database file; made when missing
	MasterKey eventstore.MasterKey // required to Open
	// Migrate brings the schema up to date when opening; otherwise an older one is an error.
	Migrate      bool
	Clock        func() time.Time // time.Now
	PollInterval time.Duration    // 1 s: how soon another process' appends are noticed
	Readers      int              // 4 connections
	KeyCache     int              // 250 000 subject keys a connection
	BusyTimeout  time.Duration    // 5 s: how long to wait for another process that writes
	WriteTimeout time.Duration    // 30 s for a transaction of the group commit
}

// Validate says what is wrong with a configuration for Open.
func (c Config) Validate() error {
	if c.MasterKey.IsZero() {
		return errors.New("sqlite: a master key is required")
	}
	return c.validateFile()
}

// validateFile is enough for migrations, which read no data.
func (c Config) validateFile() error {
	switch {
	case c.Path == "":
		return errors.New("sqlite: a path is required")
	case c.Path == ":memory:":
		return errors.New("sqlite: a log in memory would not be durable")
	case c.PollInterval < 0 || c.BusyTimeout < 0 || c.WriteTimeout < 0 || c.Readers < 0 || c.KeyCache < 0:
		return fmt.Errorf("sqlite %s: a negative setting", c.Path)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	c.PollInterval = cmp.Or(c.PollInterval, time.Second)
	c.Readers = cmp.Or(c.Readers, 4)
	c.KeyCache = cmp.Or(c.KeyCache, 250_000)
	c.BusyTimeout = cmp.Or(c.BusyTimeout, 5*time.Second)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 30*time.Second)
	return c
}

func (c Config) engine() engine.Options {
	return engine.Options{
		MasterKey: c.MasterKey, Clock: c.Clock, PollInterval: c.PollInterval,
		KeyCache: c.KeyCache, WriteTimeout: c.WriteTimeout,
	}
}
