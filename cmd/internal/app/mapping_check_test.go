package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// lens is a field of a report.
func lens(t *testing.T, r httpapi.MappingReport, name string) httpapi.MappingField {
	t.Helper()
	for _, f := range r.Fields {
		if f.Field == name {
			return f
		}
	}
	t.Fatalf("the report has no field %s", name)
	return httpapi.MappingField{}
}

// finding returns what was found about a field, empty for nothing.
func finding(r httpapi.MappingReport, field, about string) string {
	for _, f := range r.Findings {
		if f.Field == field && strings.Contains(f.Found, about) {
			return f.Found + " / " + f.Fix
		}
	}
	return ""
}

// TestMappingCheck: what the mapping keeps is told by the laws of a lens, over HTTP, with what HubSpot has now: a field
// set to both that does not flow both ways (39), what changed since somebody looked (41), who is on one side only, and
// of what no webhook tells.
func TestMappingCheck(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, change: func(s *settings.Settings) {
			tier := s.NewField("csf1", "plan_tier")
			tier.Type, tier.Values = domain.Enumeration, map[string]string{"gold": "gold", "silver": "silver"}
			s.Fields = append(s.Fields, tier, s.NewField(settings.OwnerField, "hubspot_owner_id"))
		}})
		_, err := r.hubspot.Create(carrying(adaHubSpot, "plan_tier", "gold"), "7")
		r.must(err)
		r.settle()
		c := asked[httpapi.MappingReport](r, "mapping/check")
		if f := lens(t, c, "csf1"); f.Verdict != settings.Lossless || f.Told != "by webhook" || f.InAloware != "seen on 1" {
			t.Errorf("plan tier: %+v", f)
		}
		if f := lens(t, c, "website"); f.Verdict != settings.Lossless || f.Told != "no change yet" {
			t.Errorf("website: %+v", f)
		}
		if f := lens(t, c, "owner"); f.Verdict != settings.OneWay || f.Example == nil || f.Example.Value != "72" {
			t.Errorf("owner: %+v %+v, want Sam as the example", f, f.Example)
		}
		if len(c.Unmapped) != 1 || c.Unmapped[0].Email != "sam.ortiz@acme.example" || c.Unmapped[0].System != domain.HubSpot {
			t.Errorf("unmapped: %+v", c.Unmapped)
		}
		if c.OK || !c.HubSpot.Now || c.Due == nil || finding(c, "fields.owner", "nobody in Aloware") == "" {
			t.Errorf("report: %+v", c)
		}

		r.aloware.AddUser("sam.ortiz@acme.example", "Sam Ortiz")
		r.pulled("owners")
		if c = asked[httpapi.MappingReport](r, "mapping/check"); !c.OK {
			t.Errorf("with Sam in Aloware: %+v %+v", c.Faults, c.Findings)
		}
		r.portal(http.MethodPatch, "/crm/v3/properties/contacts/plan_tier", map[string]any{"options": []any{
			option("gold", "gold", 0), option("silver", "silver", 1), option("platinum", "Platinum", 2),
		}})
		c = asked[httpapi.MappingReport](r, "mapping/check")
		if f := lens(t, c, "csf1"); f.Verdict != settings.OneWay || f.Example.Value != "platinum" || !f.Flawed {
			t.Errorf("with a third tier: %+v", f)
		}
		if got := finding(c, "fields.csf1", "since"); !strings.Contains(got, "new options Platinum (platinum)") {
			t.Errorf("drift: %q", got)
		}
		r.told("settings/set", map[string]any{"reason": "test", "set": map[string]string{
			"csf1.values": "{gold: gold, silver: silver, platinum: Platinum}", "contacts.update": "to_aloware",
		}})
		r.settle()
		c = asked[httpapi.MappingReport](r, "mapping/check")
		if f := lens(t, c, "csf1"); f.Verdict != settings.Lossless || finding(c, "fields.csf1", "") != "" {
			t.Errorf("mapped by its label: %+v", f)
		}
		if got := finding(c, "contacts.update", "csf1"); got == "" {
			t.Errorf("fields set to both while updates flow one way: %+v", c.Findings)
		}
	})
}

// TestUnsubscribed: a property whose changes only reads show, and no webhook ever tells, is named: the app is not
// subscribed to it. One that webhooks tell of is not.
func TestUnsubscribed(t *testing.T) {
	t.Parallel()
	r := start(t, plan{})
	ada, err := r.hubspot.Create(adaHubSpot, "7")
	r.must(err)
	r.settle()
	r.hubspot.SetTarget("http://127.0.0.1:1") // what happens now is told to nobody
	r.must(r.hubspot.Edit(ada, map[string]string{"website": "ada.example", "city": "Paris"}, "7"))
	_, err = r.aside().Reconcile(t.Context(), tester, nil)
	r.must(err)
	c := asked[httpapi.MappingReport](r, "mapping/check")
	if f := lens(t, c, "website"); f.Told != "by sweep only" || finding(c, "fields.website.hubspot", "not subscribed") == "" {
		t.Errorf("website: %+v, %+v", f, c.Findings)
	}
	if f := lens(t, c, "city"); f.Told != "by webhook" {
		t.Errorf("city, which a webhook told of before: %+v", f)
	}
}
