package settings_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

func preset(t *testing.T, name string) settings.Settings {
	t.Helper()
	s, err := settings.Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPresets(t *testing.T) {
	d, r := preset(t, "default"), preset(t, "recommended")
	if d.Contacts.Create != settings.Both || d.Contacts.Update != settings.Both ||
		d.Defaults.Initial != settings.HubSpotWins || d.Defaults.Conflict != settings.HubSpotWins {
		t.Errorf("default is not what the document says: %+v %+v", d.Contacts, d.Defaults)
	}
	if r.Contacts.Create != settings.ToAloware || r.Contacts.Update != settings.Both ||
		r.Defaults.Initial != settings.FillBlanks {
		t.Errorf("recommended is not what the document says: %+v %+v", r.Contacts, r.Defaults)
	}
	if want := (settings.Guards{MaxChangedShare: 5, MaxDeletedShare: 1, EmptiedSide: "pause"}); r.Guards != want {
		t.Errorf("recommended guards %+v, want %+v", r.Guards, want)
	}
	for _, s := range []settings.Settings{d, r} {
		if faults := s.Validate(); len(faults) > 0 {
			t.Errorf("preset %s is not valid: %v", s.Preset, faults)
		}
		for _, f := range s.Fields {
			if f.Rules != s.Defaults {
				t.Errorf("%s: %s has rules of its own: %+v", s.Preset, f.Name, f.Rules)
			}
		}
	}
	if _, err := settings.Preset("recommendd"); err == nil {
		t.Error("an unknown preset was found")
	}
}

// A stored version must read back as the same settings, byte for byte.
func TestJSONIsStable(t *testing.T) {
	s := preset(t, "default")
	tiers := s.NewField("csf1", "plan_tier")
	tiers.Type, tiers.Values = domain.Enumeration, map[string]string{"gold": "Gold", "silver": "Silver", "b": "B"}
	s.Fields = append(s.Fields, tiers)
	s = s.Sorted()
	first, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back settings.Settings
	if err := json.Unmarshal(first, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, s) {
		t.Errorf("read back as %+v, want %+v", back, s)
	}
	for range 20 {
		if again, err := json.Marshal(back); err != nil || !bytes.Equal(again, first) {
			t.Fatalf("marshalled again as %s, %v", again, err)
		}
	}
}

func TestLookup(t *testing.T) {
	s := preset(t, "default")
	for property, want := range map[string]string{"cnam_city": "city", "city": "city", "phone_number": "phone_number"} {
		if f, ok := s.FieldFor(domain.Aloware, property); !ok || f.Name != want {
			t.Errorf("aloware %s: got %q, %v, want %s", property, f.Name, ok, want)
		}
	}
	if f, ok := s.FieldFor(domain.HubSpot, "zip"); !ok || f.Name != "zipcode" {
		t.Errorf("hubspot zip: got %q, %v", f.Name, ok)
	}
	if _, ok := s.FieldFor(domain.HubSpot, "cnam_city"); ok {
		t.Error("an Aloware name was found in HubSpot")
	}
	if _, ok := s.Field("shoe_size"); ok {
		t.Error("a field nobody mapped was found")
	}
	asked := s.ReadProperties(domain.HubSpot)
	for _, want := range []string{"phone", domain.UniqueProperty, "hs_additional_emails", "hs_merged_object_ids"} {
		if !slices.Contains(asked, want) {
			t.Errorf("HubSpot is not asked for %s", want)
		}
	}
	if read := s.ReadProperties(domain.Aloware); !slices.IsSorted(read) || slices.Contains(read, "city") {
		t.Errorf("Aloware is asked for %v, want sorted read names", read)
	}
}

func TestGetAndPut(t *testing.T) {
	s := preset(t, "default")
	env := s.Env()
	city, _ := s.Field("city")
	phone, _ := s.Field("phone_number")

	got, known, err := city.Get(domain.Aloware, domain.Properties{"cnam_city": json.RawMessage(`" Oakland "`)}, env)
	if got != "Oakland" || !known || err != nil {
		t.Errorf("city: got %q, %v, %v", got, known, err)
	}
	if _, known, _ = city.Get(domain.Aloware, domain.Properties{"city": json.RawMessage(`"x"`)}, env); known {
		t.Error("city was read by the name it is written under")
	}
	if _, known, _ = city.Get(domain.Aloware, domain.Properties{"cnam_city": nil}, env); !known {
		t.Error("a blank city counts as not told")
	}
	prop, raw, err := city.Put(domain.Aloware, "Oakland", env)
	if prop != "city" || string(raw) != `"Oakland"` || err != nil {
		t.Errorf("city is put as %s %s, %v", prop, raw, err)
	}
	got, _, err = phone.Get(domain.HubSpot, domain.Properties{"phone": json.RawMessage(`"(202) 555-0132"`)}, env)
	if got != "+12025550132" || err != nil {
		t.Errorf("phone: got %q, %v", got, err)
	}
	_, known, err = phone.Get(domain.HubSpot, domain.Properties{"phone": json.RawMessage(`"ring me"`)}, env)
	if !known || err == nil {
		t.Errorf("a phone that is none: known %v, %v", known, err)
	}
}

func TestDirections(t *testing.T) {
	for text, want := range map[string]settings.Direction{
		"both": settings.Both, "↔": settings.Both, " <-> ": settings.Both,
		"to_aloware": settings.ToAloware, "←": settings.ToAloware, "<-": settings.ToAloware,
		"To_HubSpot": settings.ToHubSpot, "→": settings.ToHubSpot, "->": settings.ToHubSpot,
	} {
		if got, err := settings.ParseDirection(text); got != want || err != nil {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
	if _, err := settings.ParseDirection("inbound"); err == nil {
		t.Error("inbound was taken for a direction")
	}
	for _, d := range []settings.Direction{settings.Both, settings.ToAloware, settings.ToHubSpot} {
		if back, err := settings.ParseDirection(d.Arrow()); back != d || err != nil {
			t.Errorf("arrow %s of %s reads back as %s, %v", d.Arrow(), d, back, err)
		}
	}
	if _, ok := settings.ToAloware.And(settings.ToHubSpot); ok {
		t.Error("opposite directions leave something over")
	}
}
