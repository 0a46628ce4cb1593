package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/catalogs"
	"github.com/duolog/duolog/projections/history"
)

// TestCapabilities29To37: each row has people do something in a system, over HTTP, and looks at what Duolog tells over
// HTTP. The numbers are those of the document's capabilities.
func TestCapabilities29To37(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database, change: toAloware})
		ada, err := r.hubspot.Create(with(adaHubSpot, map[string]string{"hubspot_owner_id": "71", "lifecyclestage": "lead"}), "7")
		r.must(err)
		r.settle()
		for _, row := range []struct {
			name string
			run  func(*testing.T, *rig, string)
		}{
			{"29 pull lead statuses", pullLeadStatuses},
			{"30 contact dispositions", contactDispositions},
			{"31 pull call outcomes", pullCallOutcomes},
			{"32 call dispositions", callDispositions},
			{"33 only what is synced is shown", onlySynced},
			{"34 pull activity types", pullActivityTypes},
			{"35 pull deals", pullDeals},
			{"36 the contact card", contactCard},
			{"37 route to the deal owner", routeToDealOwner},
		} {
			ok := t.Run(row.name, func(t *testing.T) {
				inner := *r
				inner.t = t
				row.run(t, &inner, ada)
			})
			if !ok {
				break // each goes on from the one before
			}
		}
		r.verified()
		r.sealed("Byron engine", "Priya Shah", "priya.shah@acme.example")
	})
}

// Status BAD_TIMING has an id in Aloware before HubSpot deletes it: it is unlocked, not lost.
func pullLeadStatuses(t *testing.T, r *rig, _ string) {
	r.told("catalogs/contact-dispositions/map", map[string]string{
		"hubspot": "BAD_TIMING", "aloware": "1208", "label": "Bad timing", "reason": "read in Aloware",
	})
	r.portal(http.MethodPatch, "/crm/v3/properties/contacts/hs_lead_status", map[string]any{"options": []any{
		option("NEW", "Brand new", 0), option("OPEN", "Open", 1), option("IN_PROGRESS", "In Progress", 2),
		option("OPEN_DEAL", "Open Deal", 3), option("UNQUALIFIED", "Unqualified", 4),
		option("ATTEMPTED_TO_CONTACT", "Attempted to Contact", 5), option("CONNECTED", "Connected", 6),
		option("NURTURE", "Nurture", 7),
	}})
	var got []string
	for _, f := range r.pulled("lead-statuses") {
		got = append(got, fmt.Sprint(f.Catalog, " ", f.ID, " ", f.Entry.Label, " ", f.Gone))
	}
	want := "lead_statuses NEW Brand new false, lead_statuses NURTURE Nurture false, lead_statuses BAD_TIMING  true"
	if strings.Join(got, ", ") != want {
		t.Errorf("facts: %v\nwant: %s", got, want)
	}
	c := asked[httpapi.Catalog](r, "catalogs/contact-dispositions")
	if row := r.row(c, "BAD_TIMING"); row.State != catalogs.Unlocked || row.HubSpot.Label != "Bad Timing" || row.Aloware == nil ||
		row.Aloware.ID != "1208" || row.HubSpot.GoneAt == nil {
		t.Errorf("deleted in HubSpot: %+v", row)
	}
	if row := r.row(c, "NEW"); row.State != catalogs.Synced || row.HubSpot.Label != "Brand new" {
		t.Errorf("renamed in HubSpot: %+v", row)
	}
	if c.LastPull == nil || !strings.HasPrefix(c.Said, "Last pull lead statuses: ") || !strings.Contains(c.Said, " P") {
		t.Errorf("the last run is told as %q", c.Said)
	}
	if again := r.pulled("lead-statuses"); len(again) != 0 {
		t.Errorf("a pull of nothing new: %v", again)
	}
	r.portal(http.MethodPatch, "/crm/v3/properties/contacts/hs_lead_status", map[string]any{"options": []any{
		option("NEW", "Brand new", 0), option("BAD_TIMING", "Bad Timing", 1),
	}})
	r.pulled("lead-statuses")
	row := r.row(asked[httpapi.Catalog](r, "catalogs/contact-dispositions"), "BAD_TIMING")
	if row.State != catalogs.Synced || row.Aloware == nil {
		t.Errorf("made again in HubSpot: %+v", row)
	}
	var kinds []string
	for _, ch := range asked[httpapi.CatalogHistory](r, "catalogs/contact-dispositions/history").Changes {
		if ch.ID == "BAD_TIMING" {
			kinds = append(kinds, ch.Kind)
		}
	}
	if fmt.Sprint(kinds) != "[added gone back]" {
		t.Errorf("history of BAD_TIMING: %v", kinds)
	}
}

