package settings_test

import (
	"slices"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

func TestDiff(t *testing.T) {
	older, newer := preset(t, "default"), preset(t, "default")
	newer.Version = 8
	if got := settings.Diff(older, newer); len(got) > 0 {
		t.Errorf("equal settings differ: %v", got)
	}
	newer.Contacts.Create = settings.ToAloware
	newer.Guards.MaxDeletedShare = 2
	newer.Pilot.Filter = "city = Oakland"
	set(&newer, "city", func(f *settings.Field) { f.Conflict, f.Guard = settings.NewestWins, true })
	set(&newer, "job_title", func(f *settings.Field) { f.HubSpot = settings.Side{Read: "jobtitle", Write: "jobtitle"} })
	set(&newer, "csf1", func(f *settings.Field) {
		f.Type, f.Values = domain.Enumeration, map[string]string{"b": "B", "a": "A"}
	})
	newer.Fields = without(newer.Fields, "website")
	var got []string
	for _, c := range settings.Diff(older, newer) {
		got = append(got, c.String())
	}
	want := []string{
		"pilot.filter  nothing → city = Oakland",
		"contacts.create  both → to_aloware",
		"guards.max_deleted_share  0 % → 2 %",
		"city.guard  false → true",
		"city.conflict  hubspot → newest",
		"fields.csf1  new: csf1 ↔ csf1, enumeration, initial hubspot",
		"fields.job_title  new: job_title ↔ jobtitle, text, initial hubspot",
		"fields.website  removed, was website ↔ website, text, initial hubspot",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
	changed := newer
	changed.Fields = slices.Clone(newer.Fields)
	set(&changed, "csf1", func(f *settings.Field) { f.Values = map[string]string{"a": "A"} })
	if got := settings.Diff(newer, changed); len(got) != 1 || got[0].String() != "csf1.values  a: A, b: B → a: A" {
		t.Errorf("value map: got %v", got)
	}
}
