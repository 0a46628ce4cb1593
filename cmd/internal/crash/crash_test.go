package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/duolog/duolog/eventstore/eventstoretest"
)

// short runs a campaign that takes seconds and wants nothing found. make crash does the same for longer.
func short(t *testing.T, mode, database string, kills int) Result {
	t.Helper()
	o := Defaults()
	o.Mode, o.Database, o.Kills, o.Contacts, o.Traffic, o.FailRate = mode, database, kills, 8, 4, 0
	o.Seed, o.Log = 3, t.Output()
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatalf("%v: see %s", err, r.Kept)
	}
	for _, v := range r.Violations {
		t.Errorf("seed %d, kept in %s: %s", r.Seed, r.Kept, v)
	}
	// The judge must have had something to judge.
	if r.Pairs < o.Contacts || r.FieldsCompared == 0 || r.ValuesTraced == 0 || r.Facts == 0 || !r.Verified {
		t.Errorf("the campaign saw too little: %+v", r)
	}
	return r
}

// TestKill: a serve killed three times under traffic loses nothing and doubles nothing.
func TestKill(t *testing.T) {
	t.Parallel()
	if r := short(t, ModeKill, SQLite, 3); r.Kills != 3 {
		t.Errorf("%d kills, want 3", r.Kills)
	}
}

// TestNetwork: the same of a network that fails once between any two.
func TestNetwork(t *testing.T) {
	t.Parallel()
	eventstoretest.NeedPostgres(t)
	r := short(t, ModeNetwork, Postgres, 4)
	met := map[string]bool{}
	for fault := range r.Faults {
		to, _, _ := strings.Cut(fault, ",")
		met[to] = true
	}
	if len(met) != 4 {
		t.Errorf("spoilt were the ways to %v, want both systems, the database and serve", met)
	}
}

// TestDisk: the same of a disk that is full, and of a process killed while it is.
func TestDisk(t *testing.T) {
	t.Parallel()
	if r := short(t, ModeDisk, SQLite, 2); r.Shortages != 2 || r.Kills != 1 {
		t.Errorf("%d shortages, %d kills, want 2 and 1", r.Shortages, r.Kills)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{"--mode", "flood"}, {"--database", "mysql"}, {"--kills", "-1"}, {"--contacts", "0"}, {"more"}, {"--what"},
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, &out, &errs); code != exitUsage || out.Len() > 0 {
			t.Errorf("%s: exit %d, %q", strings.Join(args, " "), code, errs.String())
		}
	}
}
