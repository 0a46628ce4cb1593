package eventstoretest

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

// Factory makes a fresh, migrated database for one test.
type Factory func(t *testing.T) *Database

// Database is a database that can be opened several times at once; each opening stands for a process of its own.
type Database struct {
	// Open opens the database; the suite closes what it opens.
	Open func(ctx context.Context, o Options) (eventstore.Store, error)
	// Location is where a process of its own finds the database: it hands it to the function given to Main.
	Location string
	// Raw goes past the store, as a person with the database's password and a common tool would.
	Raw *sql.DB
	// AfterCrash is the database as it is found after the processes that have it open died without a word. The same
	// Database may come back.
	AfterCrash func(t *testing.T) *Database
	// Backup backs the database up as its manual says, while it is in use, and restores it elsewhere.
	Backup func(t *testing.T) *Database
	// Files are patterns of the files the database lies in, nil when they cannot be read.
	Files []string
	// Statements are the SQL texts that read the log, by what they are for, with "IN ($keys)" for a list.
	Statements map[string]string
}

// Options are what a test varies between openings.
type Options struct {
	MasterKey eventstore.MasterKey
	// Poll is how long Wait waits without a wake-up.
	Poll time.Duration
	// NoNotify turns wake-ups between processes off, where there are any.
	NoNotify bool
	// Clock is the recording clock, nil for the system's.
	Clock func() time.Time
	// Wrap, when not nil, is put around the driver.
	Wrap func(engine.Driver) engine.Driver
}

// Backends, as Store.Backend names them.
const (
	backendPostgres = "postgres"
	backendSQLite   = "sqlite"
)

// patience bounds every wait of the suite: only a failure takes as long.
const patience = time.Minute

// Run proves the promises of package eventstore, each test on a database of its own.
func Run(t *testing.T, factory Factory) {
	groups := []struct {
		promise string
		tests   map[string]func(*testing.T, *fixture)
	}{
		{"Dense", denseTests},
		{"Immutable", immutableTests},
		{"Idempotent", idempotentTests},
		{"Expectations", expectationTests},
		{"Durable", durableTests},
		{"GroupCommit", groupTests},
		{"TxAppend", txAppendTests},
		{"Large", largeTests},
		{"WakeUp", wakeTests},
		{"Plans", planTests},
		{"KeyEpoch", epochTests},
		{"Reading", readingTests},
		{"Envelope", envelopeTests},
		{"Vault", vaultTests},
		{"Seam", seamTests},
		{"Closing", closingTests},
		{"Processes", processTests},
		{"Faults", faultTests},
		{"Restore", restoreTests},
		{"Writable", writableTests},
	}
	for _, g := range groups {
		t.Run(g.promise, func(t *testing.T) {
			for name, test := range g.tests {
				t.Run(name, func(t *testing.T) { test(t, newFixture(t, factory)) })
			}
		})
	}
}
