package settings_test

import (
	"math"
	"strings"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// set changes one field of the mapping, which is added when it is new.
func set(s *settings.Settings, name string, change func(*settings.Field)) {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			change(&s.Fields[i])
			return
		}
	}
	f := s.NewField(name, name)
	change(&f)
	s.Fields = append(s.Fields, f)
}

func onField(name string, change func(*settings.Field)) func(*settings.Settings) {
	return func(s *settings.Settings) { set(s, name, change) }
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*settings.Settings)
		want   string // path and a part of the fault's text; empty: valid
	}{
		{"preset", func(s *settings.Settings) {}, ""},
		{"mode", func(s *settings.Settings) { s.Mode = "liv" }, "mode: did you mean live?"},
		{"gate", func(s *settings.Settings) { s.Gate = "" }, "gate: found nothing"},
		{"preset word", func(s *settings.Settings) { s.Preset = "x" }, "preset: default or recommended"},
		{"zone", func(s *settings.Settings) { s.TimeZone = "PST8" }, "time_zone: IANA"},
		{"local zone", func(s *settings.Settings) { s.TimeZone = "Local" }, "time_zone: IANA"},
		{"region", func(s *settings.Settings) { s.PhoneRegion = "us" }, "phone_region: ISO 3166"},
		{"share", func(s *settings.Settings) { s.Limits.HubSpotShare = 101 }, "limits.hubspot_share: 1 % to 100 %"},
		{"guard", func(s *settings.Settings) { s.Guards.MaxChangedShare = 101 }, "guards.max_changed_share: 0 % to 100 %"},
		{"guard word", func(s *settings.Settings) { s.Guards.EmptiedSide = "paus" }, "guards.emptied_side: did you mean pause?"},
		{"no guards", func(s *settings.Settings) { s.Guards = settings.Guards{EmptiedSide: "ignore"} }, ""},
		{
			"rate", func(s *settings.Settings) { s.Limits.AlowarePerSecond = math.NaN() },
			"limits.aloware_per_second: more",
		},
		{
			"one way only", func(s *settings.Settings) { s.Contacts.Create = settings.ToHubSpot },
			"contacts.create: both or",
		},
		{
			"update word", func(s *settings.Settings) { s.Contacts.Update = "bot" },
			"contacts.update: did you mean both?",
		},
		{
			"match word", func(s *settings.Settings) { s.Contacts.Match = []string{"link", "mail"} },
			"contacts.match: email",
		},
		{
			"match twice", func(s *settings.Settings) { s.Contacts.Match = []string{"link", "phone", "phone"} },
			"contacts.match: twice",
		},
		{
			"match order", func(s *settings.Settings) { s.Contacts.Match = []string{"email", "link"} },
			"contacts.match: link first",
		},
		{
			"delete", func(s *settings.Settings) { s.Contacts.OnDelete = "archive" },
			"contacts.on_delete: ignore or unlink",
		},
		{
			"newest everywhere", func(s *settings.Settings) { s.Defaults.Conflict = settings.NewestWins },
			"defaults.conflict: no clock",
		},
		{
			"newest at first", func(s *settings.Settings) { s.Defaults.Initial = settings.NewestWins },
			"defaults.initial: no clock",
		},
		{"default word", func(s *settings.Settings) { s.Defaults.Blank = "x" }, "defaults.blank: keep or send"},
		{"filter", func(s *settings.Settings) { s.Pilot.Filter = "city Oakland" }, "pilot.filter: expected"},
		{
			"filter field", func(s *settings.Settings) { s.Pilot.Filter = "cty = Oakland" },
			"pilot.filter: did you mean city?",
		},
		{
			"writes", func(s *settings.Settings) { s.Pilot.MaxWritesPerHour = 0 },
			"pilot.max_writes_per_hour: at least 1",
		},

		{"newest for a field", onField("city", func(f *settings.Field) { f.Conflict = settings.NewestWins }), ""},
		{"aloware never wins", onField("city", func(f *settings.Field) {
			f.Direction, f.Conflict = settings.ToAloware, settings.AlowareWins
		}), "fields.city.conflict: never flow to HubSpot"},
		{"aloware never first", onField("city", func(f *settings.Field) {
			f.Direction, f.Initial = settings.ToAloware, settings.AlowareWins
		}), "fields.city.initial: never flow to HubSpot"},
		{"aloware wins nothing", func(s *settings.Settings) {
			s.Contacts.Update = settings.ToAloware
			set(s, "city", func(f *settings.Field) { f.Conflict = settings.AlowareWins })
		}, "fields.city.conflict: never flow to HubSpot"},
		{
			"to hubspot by default rule", onField("city", func(f *settings.Field) { f.Direction = settings.ToHubSpot }),
			"",
		},
		{
			"field word", onField("city", func(f *settings.Field) { f.Overwrite = "ifblank" }),
			"fields.city.overwrite: if_blank",
		},
		{
			"type", onField("city", func(f *settings.Field) { f.Type = "txt" }),
			"fields.city.type: did you mean text?",
		},
		{
			"no property", onField("city", func(f *settings.Field) { f.HubSpot = settings.Side{} }),
			"fields.city.hubspot: name",
		},
		{
			"spaces", onField("city", func(f *settings.Field) { f.Aloware.Read = "the city" }),
			"fields.city.read_as: letters",
		},
		{
			"two names", onField("city", func(f *settings.Field) { f.HubSpot.Write = "town" }),
			"fields.city.hubspot: one name",
		},
		{"our key", onField("csf1", func(f *settings.Field) {
			f.HubSpot = settings.Side{Read: domain.UniqueProperty, Write: domain.UniqueProperty}
		}), "fields.csf1.hubspot: own key"},
		{"mapped twice", onField("csf1", func(f *settings.Field) {
			f.HubSpot = settings.Side{Read: "city", Write: "city"}
		}), "fields.csf1: which city maps in HubSpot"},
		{
			"written twice", onField("csf1", func(f *settings.Field) { f.Aloware.Write = "city" }),
			"fields.csf1: writes in Aloware",
		},
		{
			"read twice", onField("csf1", func(f *settings.Field) { f.Aloware.Read = "cnam_city" }),
			"fields.csf1: reads in Aloware",
		},
		{
			"field twice", func(s *settings.Settings) { s.Fields = append(s.Fields, s.Fields[0]) },
			"fields.address: twice",
		},
		{
			"locked removed", func(s *settings.Settings) { s.Fields = without(s.Fields, "email") },
			"fields.email: cannot be removed",
		},
		{"locked changed", onField("email", func(f *settings.Field) {
			f.HubSpot = settings.Side{Read: "work_email", Write: "work_email"}
		}), "fields.email: only its rules"},
		{
			"locked in aloware", onField("email", func(f *settings.Field) { f.Aloware.Read = "mail" }),
			"fields.email: only its rules",
		},
		{"locked rules", onField("email", func(f *settings.Field) { f.Direction = settings.ToAloware }), ""},
		{
			"not required", onField("phone_number", func(f *settings.Field) { f.Required = false }),
			"fields.phone_number: locked",
		},
		{
			"format of text", onField("city", func(f *settings.Field) { f.Aloware.Format = "2006" }),
			"fields.city.aloware_format: remove",
		},
		{"format", onField("date_of_birth", func(f *settings.Field) { f.Aloware.Format = "01/02/2006" }), ""},
		{
			"lossy format", onField("date_of_birth", func(f *settings.Field) { f.Aloware.Format = "01/02" }),
			"fields.date_of_birth.aloware_format: keeps",
		},
		{
			"swapped format", onField("date_of_birth", func(f *settings.Field) { f.HubSpot.Format = "MM/DD/YYYY" }),
			"fields.date_of_birth.hubspot_format: keeps",
		},
		{"no seconds", onField("csf1", func(f *settings.Field) {
			f.Type, f.Aloware.Format = domain.Datetime, "2006-01-02 15:04"
		}), "fields.csf1.aloware_format: keeps"},
		{"values", onField("csf1", func(f *settings.Field) {
			f.Type, f.Values = domain.Enumeration, map[string]string{"a": "A"}
		}), ""},
		{
			"values of text", onField("csf1", func(f *settings.Field) { f.Values = map[string]string{"a": "A"} }),
			"fields.csf1.values: no values",
		},
		{"guarded", onField("email", func(f *settings.Field) { f.Guard = true }), ""},
		{"guarded from nothing", onField("city", func(f *settings.Field) {
			f.Guard, f.Direction = true, settings.ToAloware
		}), "fields.city.guard: never flow to HubSpot"},
		{"nothing to guard", func(s *settings.Settings) {
			s.Contacts.Update = settings.ToAloware
			set(s, "city", func(f *settings.Field) { f.Guard = true })
		}, "fields.city.guard: never flow to HubSpot"},
		{"guarded consent", onField("csf1", func(f *settings.Field) {
			f.Type, f.Consent, f.Guard = domain.Bool, settings.ConsentSticky, true
		}), "fields.csf1.guard: a stop waits for nothing"},
		{"many in one", onField("csf1", func(f *settings.Field) {
			f.Type, f.Values = domain.Enumeration, map[string]string{"a": "A;B"}
		}), "fields.csf1.values: between choices"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := preset(t, "recommended")
			c.change(&s)
			expect(t, s.Validate(), c.want)
		})
	}
}

func without(fields []settings.Field, name string) []settings.Field {
	var rest []settings.Field
	for _, f := range fields {
		if f.Name != name {
			rest = append(rest, f)
		}
	}
	return rest
}

// expect wants no fault, or exactly one at "path: part of its text".
func expect(t *testing.T, faults []settings.Fault, want string) {
	t.Helper()
	if want == "" {
		if len(faults) > 0 {
			t.Errorf("got %v, want none", faults)
		}
		return
	}
	path, part, _ := strings.Cut(want, ": ")
	for _, f := range faults {
		if f.Field != path {
			t.Errorf("another fault: %v", f)
		}
	}
	if len(faults) == 0 || !strings.Contains(faults[0].String(), part) {
		t.Errorf("got %v, want one about %q", faults, part)
	}
}

func TestParseLayout(t *testing.T) {
	for text, want := range map[string]string{
		"YYYY-MM-DD": "2006-01-02", "MM/DD/YYYY": "01/02/2006", "DD.MM.YYYY HH:mm:ss": "02.01.2006 15:04:05",
		"2006-01-02T15:04:05Z07:00": "2006-01-02T15:04:05Z07:00",
	} {
		if got := settings.ParseLayout(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
