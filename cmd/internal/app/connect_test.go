package app_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/hubspot"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
)

// TestConnect: what opens both systems is asked once, stored sealed, and found by the service that starts then; a new
// connection stays off; webhooks are seen to come before anything is synced.
func TestConnect(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := sandboxes(t, plan{database: database})
		hs, al := r.config.HubSpot, r.config.Aloware
		r.config.HubSpot = app.HubSpot{BaseURL: hs.BaseURL}
		r.config.Aloware = app.Aloware{BaseURL: al.BaseURL}
		n := r.aside()
		if _, err := n.LookAtHubSpot(t.Context()); err == nil {
			t.Error("a portal without a token was entered")
		}
		r.must(n.KeepSecrets(t.Context(), map[string]string{
			"hubspot.access_token": "any", "hubspot.client_secret": "sandbox", "aloware.api_token": "any",
			"aloware.webhook_token": "sandbox",
		}))
		seen, err := n.LookAtHubSpot(t.Context())
		r.must(err)
		if seen.Portal == "" || seen.Unique || len(seen.Lacking) > 0 || seen.Untold {
			t.Errorf("%+v", seen)
		}
		r.must(n.PrepareHubSpot(t.Context()))
		if seen, err = n.LookAtHubSpot(t.Context()); err != nil || !seen.Unique {
			t.Errorf("%+v, %v: the property was not made", seen, err)
		}
		_, err = n.LookAtAloware(t.Context())
		r.must(err)
		r.delivered(n)
		if off, err := n.StandBy(t.Context(), tester); err != nil || !off {
			t.Errorf("a new connection stays off: %t, %v", off, err)
		}
		for _, secret := range []string{"dlw_", "sandbox"} {
			for _, e := range r.storedText(n) {
				if strings.Contains(e, secret) {
					t.Errorf("%q stands in the log", secret)
				}
			}
		}

		r.node = r.boot()
		r.wait("the connection to be opened", func(ctx context.Context) (bool, error) {
			c, _, err := r.Control(ctx)
			return c.Opened && c.Mode == domain.ModeOff, err
		})
		_, err = r.SetMode(t.Context(), httpapi.ModeChange{Mode: domain.ModeLive}, tester)
		r.must(err)
		r.baseline() // whom the first reading finds was there before
		_, err = r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		r.settle()
		if len(r.inAloware("phone_number", adaPhone)) != 1 {
			t.Error("with the stored credentials nobody was synced")
		}
		r.must(r.Disconnect(t.Context(), domain.Systems[:], tester))
		r.stop()
		if n := r.aside(); n.HubSpot.AccessToken != "" || n.Aloware.APIToken != "" {
			t.Error("the credentials are still there")
		}
	})
}

// delivered has both sandboxes send a webhook to a process that waits for one, and one with a wrong secret.
func (r *rig) delivered(n *node) {
	r.t.Helper()
	for _, s := range domain.Systems {
		l, err := (&net.ListenConfig{}).Listen(r.t.Context(), "tcp", "127.0.0.1:0")
		r.must(err)
		n.PublicURL = "http://" + l.Addr().String()
		came := make(chan app.Delivered, 8)
		next := func() (d app.Delivered) {
			r.t.Helper()
			select {
			case d = <-came:
			case <-time.After(3 * time.Minute):
				r.t.Fatalf("%s: nothing was delivered", s)
			}
			return d
		}
		ended := make(chan error, 1)
		go func() {
			ended <- n.Await(r.t.Context(), s, l, func(d app.Delivered) bool { came <- d; return d.Refused != "" || d.Test })
		}()
		r.refusedAt(n.HookURL(s))
		if d := next(); d.Refused == "" {
			r.t.Errorf("%s: a delivery of nobody's was taken: %+v", s, d)
		}
		if s == domain.HubSpot {
			r.hubspot.SetTarget(n.HookURL(s))
			_, err = r.hubspot.Create(map[string]string{"email": "first@people.example"}, "7")
		} else {
			r.aloware.SetTarget(n.HookURL(s))
			_, err = r.aloware.Create(graceAloware, "")
		}
		r.must(err)
		if d := next(); d.Refused != "" || d.System != s || d.Test {
			r.t.Errorf("%s: %+v", s, d)
		}
		r.must(<-ended)
		r.hubspot.SetTarget("")
		r.aloware.SetTarget("")
	}
}

func (r *rig) refusedAt(url string) {
	r.t.Helper()
	if status, _ := r.request("POST", url, "nobody's", map[string]any{"test_payload": true}); status != 401 {
		r.t.Errorf("%s: %d", url, status)
	}
}

// storedText are the payloads of a log.
func (r *rig) storedText(n *node) (all []string) {
	r.t.Helper()
	events, err := n.Log.Read(r.t.Context(), 0, 500)
	r.must(err)
	for _, e := range events {
		all = append(all, string(e.Data))
	}
	return all
}

