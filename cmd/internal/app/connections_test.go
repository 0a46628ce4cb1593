package app_test

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
)

// TestTwoConnections: one process serves two connections of a database, the second added while it runs: each with its
// portal, its log and its webhooks, those of an app's one URL among them; removed, it is served no more.
func TestTwoConnections(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := sandboxes(t, plan{database: database})
		r.apply(nil)
		north := sandboxes(t, plan{database: database, portal: "777"})
		again := make(chan struct{}, 1)
		r.node = r.bootBeside(app.Config{}, again)
		r.settle()

		r.must(r.AddConnection(t.Context(), "north", tester))
		if err := r.AddConnection(t.Context(), "north", tester); err == nil {
			t.Error("a second connection of the name was made")
		}
		north.config.Connection, north.config.MasterKeyFile = "north", r.config.MasterKeyFile
		aside := north.aside()
		r.must(aside.KeepSecrets(t.Context(), map[string]string{
			"hubspot.access_token": "any", "hubspot.client_secret": "sandbox", "aloware.api_token": "any",
			"aloware.webhook_token": "sandbox", "hubspot.base_url": north.config.HubSpot.BaseURL,
			"aloware.base_url": north.config.Aloware.BaseURL,
		}))
		north.node = aside
		again <- struct{}{}
		north.wait("the second connection to be opened", func(ctx context.Context) (bool, error) {
			c, _, err := north.Control(ctx)
			return c.Portal == "777", err
		})
		_, err := north.SetMode(t.Context(), httpapi.ModeChange{Mode: domain.ModeLive}, tester)
		r.must(err)
		north.baseline()                     // whom the first reading finds was there before
		for _, b := range []*rig{r, north} { // one URL for the app, in both portals
			b.hubspot.SetTarget(r.url + "/webhooks/hubspot")
			b.aloware.SetTarget(r.url + "/webhooks/aloware/" + b.config.Connection)
		}
		_, err = r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		_, err = north.hubspot.Create(with(adaHubSpot, map[string]string{"firstname": "Nora", "email": "nora@people.example"}), "7")
		r.must(err)
		r.settle()
		north.settle()
		for who, b := range map[string]*rig{"Ada": r, "Nora": north} {
			if all := b.aloware.All(); len(all) != 1 || all[0].Properties["first_name"] != who {
				t.Errorf("%s: in Aloware %+v", who, all)
			}
		}
		list, err := r.Connections(t.Context())
		if err != nil || len(list) != 2 || list[1].Name != "north" || list[1].Portal != "777" || !list[1].Served {
			t.Errorf("%+v, %v", list, err)
		}
		if status, _ := r.request("GET", r.url+"/v1/connections/north/status", "test", nil); status != 200 {
			t.Errorf("status of the second: %d", status)
		}
		r.must(north.Disconnect(t.Context(), domain.Systems[:], tester))
		again <- struct{}{}
		r.wait("the second to be served no more", func(context.Context) (bool, error) {
			status, _ := r.request("GET", r.url+"/v1/connections/north/status", "test", nil)
			return status == 404, nil
		})
	})
}

// TestLookedAtWhileWritten: what looks at a connection that is being written to shares its log: the race detector finds what
// the writers see of it before it is whole.
func TestLookedAtWhileWritten(t *testing.T) {
	t.Parallel()
	r := sandboxes(t, plan{})
	r.apply(nil)
	a := r.aside()
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if err := r.tells(a.App, "hubspot/contact/"+strconv.Itoa(n), `{"city":"London"}`); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	for range 50 {
		_, err := a.Connections(ctx)
		r.must(err)
	}
	stop()
	writers.Wait()
}

// TestPortalShared: two connections that keep one portal in step say so, each of the other, until one is switched off.
func TestPortalShared(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		r.settle()
		r.stop()
		first := r.config
		r.config.Connection = "twin"
		r.node = r.boot()
		r.settle()
		names := func(other string) int {
			s, err := r.Status(t.Context())
			r.must(err)
			words := "the connection " + other + " keeps HubSpot portal"
			return len(slices.DeleteFunc(s.Needs, func(n string) bool { return !strings.HasPrefix(n, words) }))
		}
		if n := names("default"); n != 1 {
			t.Errorf("the second names the first %d times", n)
		}
		twin := r.config
		r.config = first
		beside := r.aside()
		s, err := beside.Status(t.Context())
		r.must(err)
		if !strings.Contains(strings.Join(s.Needs, "\n"), "the connection twin keeps HubSpot portal") {
			t.Errorf("the first does not name the second: %q", s.Needs)
		}
		r.config = twin
		_, err = r.SetMode(t.Context(), httpapi.ModeChange{Mode: domain.ModeOff}, tester)
		r.must(err)
		r.settle()
		if n := names("default"); n != 0 {
			t.Errorf("switched off, the second names the first %d times", n)
		}
		r.stop()
		r.config = first
		r.node = r.boot()
		if n := names("twin"); n != 0 {
			t.Errorf("the first names one that is switched off %d times", n)
		}
	})
}

// bootBeside starts a process that serves the connections of its database, as others says of them, and looks for more
// whenever again fires.
func (r *rig) bootBeside(others app.Config, again <-chan struct{}) *node {
	r.t.Helper()
	l, err := (&net.ListenConfig{}).Listen(r.t.Context(), "tcp", "127.0.0.1:0")
	r.must(err)
	n := &node{url: "http://" + l.Addr().String()}
	c := r.config
	c.Addr, c.PublicURL, others.PublicURL = l.Addr().String(), n.url, n.url
	ctx, cancel := context.WithCancel(context.Background())
	n.App, err = app.Open(ctx, c, r.logger)
	r.must(err)
	ended := make(chan error, 1)
	go func() {
		ended <- n.ServeBeside(ctx, l, app.Beside{Again: again, Connections: func(ctx context.Context) ([]app.Config, error) {
			return n.Others(ctx, others)
		}})
	}()
	r.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Error("serve:", err)
		}
		if err := n.Close(); err != nil {
			r.t.Error(err)
		}
	})
	r.hear(n.url)
	return n
}
