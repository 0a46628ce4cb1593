package hubspot_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/hubspot/sandbox"
	"github.com/duolog/duolog/adapters/sandboxkit"
)

// TestChanged: what was changed since a moment is found, page after page, each once and as it stands now; search shows it
// late.
func TestChanged(t *testing.T) {
	at := time.Now().Truncate(time.Millisecond)
	portal, c := prepared(t, sandbox.Config{
		Clock: func() time.Time { return at }, Faults: sandboxkit.Faults{SearchLag: 30 * time.Second},
	})
	if err := portal.Seed(sandboxkit.People(1, 230)); err != nil {
		t.Fatal(err)
	}
	changed := func(since time.Time) (all []adapters.Snapshot) {
		t.Helper()
		if err := c.Changed(t.Context(), since, []string{"city"}, func(p []adapters.Snapshot) error {
			all = append(all, p...)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return all
	}
	var ids []string
	for _, s := range changed(time.UnixMilli(0)) {
		ids = append(ids, s.Record.ID)
	}
	want := portal.IDs()
	slices.Sort(want)
	if slices.Sort(ids); !slices.Equal(ids, want) {
		t.Fatalf("found %d, want the %d there are, each once", len(ids), len(want))
	}

	one := ids[200]
	if err := portal.Edit(one, map[string]string{"city": "Turin"}, "7"); err != nil {
		t.Fatal(err)
	}
	edited := at
	if got := changed(edited); len(got) != 0 {
		t.Fatalf("%d were found before search knew", len(got))
	}
	at = at.Add(time.Minute)
	if err := portal.Edit(one, map[string]string{"city": "Rome"}, "7"); err != nil {
		t.Fatal(err)
	}
	got := changed(edited)
	if len(got) != 1 || got[0].Record.ID != one || string(got[0].Properties["city"]) != strconv.Quote("Rome") {
		t.Fatalf("found %+v, want %s as it stands now", got, one)
	}
}