func contactDispositions(t *testing.T, r *rig, _ string) {
	r.told("catalogs/contact-dispositions/map", map[string]string{
		"hubspot": "NEW", "aloware": "1201", "label": "New lead", "reason": "read in Aloware",
	})
	r.settle()
	c := asked[httpapi.Catalog](r, "catalogs/contact-dispositions")
	if c.Menu != "Account menu > Contact dispositions" {
		t.Errorf("it is found under %q", c.Menu)
	}
	if row := r.row(c, "NEW"); row.Aloware == nil || row.Aloware.ID != "1201" || row.By != catalogs.ByDeclaration {
		t.Errorf("declared: %+v", row)
	}
	for body, want := range map[*map[string]string]int{
		{"hubspot": "NEW", "aloware": "1202", "reason": "twice"}:         http.StatusConflict,
		{"hubspot": "NO_SUCH", "aloware": "1203", "reason": "nobody"}:    http.StatusNotFound,
		{"hubspot": "", "aloware": "1299", "reason": "never was"}:        http.StatusNotFound,
		{"hubspot": "NEW", "aloware": "New lead", "reason": "no number"}: http.StatusBadRequest,
	} {
		status, b := r.request(http.MethodPost, r.url+"/v1/connections/default/catalogs/contact-dispositions/map", "test", *body)
		if status != want {
			t.Errorf("%v: %d %s, want %d", *body, status, b, want)
		}
	}
}

func pullCallOutcomes(t *testing.T, r *rig, _ string) {
	id := r.portal(http.MethodPost, "/_sandbox/outcome", map[string]any{"properties": map[string]string{"label": "Call back"}})["id"].(string)
	facts := r.pulled("call-outcomes")
	if len(facts) != 1 || facts[0].ID != id || facts[0].Entry.Label != "Call back" {
		t.Errorf("facts: %+v", facts)
	}
	r.portal(http.MethodPost, "/_sandbox/outcome-gone", map[string]any{"id": id})
	r.pulled("call-outcomes")
	c := asked[httpapi.Catalog](r, "catalogs/call-dispositions")
	if row := r.row(c, id); row.State != catalogs.Unlocked || c.Entries != 6 {
		t.Errorf("deleted: %+v, %d left", row, c.Entries)
	}
}

// A call that was disposed in Aloware is a fact, and is told with HubSpot's outcome: found by its label, and then as a
// person says.
func callDispositions(t *testing.T, r *rig, ada string) {
	r.box("call", map[string]any{"phone": adaPhone})
	before := r.head()
	r.box("dispose", map[string]any{"phone": adaPhone, "outcome": 31227, "label": "no answer", "user": 3})
	r.settle()
	facts := 0
	for _, e := range r.eventsOf(before, domain.ActivityObserved) {
		facts++
		if e.Subject != e.Stream || !strings.HasPrefix(e.Stream, "aloware/contact/") {
			t.Errorf("sealed under %s on %s", e.Subject, e.Stream)
		}
	}
	calls := r.entriesOf("hubspot:"+ada, history.KindActivity)
	if facts != 1 || len(calls) != 1 {
		t.Fatalf("%d facts, %d in the history", facts, len(calls))
	}
	a := calls[0].Activity
	if a.Kind != domain.ActivityCall || a.Disposition.ID != "31227" || a.Outcome.Label != "No answer" || a.User != "3" {
		t.Errorf("by label: %+v", a)
	}
	const busy = "9d9162e7-6cf3-4944-bf63-4dff82258764"
	r.told("catalogs/call-dispositions/map", map[string]string{"hubspot": busy, "aloware": "31227", "reason": "test"})
	r.settle()
	if a := r.entriesOf("hubspot:"+ada, history.KindActivity)[0].Activity; a.Outcome.ID != busy {
		t.Errorf("as declared: %+v", a)
	}
	c := asked[httpapi.Catalog](r, "catalogs/call-dispositions")
	if row := r.row(c, busy); c.Menu != "Account menu > Call Dispositions" || row.Aloware == nil || row.Aloware.Label != "no answer" {
		t.Errorf("under %q: %+v", c.Menu, row)
	}
}

