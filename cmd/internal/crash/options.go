package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
)

// The modes: what goes wrong.
const (
	ModeKill     = "kill"     // serve is killed and started again
	ModeRival    = "rival"    // two serves on one database; the owner is killed or frozen
	ModePostgres = "postgres" // PostgreSQL is stopped and started
	ModeNetwork  = "network"  // the network between any two of all that is involved fails
	ModeDisk     = "disk"     // the room to write runs out, on SQLite
)

// The databases.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// enough is how often Aloware must deliver again so that nothing is lost while serve is down.
const enough = 100

// Options say what a campaign does.
type Options struct {
	Mode     string
	Database string
	Kills    int
	Contacts int
	Traffic  float64 // changes a second
	Seed     uint64  // 0: a random one

	HubSpotRetries, AlowareRetries int

	Folder string // of the database, for ModeDisk: on a file system that may be filled; none: file sizes are limited

	FailRate float64 // of API requests, before and again after they are carried out
	Keep     bool
	Race     bool      // build duolog with the race detector
	Log      io.Writer // progress; nil: none
}

// Defaults is a short campaign on SQLite.
func Defaults() Options {
	return Options{
		Mode: ModeKill, Database: SQLite, Kills: 20, Contacts: 60, Traffic: 6,
		HubSpotRetries: 10, AlowareRetries: enough, FailRate: 0.02,
	}
}

func (o *Options) check() error {
	switch {
	case !slices.Contains([]string{ModeKill, ModeRival, ModePostgres, ModeNetwork, ModeDisk}, o.Mode):
		return fmt.Errorf("--mode is %q: want kill, rival, postgres, network or disk", o.Mode)
	case !slices.Contains([]string{SQLite, Postgres}, o.Database):
		return fmt.Errorf("--database is %q: want sqlite or postgres", o.Database)
	case o.Kills < 0 || o.Contacts < 1 || o.Traffic <= 0:
		return fmt.Errorf("--kills cannot be negative, --contacts and --traffic must be above 0")
	}
	switch o.Mode {
	case ModeRival, ModePostgres:
		o.Database = Postgres
	case ModeDisk:
		o.Database = SQLite
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64() >> 1
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	return nil
}
