package settings_test

import (
	"encoding/json"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

var lists = settings.Lists{
	Options: map[domain.System]map[string][]domain.Option{
		domain.HubSpot: {
			"hs_lead_status": {{Value: "NEW", Label: "New lead"}, {Value: "OPEN", Label: "Open"}, {Value: "BAD", Label: "Bad timing"}},
			"plan_tier":      {{Value: "g", Label: "Gold"}},
		},
		domain.Aloware: {"disposition_status_id": {{Value: "17", Label: "new lead "}, {Value: "18", Label: "Open"}, {Value: "19", Label: "Other"}}},
	},
	People: map[domain.System][]settings.Person{
		domain.HubSpot: {{ID: "71", Email: "Priya@acme.example"}, {ID: "72", Email: "sam.ortiz@acme.example"}, {ID: "73", Email: "dana@acme.example"}},
		domain.Aloware: {{ID: "1", Email: "priya@acme.example"}, {ID: "2", Email: "sam.o@acme.example"}, {ID: "3", Email: "dana@acme.example"}, {ID: "4", Email: "new@acme.example"}},
	},
}

// through reads a raw value of one system and writes what it means into the other.
func through(f settings.Field, env settings.Env, from domain.System, raw string) (canonical, written string, err error) {
	canonical, _, err = f.Get(from, domain.Properties{f.Side(from).Read: json.RawMessage(raw)}, env)
	if err != nil {
		return "", "", err
	}
	_, out, err := f.Put(from.Other(), canonical, env)
	return canonical, string(out), err
}

func TestValuesByLabel(t *testing.T) {
	s := preset(t, "default")
	status := s.NewField("disposition_status", "hs_lead_status")
	status.ByLabel = true
	table := s.NewField("disposition_status", "hs_lead_status")
	table.Values = map[string]string{"Other": "Bad timing", "18": "OPEN"}
	tier := s.NewField("csf1", "plan_tier")
	tier.Type, tier.Values = domain.Enumeration, map[string]string{"gold": "Gold"}
	for _, c := range []struct {
		name string
		f    settings.Field
		from domain.System
		raw  string
		want string // canonical, and what is written; "!": refused
	}{
		{"by label, in", status, domain.HubSpot, `"NEW"`, `NEW "17"`},
		{"by label, out", status, domain.Aloware, `18`, `OPEN "OPEN"`},
		{"no such label there", status, domain.HubSpot, `"BAD"`, "!"},
		{"no such label here", status, domain.Aloware, `19`, "!"},
		{"a table of labels", table, domain.Aloware, `19`, `BAD "BAD"`},
		{"a table of values", table, domain.HubSpot, `"OPEN"`, `OPEN "18"`},
		{"a label for a value", tier, domain.Aloware, `"gold"`, `g "g"`},
		{"and back", tier, domain.HubSpot, `"g"`, `g "gold"`},
	} {
		s.Fields = []settings.Field{c.f}
		canonical, written, err := through(c.f, s.EnvWith(lists), c.from, c.raw)
		if got := canonical + " " + written; c.want == "!" && err == nil || c.want != "!" && (err != nil || got != c.want) {
			t.Errorf("%s: got %s, %v, want %s", c.name, got, err, c.want)
		}
	}
	s.Fields = []settings.Field{status}
	if got, _, err := through(status, s.Env(), domain.Aloware, `18`); err == nil {
		t.Errorf("without lists %q was taken for a value", got)
	}
}

func TestOwners(t *testing.T) {
	s := preset(t, "default")
	owner := s.NewField("owner", "hubspot_owner_id")
	owner.People = map[string]string{"Sam.O@acme.example": "sam.ortiz@acme.example"}
	stand := owner
	stand.Nobody = "dana@acme.example"
	for _, c := range []struct {
		name string
		f    settings.Field
		from domain.System
		raw  string
		want string
	}{
		{"by email", owner, domain.HubSpot, `"71"`, "priya@acme.example 1"},
		{"and back", owner, domain.Aloware, `1`, `priya@acme.example "71"`},
		{"by the list", owner, domain.HubSpot, `"72"`, "sam.ortiz@acme.example 2"},
		{"and back", owner, domain.Aloware, `"2"`, `sam.ortiz@acme.example "72"`},
		{"nobody there", owner, domain.Aloware, `4`, "!"},
		{"somebody for nobody", stand, domain.Aloware, `4`, `new@acme.example "73"`},
		{"unknown id", owner, domain.HubSpot, `"99"`, "!"},
		{"no owner", owner, domain.HubSpot, `""`, ` ""`},
		{"no user", owner, domain.Aloware, `0`, ` ""`},
	} {
		s.Fields = []settings.Field{c.f}
		canonical, written, err := through(c.f, s.EnvWith(lists), c.from, c.raw)
		if got := canonical + " " + written; c.want == "!" && err == nil || c.want != "!" && (err != nil || got != c.want) {
			t.Errorf("%s: got %s, %v, want %s", c.name, got, err, c.want)
		}
	}
	left := lists.Unmapped(owner)
	if len(left[domain.HubSpot]) != 0 || len(left[domain.Aloware]) != 1 || left[domain.Aloware][0].ID != "4" {
		t.Errorf("unmapped %v, want user 4", left)
	}
	if left := lists.Unmapped(s.NewField("owner", "hubspot_owner_id")); len(left[domain.HubSpot]) != 1 || len(left[domain.Aloware]) != 2 {
		t.Errorf("without the list unmapped %v, want Sam twice and user 4", left)
	}
}

func TestFilterByOwnerAndByHubSpotName(t *testing.T) {
	s := preset(t, "default")
	s.Fields = append(s.Fields, s.NewField("owner", "hubspot_owner_id"))
	f, err := s.ParseFilter(`owner = Dana@acme.example and phone is known`)
	if err != nil {
		t.Fatal(err)
	}
	contact := map[string]string{"owner": "dana@acme.example", "phone_number": "+12025550132"}
	if !f.Match(func(name string) (string, bool) { v, ok := contact[name]; return v, ok }) {
		t.Errorf("%s does not match %v", f, contact)
	}
}
