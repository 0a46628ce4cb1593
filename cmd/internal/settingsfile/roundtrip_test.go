package settingsfile_test

import (
	"os"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/duolog/duolog/cmd/internal/settingsfile"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// drawn returns valid settings: a preset, rules and limits at will, and a mapping with fields removed, changed and
// added.
func drawn(t *rapid.T) settings.Settings {
	s, err := settings.Preset(rapid.SampledFrom(settings.Presets).Draw(t, "preset"))
	if err != nil {
		t.Fatal(err)
	}
	word := func(of []string, label string) string { return rapid.SampledFrom(of).Draw(t, label) }
	s.Version = rapid.IntRange(0, 9).Draw(t, "version")
	s.Mode = domain.Mode(word(settings.Modes, "mode"))
	s.TimeZone = word([]string{"UTC", "Europe/Berlin", "America/Los_Angeles"}, "zone")
	s.PhoneRegion = word([]string{"US", "NO", "DE"}, "region")
	s.Gate = word(settings.Gates, "gate")
	s.Guards.MaxChangedShare = rapid.IntRange(0, 100).Draw(t, "changed")
	s.Guards.MaxDeletedShare = rapid.IntRange(0, 100).Draw(t, "deleted")
	s.Guards.EmptiedSide = word(settings.EmptiedSides, "emptied")
	s.Contacts.Create = settings.Direction(word(settings.SyncDirections, "create"))
	s.Contacts.Update = settings.Direction(word(settings.SyncDirections, "update"))
	s.Contacts.OnDelete = word(settings.OnDeletes, "delete")
	s.Contacts.Match = append([]string{"link"}, rapid.Permutation(settings.Matches[1:]).Draw(t, "match")...)
	s.Pilot.MaxWritesPerHour = rapid.IntRange(1, 1e9).Draw(t, "writes")
	s.Pilot.Filter = word([]string{"", `email is known`, `first_name != "A # \"b\"" and email is known`}, "filter")
	s.Limits.HubSpotShare = rapid.IntRange(1, 100).Draw(t, "share")
	s.Limits.AlowarePerSecond = rapid.Float64Range(1e-9, 100).Draw(t, "rate")
	people(t, &s.Contacts)
	operations(t, &s)
	s.Defaults = rules(t, "defaults", settings.Initials[:2], settings.Conflicts[:1])
	s.Fields = fields(t, s)
	return s.Sorted()
}

func people(t *rapid.T, c *settings.Contacts) {
	for _, source := range domain.Sources {
		c.CreateFrom[source] = rapid.Bool().Draw(t, string(source))
	}
	values := rapid.MapOfN(rapid.SampledFrom([]string{"a_property", "b-2", "null"}), rapid.SampledFrom(
		[]string{"aloware:{source}", "", "true", `a "b" # c`, "7"}), 0, 3)
	if c.OnCreate.HubSpot = values.Draw(t, "on_create.hubspot"); len(c.OnCreate.HubSpot) == 0 {
		c.OnCreate.HubSpot = nil
	}
	if c.OnCreate.Aloware = values.Draw(t, "on_create.aloware"); len(c.OnCreate.Aloware) == 0 {
		c.OnCreate.Aloware = nil
	}
	if flag := rapid.Bool().Draw(t, "marketing"); rapid.Bool().Draw(t, "says marketing") {
		c.OnCreate.Marketing = &flag
	}
	c.Only = rapid.SampledFrom([]string{"", `first_name = "x: #y" or email is known`}).Draw(t, "only")
	c.WhenLeaving = rapid.SampledFrom(settings.WhenLeavings).Draw(t, "leaving")
}

func operations(t *rapid.T, s *settings.Settings) {
	if rapid.Bool().Draw(t, "records more") {
		s.Record = []string{"jobtitle", "null"}
	}
	s.Limits.BigJobs = rapid.SampledFrom([]string{"", "20:00-06:00"}).Draw(t, "big jobs")
	s.Cost.LRNPerNumberUSD = rapid.Float64Range(0, 1).Draw(t, "price")
	s.Sources.SweepEvery = rapid.SampledFrom([]string{"15m", "2h"}).Draw(t, "sweep")
	s.Catalogs.RefreshAt = rapid.SampledFrom([]string{"17:00", "00:30"}).Draw(t, "refresh")
	s.ReviewMappingEvery = rapid.SampledFrom([]string{"90d", "36h"}).Draw(t, "review")
}

func rules(t *rapid.T, label string, initials, conflicts []string) settings.Rules {
	word := func(of []string, key string) string { return rapid.SampledFrom(of).Draw(t, label+"."+key) }
	return settings.Rules{
		Direction: settings.Direction(word(settings.Directions, "direction")),
		Conflict:  settings.Winner(word(conflicts, "conflict")),
		Initial:   settings.Winner(word(initials, "initial")),
		Overwrite: settings.Overwrite(word(settings.Overwrites, "overwrite")),
		Blank:     settings.Blank(word(settings.Blanks, "blank")),
	}
}

func fields(t *rapid.T, s settings.Settings) []settings.Field {
	var out []settings.Field
	change := []string{"keep", "rules", "property", "remove"}
	for _, f := range s.Fields {
		f.Rules = s.Defaults
		what := rapid.SampledFrom(change).Draw(t, f.Name)
		switch {
		case what == "rules":
			f.Rules = rules(t, f.Name, []string{"newest", "review"}, []string{"newest", "review", "hubspot"})
		case f.Locked || f.Name == "first_name":
		case what == "property":
			f.HubSpot = settings.Side{Read: "my_" + f.Name, Write: "my_" + f.Name}
			f.Aloware.Read = "my_" + f.Name
		case what == "remove":
			continue
		}
		out = append(out, f)
	}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(newNames), 0, 4, rapid.ID[string]).Draw(t, "new") {
		out = append(out, newField(t, s, name))
	}
	return out
}