// TestRefreshTokenIsKept: a connection entered by OAuth lives on its stored refresh token.
func TestRefreshTokenIsKept(t *testing.T) {
	t.Parallel()
	r := sandboxes(t, plan{})
	r.config.HubSpot = app.HubSpot{BaseURL: r.config.HubSpot.BaseURL, ClientID: "id", ClientSecret: "sandbox"}
	n := r.aside()
	refresh, err := n.ExchangeCode(t.Context(), "any code", "http://localhost:1/callback")
	r.must(err)
	r.must(n.KeepSecrets(t.Context(), map[string]string{"hubspot.refresh_token": refresh}))
	again := r.aside()
	if seen, err := again.LookAtHubSpot(t.Context()); err != nil || seen.Portal == "" || len(seen.Lacking) > 0 {
		t.Errorf("%+v, %v", seen, err)
	}
}

// TestRefreshIsShared: processes that need a token of HubSpot at once have one of them get it, and it stands nowhere open.
func TestRefreshIsShared(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		var refreshes atomic.Int64
		r := sandboxes(t, plan{database: database, portalFront: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/token") {
					refreshes.Add(1)
				}
				next.ServeHTTP(w, r)
			})
		}})
		r.config.HubSpot = app.HubSpot{BaseURL: r.config.HubSpot.BaseURL, ClientID: "id", ClientSecret: "sandbox"}
		n := r.aside()
		refresh, err := n.ExchangeCode(t.Context(), "any code", "http://localhost:1/callback")
		r.must(err)
		r.must(n.KeepSecrets(t.Context(), map[string]string{"hubspot.refresh_token": refresh}))
		refreshes.Store(0)
		processes := []*node{r.aside(), r.aside()}
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				if _, err := processes[i%2].LookAtHubSpot(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := refreshes.Load(); n != 1 {
			t.Errorf("the token was fetched %d times", n)
		}
		rows, err := n.Store.Query(t.Context(), "SELECT sealed FROM secret")
		kept, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (b []byte, err error) { return b, r.Scan(&b) })
		r.must(err)
		if all := bytes.Join(kept, nil); len(kept) < 2 || bytes.Contains(all, []byte("sandbox-")) {
			t.Errorf("%d secrets, not all sealed", len(kept))
		}
	})
}

// TestHubSpotApp: the app's webhooks are those of the mapping, and follow it.
func TestHubSpotApp(t *testing.T) {
	t.Parallel()
	r := sandboxes(t, plan{})
	r.apply(nil)
	n, dir := r.aside(), t.TempDir()
	files, properties, err := n.WriteHubSpotApp(t.Context(), dir, "")
	r.must(err)
	hooks, err := os.ReadFile(filepath.Join(dir, hubspot.WebhooksFile()))
	r.must(err)
	got, err := hubspot.Subscribed(hooks)
	r.must(err)
	if len(files) != 4 || len(got) != properties || !slices.Contains(got, "city") || slices.Contains(got, settings.MergedIDs) {
		t.Errorf("%v, %d: %v", files, properties, got)
	}
	r.apply(func(s *settings.Settings) { s.Record = append(s.Record, "jobtitle") })
	found, err := n.Doctor(t.Context())
	r.must(err)
	if !slices.ContainsFunc(found, func(f app.Finding) bool { return !f.OK && strings.Contains(f.Detail, "not subscribed to jobtitle") }) {
		t.Errorf("that the app is behind the mapping is not told: %+v", found)
	}
	r.apply(func(s *settings.Settings) {
		s.Fields = slices.DeleteFunc(s.Fields, func(f settings.Field) bool { return f.Name == "city" })
	})
	_, _, err = n.WriteHubSpotApp(t.Context(), dir, "")
	r.must(err)
	hooks, err = os.ReadFile(filepath.Join(dir, hubspot.WebhooksFile()))
	r.must(err)
	if got, err = hubspot.Subscribed(hooks); err != nil || slices.Contains(got, "city") || !strings.Contains(string(hooks), `"city"`) {
		t.Errorf("after the mapping changed: %v, %v", got, err)
	}
}

// TestNativeIntegration: a contact that Aloware's own integration made is told: two syncs on one account go round.
func TestNativeIntegration(t *testing.T) {
	t.Parallel()
	r := start(t, plan{})
	r.settle()
	_, err := r.aloware.Create(graceAloware, "hubspot-webhook")
	r.must(err)
	r.settle()
	s, err := r.Status(t.Context())
	r.must(err)
	if !strings.Contains(strings.Join(s.Needs, "\n"), "own HubSpot integration seems to be on") {
		t.Errorf("not told: %q", s.Needs)
	}
}
