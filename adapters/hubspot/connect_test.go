package hubspot_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/duolog/duolog/adapters/hubspot"
	"github.com/duolog/duolog/adapters/hubspot/sandbox"
)

// TestProject: the project holds the scopes and one subscription for each property; one that is no longer mapped is
// switched off and kept, for HubSpot refuses an upload that lacks it.
func TestProject(t *testing.T) {
	p := hubspot.Project{TargetURL: "https://sync.acme.example/webhooks/hubspot", Properties: []string{"phone", "email", "city"}}
	files, err := p.Files(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range hubspot.Scopes {
		if !strings.Contains(string(files["src/app/app-hsmeta.json"]), `"`+s+`"`) {
			t.Errorf("the app lacks the scope %s", s)
		}
	}
	hooks := files[hubspot.WebhooksFile()]
	for _, want := range []string{p.TargetURL, "object.merge", "contact.privacyDeletion"} {
		if !strings.Contains(string(hooks), want) {
			t.Errorf("no %s in %s", want, hooks)
		}
	}
	p.Properties, p.RedirectURL = []string{"email", "jobtitle"}, "https://sync.acme.example/oauth/hubspot/callback"
	if files, err = p.Files(hooks); err != nil {
		t.Fatal(err)
	}
	got, err := hubspot.Subscribed(files[hubspot.WebhooksFile()])
	if want := []string{"email", "jobtitle"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("subscribed to %v, %v; want %v", got, err, want)
	}
	if !strings.Contains(string(files[hubspot.WebhooksFile()]), `"phone"`) {
		t.Error("the subscription of phone is gone, and not switched off")
	}
	if !strings.Contains(string(files["src/app/app-hsmeta.json"]), `"oauth"`) {
		t.Error("the app is not one of OAuth")
	}
	if _, err := p.Files([]byte("not JSON")); err == nil {
		t.Error("a foreign file was written over")
	}
}

// TestGranted: the scopes of a static token and of an OAuth one are told; a portal that tells none says so.
func TestGranted(t *testing.T) {
	_, static := open(t, sandbox.Config{Token: token, Scopes: []string{"crm.objects.contacts.read"}}, hubspot.Config{})
	got, err := static.Granted(t.Context())
	if err != nil || !slices.Equal(got, []string{"crm.objects.contacts.read"}) || len(hubspot.Lacking(got)) != len(hubspot.Scopes)-1 {
		t.Errorf("%v, %v", got, err)
	}
	_, oauth := open(t, sandbox.Config{}, hubspot.Config{RefreshToken: "r", ClientID: "id", ClientSecret: "s"})
	if got, err := oauth.Granted(t.Context()); err != nil || len(hubspot.Lacking(got)) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	_, silent := open(t, sandbox.Config{Scopes: []string{}}, hubspot.Config{})
	if _, err := silent.Granted(t.Context()); !errors.Is(err, hubspot.ErrUntold) {
		t.Errorf("%v, want that it is not told", err)
	}
}

// TestAuthorize: a person who allows the app in is led back with a code, which is good once, for that place alone.
func TestAuthorize(t *testing.T) {
	portal := sandbox.New(sandbox.Config{})
	server := httptest.NewServer(portal)
	t.Cleanup(func() { server.Close(); portal.Close() })
	const redirect = "http://127.0.0.1:1/oauth/hubspot/callback"
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		hubspot.AuthorizeURL(server.URL+"/oauth/authorize", "id", redirect, "state-1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	back, err := url.Parse(res.Header.Get("Location"))
	if err != nil || back.Query().Get("state") != "state-1" || !strings.HasPrefix(back.String(), redirect) {
		t.Fatalf("led back to %s, %v", back, err)
	}
	cfg := hubspot.Config{BaseURL: server.URL, ClientID: "id", ClientSecret: "s"}
	code := back.Query().Get("code")
	if _, err := hubspot.Exchange(t.Context(), cfg, code, "http://elsewhere.example/"); err == nil {
		t.Error("the code was good for another place")
	}
	if refresh, err := hubspot.Exchange(t.Context(), cfg, code, redirect); err != nil || refresh == "" {
		t.Errorf("%q, %v", refresh, err)
	}
	if _, err := hubspot.Exchange(t.Context(), cfg, code, redirect); err == nil || strings.Contains(err.Error(), code) {
		t.Errorf("a second time: %v", err)
	}
}
