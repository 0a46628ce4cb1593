package app

import (
	"testing"
	"time"

	"github.com/duolog/duolog/projections/catalogs"
)

// TestDue: a pull is due at the time of day the settings say, where the connection is, summer time or not, an hour after a
// failure, and never while it runs or without such a time.
func TestDue(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time {
		when, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for _, c := range []struct {
		name           string
		started, ended string
		failed         bool
		want           string // empty: not at all
	}{
		{"in the morning", "2026-11-23 09:00", "2026-11-23 09:01", false, "2026-11-23 17:00"},
		{"on the minute", "2026-11-23 17:00", "2026-11-23 17:01", false, "2026-11-24 17:00"},
		{"in the evening", "2026-11-23 18:00", "2026-11-23 18:01", false, "2026-11-24 17:00"},
		{"over the end of summer time", "2026-10-31 17:00", "2026-10-31 17:01", false, "2026-11-01 17:00"},
		{"over its beginning", "2026-03-07 17:00", "2026-03-07 17:01", false, "2026-03-08 17:00"},
		{"at the end of a year", "2026-12-31 20:00", "2026-12-31 20:01", false, "2027-01-01 17:00"},
		{"failed", "2026-11-23 17:00", "2026-11-23 17:02", true, "2026-11-23 18:02"},
		{"under way", "2026-11-23 17:00", "2026-11-22 17:01", false, ""},
	} {
		run := catalogs.Run{StartedAt: at(c.started), EndedAt: at(c.ended)}
		if c.failed {
			run.Failure = "hubspot gave no answer"
		}
		got, ok := due(run, "17:00", zone)
		if ok != (c.want != "") || ok && !got.Equal(at(c.want)) {
			t.Errorf("%s: due %v %v, want %s", c.name, got, ok, c.want)
		}
	}
	started := catalogs.Run{StartedAt: at("2026-11-23 09:00"), EndedAt: at("2026-11-23 09:01")}
	if got, ok := due(started, "09:30", zone); !ok || !got.Equal(at("2026-11-23 09:30")) {
		t.Errorf("at half past nine: due %v %v", got, ok)
	}
	if got, ok := due(catalogs.Run{}, "", zone); ok {
		t.Errorf("with no time of day: due %v", got)
	}
	if got, ok := due(catalogs.Run{}, "17:00", zone); !ok || got.After(time.Unix(0, 0)) {
		t.Errorf("never run: due %v %v, want at once", got, ok)
	}
}
