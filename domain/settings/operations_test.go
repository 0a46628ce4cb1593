package settings_test

import (
	"testing"
	"time"

	"github.com/duolog/duolog/domain/settings"
)

func TestWindow(t *testing.T) {
	for _, c := range []struct {
		text string
		at   string
		want bool
	}{
		{"20:00-06:00", "23:30", true},
		{"20:00-06:00", "05:59", true},
		{"20:00-06:00", "06:00", false},
		{"20:00-06:00", "19:59", false},
		{"09:00 - 17:00", "09:00", true},
		{"09:00-17:00", "17:00", false},
		{"", "12:00", true},
		{"08:00-08:00", "12:00", true},
	} {
		w, err := settings.ParseWindow(c.text)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(settings.ClockLayout, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.Holds(at); got != c.want {
			t.Errorf("%q holds %s: %v, want %v", c.text, c.at, got, c.want)
		}
	}
	for _, bad := range []string{"20:00", "at night", "20:00-", "25:00-06:00"} {
		if _, err := settings.ParseWindow(bad); err == nil {
			t.Errorf("%q was read as a part of the day", bad)
		}
	}
}

func TestPeriod(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 0, "15m": 15 * time.Minute, "90d": 90 * 24 * time.Hour, "1.5d": 36 * time.Hour} {
		if got, err := settings.ParsePeriod(text); got != want || err != nil {
			t.Errorf("%q: %s, %v, want %s", text, got, err, want)
		}
	}
	for _, bad := range []string{"d", "15", "often", "3dd"} {
		if got, err := settings.ParsePeriod(bad); err == nil {
			t.Errorf("%q was read as %s", bad, got)
		}
	}
}

// Settings of an older version of this program say nothing of what it did not know: it did as the default preset does.
func TestFilled(t *testing.T) {
	want := preset(t, "default")
	old := want
	old.Contacts.CreateFrom, old.Contacts.WhenLeaving, old.Contacts.OnMerge, old.Contacts.PrivacyDelay = nil, "", "", ""
	old.Operations = settings.Operations{}
	if got := settings.Diff(want, old.Filled()); len(got) > 0 {
		t.Errorf("filled settings differ from the default: %v", got)
	}
	if old.Contacts.CreateFrom != nil {
		t.Error("the settings that were filled are changed")
	}
	want.Contacts.CreateFrom["missed_call"] = false
	if got := want.Filled(); got.Contacts.CreatesFrom("missed_call") {
		t.Error("what was said is lost")
	}
}
