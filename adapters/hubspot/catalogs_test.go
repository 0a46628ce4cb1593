package hubspot_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/hubspot"
	"github.com/duolog/duolog/adapters/hubspot/sandbox"
	"github.com/duolog/duolog/domain"
)

func listed(t *testing.T, c adapters.Catalogs, which domain.Catalog) (items []adapters.CatalogItem, pages int) {
	t.Helper()
	if err := c.Catalog(t.Context(), which, func(p adapters.CatalogPage) error {
		pages++
		items = append(items, p.Items...)
		if p.Clock == 0 {
			t.Errorf("a page of %s without the time of its request", which)
		}
		return nil
	}); err != nil {
		t.Fatalf("%s: %v", which, err)
	}
	return items, pages
}

func labels(items []adapters.CatalogItem) string {
	var out []string
	for _, i := range items {
		out = append(out, i.ID+"="+i.Entry.Label)
	}
	return strings.Join(out, ", ")
}

// TestCatalogs: each is read as HubSpot keeps it, by the dated API and by the numbered one.
func TestCatalogs(t *testing.T) {
	for _, version := range []string{"2026-09", "v3"} {
		_, c := open(t, sandbox.Config{}, hubspot.Config{APIVersion: version})
		for which, want := range map[domain.Catalog]string{
			domain.LeadStatuses:    "NEW=New, OPEN=Open, IN_PROGRESS=In Progress,",
			domain.LifecycleStages: "subscriber=Subscriber, lead=Lead,",
			domain.CallOutcomes:    "9d9162e7-6cf3-4944-bf63-4dff82258764=Busy,",
			domain.CallTypes:       "Discovery call=Discovery call, Follow-up call=Follow-up call",
			domain.MeetingTypes:    "Demo=Demo, Onboarding=Onboarding",
			domain.Pipelines:       "default=Sales Pipeline",
			domain.Owners:          "71=Priya Shah, 72=Sam Ortiz, 73=Dana Novák",
			domain.Deals:           "",
		} {
			if items, _ := listed(t, c, which); !strings.HasPrefix(labels(items), want) {
				t.Errorf("%s by %s: %s, want %s", which, version, labels(items), want)
			}
		}
		pipelines, _ := listed(t, c, domain.Pipelines)
		var closed []string
		for _, s := range pipelines[0].Entry.Stages {
			if s.Closed {
				closed = append(closed, s.Label)
			}
		}
		if fmt.Sprint(closed) != "[Closed Won Closed Lost]" {
			t.Errorf("closed stages: %v", closed)
		}
		owners, _ := listed(t, c, domain.Owners)
		if owners[2].Entry.Email != "dana@acme.example" {
			t.Error("an owner without the email")
		}
		if err := c.Catalog(t.Context(), domain.Users, nil); !errors.Is(err, adapters.ErrUnsupported) {
			t.Errorf("a catalog HubSpot does not have: %v", err)
		}
	}
}

// TestDealsWithContacts: every deal comes with its amount, place and owner and with everyone it is about, however many
// pages that takes.
func TestDealsWithContacts(t *testing.T) {
	portal, c := open(t, sandbox.Config{}, hubspot.Config{})
	ann := made(t, portal, map[string]string{"email": "ann@x.example"})
	ben := made(t, portal, map[string]string{"email": "ben@x.example"})
	var ids []string
	for i := range 130 {
		id, err := portal.AddDeal(map[string]string{
			"dealname": fmt.Sprint("Deal ", i), "amount": "1500.00", "pipeline": "default", "dealstage": "contractsent",
			"hubspot_owner_id": "72",
		}, [][]string{{}, {ann}, {ann, ben}}[i%3]...)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	items, pages := listed(t, c, domain.Deals)
	if len(items) != 130 || pages != 2 {
		t.Fatalf("%d deals in %d pages", len(items), pages)
	}
	for i, item := range items {
		d := item.Entry.Deal
		if item.ID != ids[i] || len(item.Contacts) != i%3 || item.Entry.Label != fmt.Sprint("Deal ", i) || d.Created == 0 ||
			d.Amount != "1500.00" || d.Pipeline != "default" || d.Stage != "contractsent" || d.Owner != "72" {
			t.Fatalf("deal %d: %+v %+v", i, item, d)
		}
	}
	if got := items[2].Contacts; !slices.Contains(got, domain.Record{System: domain.HubSpot, ID: ben}) {
		t.Errorf("deal 2 is about %v", got)
	}
}