// A disposition that only Aloware has is not for use while the integration is on, and is there when it is off.
func onlySynced(t *testing.T, r *rig, _ string) {
	r.must(r.aloware.Edit(r.inAloware("phone_number", adaPhone)[0].ID, map[string]any{"disposition_status_id": 1299}))
	r.settle()
	const path = "catalogs/contact-dispositions"
	if c := asked[httpapi.Catalog](r, path); c.Hidden != 1 || hasAloware(c, "1299") {
		t.Errorf("hidden %d, shown: %v", c.Hidden, hasAloware(c, "1299"))
	}
	if c := asked[httpapi.Catalog](r, path+"?all=true"); !hasAloware(c, "1299") {
		t.Error("not even with all of them")
	}
	r.told("mode", map[string]string{"mode": "off", "reason": "test"})
	if c := asked[httpapi.Catalog](r, path); !hasAloware(c, "1299") || c.Hidden != 0 {
		t.Error("hidden though the integration is off")
	}
	status, b := r.request(http.MethodPost, r.url+"/v1/connections/default/pull/owners", "test", map[string]string{"reason": "off"})
	if status != http.StatusConflict {
		t.Errorf("a pull while off: %d %s", status, b)
	}
	r.told("mode", map[string]string{"mode": "live", "reason": "test"})
	r.settle()
}

func hasAloware(c httpapi.Catalog, id string) bool {
	for _, row := range c.Rows {
		if row.Aloware != nil && row.Aloware.ID == id {
			return true
		}
	}
	return false
}

func pullActivityTypes(t *testing.T, r *rig, ada string) {
	r.portal(http.MethodPatch, "/crm/v3/properties/calls/hs_activity_type", map[string]any{"options": []any{
		option("Discovery call", "Discovery call", 0), option("renewal", "Renewal call", 1),
	}})
	if facts := r.pulled("activity-types"); len(facts) != 2 {
		t.Errorf("facts: %+v", facts)
	}
	c := asked[httpapi.Catalog](r, "catalogs/activity-types")
	for id, of := range map[string]domain.Catalog{"renewal": domain.CallTypes, "Demo": domain.MeetingTypes} {
		if row := r.row(c, id); row.Catalog != of || row.State != catalogs.Synced {
			t.Errorf("%s: %+v", id, row)
		}
	}
	r.box("dispose", map[string]any{"phone": adaPhone, "outcome": 31227, "label": "no answer", "activity_type": "Renewal call"})
	r.settle()
	calls := r.entriesOf("hubspot:"+ada, history.KindActivity)
	if got := calls[len(calls)-1].Activity.ActivityType; got.ID != "renewal" || got.Label != "Renewal call" {
		t.Errorf("the call's type: %+v", got)
	}
}

// A deal is a fact about each contact it is about, under that contact's key.
func pullDeals(t *testing.T, r *rig, ada string) {
	deal := r.portal(http.MethodPost, "/crm/v3/objects/deals", map[string]any{
		"properties": map[string]string{
			"dealname": "Byron engine", "amount": "1500.00", "pipeline": "default", "dealstage": "contractsent",
			"hubspot_owner_id": "73",
		},
		"associations": []any{map[string]any{"to": map[string]string{"id": ada}, "types": []any{
			map[string]any{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3},
		}}},
	})["id"].(string)
	before := r.head()
	facts := r.pulled("deals")
	if len(facts) != 1 || facts[0].ID != deal || facts[0].Entry.Deal.Amount != "1500.00" {
		t.Fatalf("facts: %+v", facts)
	}
	for _, e := range r.eventsOf(before, domain.CatalogObserved) {
		if want := "hubspot/contact/" + ada; e.Stream != want || e.Subject != want {
			t.Errorf("on %s, sealed under %s; want %s", e.Stream, e.Subject, want)
		}
	}
	c := asked[httpapi.Catalog](r, "catalogs/deals")
	if len(c.Deals) != 1 || c.Deals[0].Name != "Byron engine" || c.Deals[0].Stage.Label != "Contract Sent" ||
		c.Deals[0].Pipeline.Label != "Sales Pipeline" || c.Deals[0].Owner.Label != "Dana Novák" || !c.Deals[0].Open {
		t.Errorf("deals: %+v", c.Deals)
	}
	told := r.entriesOf("hubspot:"+ada, history.KindDeal)
	if len(told) != 1 || told[0].Deal.Stage.Label != "Contract Sent" || told[0].Deal.Amount != "1500.00" {
		t.Errorf("in the history: %+v", told)
	}
	r.portal(http.MethodPatch, "/crm/v3/objects/deals/"+deal, map[string]any{"properties": map[string]string{"dealstage": "qualifiedtobuy"}})
	if facts := r.pulled("deals"); len(facts) != 1 || facts[0].Entry.Deal.Stage != "qualifiedtobuy" {
		t.Errorf("a deal that moved: %+v", facts)
	}
}

