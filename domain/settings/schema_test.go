package settings_test

import (
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// schemas returns what both systems have for the preset's mapping.
func schemas(s settings.Settings) (hubspot, aloware []domain.Property) {
	for _, f := range s.Fields {
		hubspot = append(hubspot, domain.Property{Name: f.HubSpot.Read, Type: f.Type})
		aloware = append(aloware, domain.Property{
			Name: f.Aloware.Read, Type: domain.Text, Declared: true, ReadOnly: f.Aloware.Read != f.Aloware.Write,
		})
		if f.Aloware.Read != f.Aloware.Write {
			aloware = append(aloware, domain.Property{Name: f.Aloware.Write, Type: domain.Text, Declared: true})
		}
	}
	return hubspot, aloware
}

func property(props []domain.Property, name string) *domain.Property {
	for i := range props {
		if props[i].Name == name {
			return &props[i]
		}
	}
	return nil
}

func TestCheckSchema(t *testing.T) {
	type world struct {
		s       settings.Settings
		hubspot []domain.Property
		aloware []domain.Property
	}
	enumerate := func(w *world, values map[string]string) {
		set(&w.s, "csf1", func(f *settings.Field) {
			f.Type, f.Values, f.HubSpot = domain.Enumeration, values, settings.Side{Read: "tier", Write: "tier"}
		})
		w.hubspot = append(w.hubspot, domain.Property{
			Name: "tier", Type: domain.Enumeration, Options: []domain.Option{{Value: "g", Label: "Gold"}},
		})
		w.aloware = append(w.aloware, domain.Property{Name: "csf1", Type: domain.Text, Declared: true})
	}
	for _, c := range []struct {
		name   string
		change func(*world)
		want   string
	}{
		{"fits", func(*world) {}, ""},
		{"nothing asked", func(w *world) { w.hubspot, w.aloware = nil, nil }, ""},
		{
			"missing", func(w *world) { property(w.hubspot, "zip").Name = "zip_code" },
			"fields.zipcode: zip, which HubSpot does not have",
		},
		{
			"renamed", func(w *world) { property(w.hubspot, "website").Name = "web_site" },
			"fields.website: did you mean web_site?",
		},
		{
			"missing in aloware", func(w *world) { property(w.aloware, "website").Name = "x" },
			"fields.website: neither documented",
		},
		{
			"missing to write", func(w *world) { property(w.aloware, "city").Name = "x" },
			"fields.city: city, neither documented",
		},
		{
			"type", func(w *world) { property(w.hubspot, "city").Type = domain.Number },
			"fields.city.type: city in HubSpot is number",
		},
		{"phone as text", func(w *world) { property(w.hubspot, "phone").Type = domain.Text }, ""},
		{"date as text", func(w *world) { property(w.hubspot, "date_of_birth").Type = domain.Text }, ""},
		{"number as text", func(w *world) {
			set(&w.s, "city", func(f *settings.Field) { f.Type = domain.Number })
		}, "fields.city.type: the same type"},
		{
			"read-only", func(w *world) { property(w.hubspot, "city").ReadOnly = true },
			"fields.city: read-only in HubSpot",
		},
		{"number declared as text", func(w *world) {
			property(w.hubspot, "city").Type = domain.Number
			set(&w.s, "city", func(f *settings.Field) { f.Type = domain.Number })
		}, ""},
		{"read-only, never written", func(w *world) {
			property(w.hubspot, "city").ReadOnly = true
			set(&w.s, "city", func(f *settings.Field) { f.Direction = settings.ToAloware })
		}, ""},
		{"read-only, sync one way", func(w *world) {
			property(w.hubspot, "city").ReadOnly = true
			w.s.Contacts.Create, w.s.Contacts.Update = settings.ToAloware, settings.ToAloware
		}, ""},
		{
			"read-only in aloware", func(w *world) { property(w.aloware, "website").ReadOnly = true },
			"fields.website: read-only in Aloware",
		},
		{"options", func(w *world) { enumerate(w, map[string]string{"gold": "g"}) }, ""},
		{"label for value", func(w *world) { enumerate(w, map[string]string{"gold": "Gold"}) }, ""},
		{
			"no option", func(w *world) { enumerate(w, map[string]string{"gold": "Goldd"}) },
			"fields.csf1.values: no option of",
		},
		{
			"two options of a label", func(w *world) {
				enumerate(w, map[string]string{"gold": "Gold"})
				for i := range w.hubspot {
					if len(w.hubspot[i].Options) > 0 {
						w.hubspot[i].Options = append(w.hubspot[i].Options, domain.Option{Value: "g2", Label: "Gold"})
					}
				}
			},
			"fields.csf1.values: the label of 2 options",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := world{s: preset(t, "default")}
			w.hubspot, w.aloware = schemas(w.s)
			c.change(&w)
			expect(t, w.s.CheckSchema(w.hubspot, w.aloware), c.want)
		})
	}
}

func TestFaultNamesItsField(t *testing.T) {
	for path, want := range map[string]string{"fields.city.initial": "city", "fields.city": "city", "gate": ""} {
		if got := (settings.Fault{Field: path}).Mapped(); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}
