package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestKill: a serve killed three times under traffic loses nothing and doubles nothing. make crash does it for longer.
func TestKill(t *testing.T) {
	t.Parallel()
	o := Defaults()
	o.Kills, o.Contacts, o.Traffic, o.FailRate = 3, 8, 4, 0
	o.Seed, o.Log = 3, t.Output()
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatalf("%v: see %s", err, r.Kept)
	}
	for _, v := range r.Violations {
		t.Errorf("seed %d, kept in %s: %s", r.Seed, r.Kept, v)
	}
	// The judge must have had something to judge.
	if r.Kills != 3 || r.Pairs < o.Contacts || r.FieldsCompared == 0 || r.Facts == 0 || !r.Verified {
		t.Errorf("the campaign saw too little: %+v", r)
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