// newNames hold words YAML would take for something else.
var newNames = []string{"csf1", "csf2", "null", "yes", "remove", "Größe", "007", "x-1"}

func newField(t *rapid.T, s settings.Settings, name string) settings.Field {
	property := rapid.SampledFrom([]string{"h_", "", "true-"}).Draw(t, "property") + name
	f := s.NewField(name, property)
	f.Type = domain.Type(rapid.SampledFrom(settings.Types).Draw(t, "type"))
	f.Required = rapid.Bool().Draw(t, "required")
	switch f.Type {
	case domain.Date:
		f.Aloware.Format = rapid.SampledFrom([]string{"", "01/02/2006"}).Draw(t, "format")
	case domain.Datetime:
		f.HubSpot.Format = rapid.SampledFrom([]string{"", "2006-01-02 15:04:05"}).Draw(t, "format")
		f.Aloware.Zone = rapid.SampledFrom([]string{"", "UTC", "Asia/Tokyo"}).Draw(t, "zone")
	case domain.Owner:
		f.Nobody = rapid.SampledFrom([]string{"", "dana@acme.example"}).Draw(t, "nobody")
		f.People = map[string]string{"sam.o@acme.example": "sam.ortiz@acme.example"}
	case domain.Bool:
		f.Consent = rapid.SampledFrom([]string{"", settings.ConsentSticky}).Draw(t, "consent")
		if f.Consent != "" {
			f.Stop = rapid.SampledFrom([]string{"", "true", "false"}).Draw(t, "stop")
		}
	case domain.Enumeration:
		if f.ByLabel = rapid.Bool().Draw(t, "by label"); f.ByLabel {
			break
		}
		value := rapid.StringMatching(`[^;\pC\pZ][^;\pC]{0,5}[^;\pC\pZ]`)
		f.Values = rapid.MapOfN(value, value, 0, 9).Draw(t, "values")
		if len(f.Values) == 0 {
			f.Values = nil
		}
	}
	f.Guard = !f.Sticky() && f.Direction.Allows(domain.HubSpot) && s.Contacts.Update.Allows(domain.HubSpot) &&
		rapid.Bool().Draw(t, "guard")
	return f
}

func TestFormatReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		if faults := s.Validate(); len(faults) > 0 {
			t.Fatalf("the test drew settings that are not valid: %v", faults)
		}
		file := settingsfile.Format(s, settingsfile.Header{
			Connection: rapid.String().Draw(t, "connection"), By: rapid.String().Draw(t, "by"), At: time.Unix(0, 0),
		})
		got, basedOn, err := settingsfile.Parse(file)
		if err != nil {
			t.Fatalf("%v in\n%s", err, file)
		}
		if basedOn != s.Version {
			t.Fatalf("based on %d, want %d", basedOn, s.Version)
		}
		s.Version = 0
		if !reflect.DeepEqual(got, s) {
			t.Fatalf("got\n%+v, want\n%+v in\n%s", got, s, file)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, name := range settings.Presets {
		s, err := settings.Preset(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(settingsfile.Format(s, settingsfile.Header{}))
	}
	example, err := os.ReadFile("testdata/settings.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	full, err := os.ReadFile("testdata/example.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	f.Add([]byte("defaults: {<<: &a {direction: ←}}\nfields: {csf1: {hubspot: x, values: {a: [b]}}, *a : b}\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		s, _, err := settingsfile.Parse(file)
		if err != nil {
			return
		}
		again, _, err := settingsfile.Parse(settingsfile.Format(s, settingsfile.Header{}))
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("read as\n%+v, which reads back as\n%+v, %v", s, again, err)
		}
	})
}
