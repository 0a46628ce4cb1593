package settings_test

import (
	"strings"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

func TestLens(t *testing.T) {
	type mapped struct {
		f       settings.Field
		hubspot domain.Property
		aloware domain.Property
	}
	tier := []domain.Option{{Value: "g", Label: "Gold"}, {Value: "s", Label: "Silver"}}
	for _, c := range []struct {
		name   string
		change func(*mapped)
		want   string // verdict, and whether it is flawed
		why    string
	}{
		{"text", func(*mapped) {}, "lossless", ""},
		{"free text as a date", func(m *mapped) { m.f.Type = domain.Date }, "one_way flawed", "not a valid date"},
		{"a date, free text in HubSpot, into HubSpot", func(m *mapped) {
			m.f.Type, m.f.Direction = domain.Date, settings.ToHubSpot
		}, "one_way", "not a valid date"},
		{"a date", func(m *mapped) { m.f.Type, m.hubspot.Type = domain.Date, domain.Date }, "lossless", ""},
		{"a year of two digits", func(m *mapped) {
			m.f.Type, m.hubspot.Type, m.f.Aloware.Format = domain.Date, domain.Date, "01/02/06"
		}, "lossy flawed", "Aloware reads back"},
		{"a moment without its milliseconds", func(m *mapped) {
			m.f.Type, m.hubspot.Type, m.f.Aloware.Format = domain.Datetime, domain.Datetime, "2006-01-02 15:04:05 -0700"
		}, "lossy flawed", "Aloware reads back"},
		{"an hour that comes twice", func(m *mapped) {
			m.f.Type, m.hubspot.Type, m.f.Aloware.Format = domain.Datetime, domain.Datetime, "2006-01-02 15:04:05.000"
		}, "lossy flawed", "Aloware reads back"},
		{"an hour that comes once", func(m *mapped) {
			m.f.Type, m.hubspot.Type, m.f.Aloware.Format = domain.Datetime, domain.Datetime, "2006-01-02 15:04:05.000"
			m.f.Aloware.Zone = "UTC"
		}, "lossless", ""},
		{"choices, one of HubSpot's missing", func(m *mapped) {
			m.f.Type, m.hubspot.Type, m.hubspot.Options = domain.Enumeration, domain.Enumeration, tier
			m.f.Values = map[string]string{"gold": "g"}
		}, "one_way flawed", "no counterpart in Aloware"},
		{"choices, two mean one", func(m *mapped) {
			m.f.Type, m.hubspot.Type, m.hubspot.Options = domain.Enumeration, domain.Enumeration, tier
			m.f.Values = map[string]string{"gold": "Gold", "golden": "Gold", "silver": "Silver"}
		}, "lossy flawed", "writing back what was read"},
		{"choices, two mean one, into Aloware", func(m *mapped) {
			m.f.Type, m.hubspot.Type, m.hubspot.Options = domain.Enumeration, domain.Enumeration, tier
			m.f.Values = map[string]string{"gold": "Gold", "golden": "Gold", "silver": "Silver"}
			m.f.Direction = settings.ToAloware
		}, "lossy", "writing back what was read"},
		{"owners, not known", func(m *mapped) { m.f.Type = domain.Owner }, "unknown flawed", "not known yet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := preset(t, "default")
			m := mapped{
				f: s.NewField("csf1", "tier"), hubspot: domain.Property{Name: "tier", Type: domain.Text},
				aloware: domain.Property{Name: "csf1", Type: domain.Text, Declared: true},
			}
			c.change(&m)
			s.Fields = append(s.Fields, m.f)
			l := settings.Lists{Options: map[domain.System]map[string][]domain.Option{domain.HubSpot: {"tier": m.hubspot.Options}}}
			got := s.Lens(m.f, map[domain.System]domain.Property{domain.HubSpot: m.hubspot, domain.Aloware: m.aloware}, l)
			verdict := got.Verdict
			if got.Flawed {
				verdict += " flawed"
			}
			if verdict != c.want || !strings.Contains(got.Why, c.why) {
				t.Errorf("%s: %s %+v, want %s: %s", verdict, got.Why, got.Example, c.want, c.why)
			}
			if lost := got.Verdict == settings.Lossy || got.Verdict == settings.OneWay; lost != (got.Example != nil) {
				t.Errorf("%s with the example %+v", verdict, got.Example)
			}
		})
	}
}

// TestLensOfOwners: who is on one side only is the counterexample, unless somebody stands in for them.
func TestLensOfOwners(t *testing.T) {
	s := preset(t, "default")
	f := s.NewField("owner", "hubspot_owner_id")
	f.People = map[string]string{"sam.o@acme.example": "sam.ortiz@acme.example"}
	s.Fields = append(s.Fields, f)
	props := map[domain.System]domain.Property{}
	got := s.Lens(f, props, lists)
	if got.Verdict != settings.OneWay || !got.Flawed || got.Example.Value != "4" {
		t.Errorf("%+v %+v, want that user 4 is unknown in HubSpot", got, got.Example)
	}
	f.Nobody = "dana@acme.example"
	s.Fields[len(s.Fields)-1] = f
	if got := s.Lens(f, props, lists); got.Flawed || !strings.Contains(got.Why, "as the settings say") {
		t.Errorf("%+v, want it as asked for", got)
	}
}
