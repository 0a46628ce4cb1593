package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/catalogs"
)

// TestDailyRefresh: every catalog is pulled at the first start and then once a day, however often the process ends.
func TestDailyRefresh(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		var c clock
		r := start(t, plan{database: database, config: func(cfg *app.Config) { cfg.Clock = c.now }})
		r.settle()
		r.startedTimes(1)
		for range 2 {
			r.stop()
			r.node = r.boot()
			r.settle()
		}
		r.startedTimes(1)
		id := r.hubspot.AddOwner("grace@acme.example", "Grace", "Hopper")
		c.ahead.Store(int64(25 * time.Hour))
		r.refreshed(2)
		if found, err := r.Catalogs.ByID(t.Context(), hubspotOwners, id); err != nil || len(found) != 1 || found[0].Label != "Grace Hopper" {
			t.Errorf("an owner who came since: %+v, %v", found, err)
		}
		for _, e := range r.eventsOf(0, domain.OperationStarted) {
			if e.Actor != "duolog" {
				t.Errorf("started by %s", e.Actor)
			}
		}
	})
}

var hubspotOwners = catalogs.Source{System: domain.HubSpot, Catalog: domain.Owners}

// startedTimes fails unless each pull was started so many times.
func (r *rig) startedTimes(n int) {
	r.t.Helper()
	got := r.starts()
	for _, p := range catalogs.Pulls {
		if len(got[p.Name]) != n {
			r.t.Errorf("%s was started %d times, want %d", p.Name, len(got[p.Name]), n)
		}
	}
}

// refreshed waits for the n-th daily run of each pull.
func (r *rig) refreshed(n int) {
	r.t.Helper()
	r.waitFor("the daily pulls", func() bool {
		got := r.starts()
		for _, p := range catalogs.Pulls {
			if len(got[p.Name]) < n {
				return false
			}
		}
		return true
	})
	r.settle()
	r.startedTimes(n)
}

// TestEmptiedCatalog: a catalog that suddenly lists nothing is not believed by itself, loses nothing, and is tried
// again an hour later; a person who pulls it is.
func TestEmptiedCatalog(t *testing.T) {
	t.Parallel()
	var c clock
	r := start(t, plan{config: func(cfg *app.Config) { cfg.Clock = c.now }})
	ada, err := r.hubspot.Create(adaHubSpot, "7")
	r.must(err)
	deal, err := r.hubspot.AddDeal(map[string]string{"dealname": "Engine", "pipeline": "default"}, ada)
	r.must(err)
	r.settle()
	r.pulled("deals")
	for _, id := range []string{"71", "72", "73"} {
		r.hubspot.RemoveOwner(id)
	}
	r.must(r.hubspot.DeleteDeal(deal))
	c.ahead.Store(int64(25 * time.Hour))
	r.waitFor("a refused refresh", func() bool {
		runs, err := r.Catalogs.Runs(t.Context())
		r.must(err)
		return runs["owners"].Failure != "" && runs["deals"].Failure != ""
	})
	r.settle()
	for _, s := range asked[httpapi.CatalogList](r, "catalogs").Catalogs {
		if s.Name == "owners" && (s.Entries != 3 || s.Gone != 0 || !strings.Contains(s.Failure, "owners of HubSpot: it suddenly lists nothing")) ||
			s.Name == "deals" && s.Entries != 1 {
			t.Errorf("after the refresh: %+v", s)
		}
	}
	before := len(r.starts()["owners"])
	c.ahead.Store(int64(25*time.Hour + 65*time.Minute))
	r.waitFor("another try", func() bool { return len(r.starts()["owners"]) > before })
	r.settle()
	if facts := r.pulled("owners"); len(facts) != 3 || !facts[0].Gone {
		t.Errorf("pulled by a person: %+v", facts)
	}
	if facts := r.pulled("deals"); len(facts) != 1 || !facts[0].Gone {
		t.Errorf("deals pulled by a person: %+v", facts)
	}
}

// TestPullAlone: without a server a pull does itself and nothing else; the connection is not synced, nor baselined.
func TestPullAlone(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		r.settle()
		r.stop()
		_, err := r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		r.hubspot.AddOutcome("Call back")
		n := r.aside()
		r.node = n
		before := r.head()
		end, err := n.Pull(t.Context(), "call-outcomes", tester, nil)
		r.must(err)
		if end.Reason != "" || end.Counts["listed"] != 7 || end.Counts["new"] != 1 {
			t.Errorf("%+v", end)
		}
		var kinds []string
		r.since(before, func(e eventstore.Event) { kinds = append(kinds, e.Type) })
		if got := strings.Join(kinds, " "); got != "operation.started catalog.observed operation.finished" {
			t.Errorf("events: %s", got)
		}
		c, err := n.ShowCatalog(t.Context(), "call-dispositions", httpapi.CatalogQuery{})
		if err != nil || c.Entries != 7 {
			t.Errorf("%d entries, %v", c.Entries, err)
		}
		if len(r.aloware.All()) != 0 {
			t.Error("somebody was synced")
		}
	})
}

// TestPullFailsAloud: a pull HubSpot does not answer ends with the reason, keeps what is known, and holds nothing up.
func TestPullFailsAloud(t *testing.T) {
	t.Parallel()
	r := start(t, plan{})
	r.settle()
	r.stop()
	r.config.HubSpot.BaseURL = r.config.Aloware.BaseURL // answers with a web page
	n := r.aside()
	end, err := n.Pull(t.Context(), "owners", tester, nil)
	if err == nil && end.Reason == "" {
		t.Errorf("from a system that is none: %+v", end)
	}
	if got, err := n.Catalogs.Entries(t.Context(), hubspotOwners); err != nil || len(got) != 3 || got[0].GoneAt != nil {
		t.Errorf("known of owners: %+v, %v", got, err)
	}
}