func contactCard(t *testing.T, r *rig, ada string) {
	_, err := r.hubspot.Create(map[string]string{"firstname": "Annabella", "email": "anna@people.example", "mobilephone": adaPhone}, "7")
	r.must(err)
	r.settle()
	card := asked[httpapi.Card](r, "contacts/hubspot:"+ada+"/card")
	if card.Name != "Ada Byron" || fmt.Sprint(card.Phones) != "["+adaPhone+"]" || card.Emails[0] != "ada@people.example" {
		t.Errorf("identity: %+v", card)
	}
	if card.Owner == nil || card.Owner.Name != "Priya Shah" || card.Lifecycle == nil || card.Lifecycle.Label != "Lead" {
		t.Errorf("owner %+v, stage %+v", card.Owner, card.Lifecycle)
	}
	if len(card.Deals) != 1 || card.Deals[0].Stage.Label != "Qualified To Buy" || !strings.HasSuffix(card.Deals[0].URL, "/record/0-3/"+card.Deals[0].ID) {
		t.Errorf("deals: %+v", card.Deals)
	}
	if len(card.Duplicates) != 1 || card.Duplicates[0].Name != "Annabella" || card.Duplicates[0].Phone != adaPhone {
		t.Errorf("duplicates: %+v", card.Duplicates)
	}
	links := map[string]string{}
	for _, rec := range card.Records {
		links[rec.System] = rec.URL
	}
	if links["hubspot"] != "https://app.hubspot.com/contacts/4815162/record/0-1/"+ada ||
		!strings.HasSuffix(links["aloware"], "/contacts/"+r.inAloware("phone_number", adaPhone)[0].ID) {
		t.Errorf("links: %v", links)
	}
}

func routeToDealOwner(t *testing.T, r *rig, ada string) {
	route := func(phone string) httpapi.Route {
		return asked[httpapi.Route](r, "routing/deal-owner?phone="+phone)
	}
	for _, written := range []string{"%2B" + adaPhone[1:], adaPhone, adaPhone[2:], "(212)%20555-" + adaPhone[8:]} {
		got := route(written)
		if got.Reason != httpapi.RouteFound || got.User == nil || got.User.ID != "1" || got.Owner.ID != "73" || got.Open != 1 {
			t.Errorf("%s: %+v %+v", written, got, got.User)
		}
	}
	if got := route("%2B12125550999"); got.Reason != httpapi.RouteUnknown || got.User != nil {
		t.Errorf("nobody's number: %+v", got)
	}
	// The newest open deal decides, and one whose owner has no user in Aloware leads to nobody.
	newest, err := r.hubspot.AddDeal(map[string]string{"dealname": "Notes", "pipeline": "default", "dealstage": "contractsent", "hubspot_owner_id": "71"}, ada)
	r.must(err)
	r.pulled("deals")
	if got := route(adaPhone); got.User == nil || got.User.ID != "3" || got.Deal.ID != newest || got.Open != 2 {
		t.Errorf("two open deals: %+v %+v", got, got.Deal)
	}
	r.must(r.hubspot.EditDeal(newest, map[string]string{"hubspot_owner_id": "72"}))
	r.pulled("deals")
	if got := route(adaPhone); got.User == nil || got.User.ID != "1" {
		t.Errorf("the newest deal's owner has no user: %+v, want that of the other", got)
	}
	for _, d := range asked[httpapi.Catalog](r, "catalogs/deals").Deals {
		r.must(r.hubspot.EditDeal(d.ID, map[string]string{"dealstage": "closedwon"}))
	}
	r.pulled("deals")
	if got := route(adaPhone); got.Reason != httpapi.RouteNoDeal || got.User != nil {
		t.Errorf("all are closed: %+v", got)
	}
	status, b := r.request(http.MethodGet, r.url+"/v1/connections/default/routing/deal-owner?phone=ask+for+Ada", "test", nil)
	if status != http.StatusBadRequest || strings.Contains(string(b), "Ada") {
		t.Errorf("no number: %d %s", status, b)
	}
}
