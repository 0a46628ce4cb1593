package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/hubspot"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

const connectHubSpotHelp = `Connect a HubSpot portal. With --app-dir the app is written as a developer project: its scopes, and one webhook
subscription for each mapped property. Write it again whenever the mapping changed; a subscription that is no longer
needed is switched off in it and kept, for HubSpot refuses an upload in which one is missing.

  --auth static   for one portal: asks for the access token and the client secret, both of which
                  stand on the app's Auth tab
  --auth oauth    for several portals with one app: asks for client id and client secret, and opens
                  a page on which you allow the app in; HubSpot leads back to --callback

Then the token, its scopes and its portal are checked, the property duolog_contact_id is made, and a webhook is waited
for. Tokens are asked for, or read from the environment; they are no flags, for flags are seen by others.`

type hubspotConnect struct {
	connecting
	auth, dir, callback string
}

func (c *cli) connectHubSpot() *cobra.Command {
	w := &hubspotConnect{connecting: connecting{cli: c}}
	cmd := &cobra.Command{
		Use: "hubspot", Short: "Connect a HubSpot portal", Long: connectHubSpotHelp, Args: none,
		Example: "  duolog connect hubspot --app-dir hubspot-app --public-url https://sync.acme.example\n" +
			"  duolog connect hubspot --auth oauth --connection north",
		RunE: w.run(w.connect),
	}
	w.flags(cmd)
	cmd.Flags().StringVar(&w.auth, "auth", "static", "how the app enters: static or oauth")
	complete(cmd, "auth", "static", "oauth")
	cmd.Flags().StringVar(&w.dir, "app-dir", "", "write the app's developer project into this folder")
	cmd.Flags().StringVar(&w.callback, "callback", "http://localhost:8098/oauth/hubspot/callback",
		"where HubSpot leads back to with --auth oauth")
	return cmd
}

const hubspotSteps = 5

func (w *hubspotConnect) connect(ctx context.Context, a *app.App) error {
	if w.auth != "static" && w.auth != "oauth" {
		return hint(usage("--auth is %q", w.auth), "--auth static or --auth oauth")
	}
	if err := w.writeApp(ctx, a); err != nil {
		return err
	}
	if err := w.enter(ctx, a); err != nil {
		return err
	}
	if err := w.check(ctx, a); err != nil {
		return err
	}
	s, err := a.Sources(ctx)
	if err != nil {
		return err
	}
	if s.HubSpot == settings.SourcePoll {
		w.step(5, hubspotSteps, "No webhook is waited for: the settings have HubSpot polled every %s", settings.PollEvery)
	} else if err := w.first(ctx, a); err != nil {
		return err
	}
	return w.standBy(ctx, a, "duolog connect aloware")
}

// writeApp writes the project, if a folder was named.
func (w *hubspotConnect) writeApp(ctx context.Context, a *app.App) error {
	if w.dir == "" {
		w.step(1, hubspotSteps, "Your HubSpot app: as it is (--app-dir DIR writes one)")
		return nil
	}
	redirect := ""
	if w.auth == "oauth" {
		redirect = w.callback
	}
	files, properties, err := a.WriteHubSpotApp(ctx, w.dir, redirect)
	if err != nil {
		return err
	}
	w.step(1, hubspotSteps, "Your HubSpot app: written to %s (%s)", w.dir, plural(int64(len(files)), "file"))
	w.printf("             Webhooks: created, deleted, merged, restored, privacy-deleted, %s mapped properties,\n             to %s\n",
		number(int64(properties)), a.HookURL(domain.HubSpot))
	w.printf("             Run:   npx @hubspot/cli account auth\n                    cd %s && npx @hubspot/cli project upload\n", w.dir)
	w.printf("             Then install it: HubSpot → Development → Projects → duolog → Distribution.\n")
	return nil
}

// enter asks for what opens the portal, and stores it once it does.
func (w *hubspotConnect) enter(ctx context.Context, a *app.App) error {
	keep := map[string]string{}
	var err error
	if w.auth == "static" {
		if keep["hubspot.access_token"], err = w.secret("Access token", a.HubSpot.AccessToken); err != nil {
			return err
		}
		keep["hubspot.refresh_token"] = ""
	} else {
		if keep["hubspot.client_id"], err = w.secret("Client id", a.HubSpot.ClientID); err != nil {
			return err
		}
	}
	if keep["hubspot.client_secret"], err = w.secret("Client secret", a.HubSpot.ClientSecret); err != nil {
		return err
	}
	if w.auth == "oauth" {
		a.HubSpot.ClientID, a.HubSpot.ClientSecret = keep["hubspot.client_id"], keep["hubspot.client_secret"]
		if keep["hubspot.refresh_token"], err = w.authorize(ctx, a); err != nil {
			return err
		}
		keep["hubspot.access_token"] = ""
		a.HubSpot.AccessToken = "" // what was said before is over
	}
	if err := a.KeepSecrets(ctx, keep); err != nil {
		return err
	}
	w.step(2, hubspotSteps, "Token and client secret: stored, sealed   %s", w.paint(green, "✓"))
	return nil
}

// authorize has a person allow the app in, and returns the refresh token.
func (w *hubspotConnect) authorize(ctx context.Context, a *app.App) (string, error) {
	back, err := url.Parse(w.callback)
	if err != nil || back.Port() == "" || back.Hostname() != "localhost" && back.Hostname() != "127.0.0.1" {
		return "", hint(usage("--callback is %q", w.callback), "an address of this machine with a port, which stands in the app as well")
	}
	l, err := listen(ctx, net.JoinHostPort("127.0.0.1", back.Port()), "callback")
	if err != nil {
		return "", err
	}
	state := rand.Text()
	page := ""
	if a.HubSpot.BaseURL != "" && !strings.Contains(a.HubSpot.BaseURL, "hubapi.com") {
		page = strings.TrimSuffix(a.HubSpot.BaseURL, "/") + "/oauth/authorize" // a stand-in has its own
	}
	w.printf("             Open this page and allow the app in:\n%s\n", hubspot.AuthorizeURL(page, a.HubSpot.ClientID, w.callback, state))
	code, err := ledBack(ctx, l, back.Path, state, leadBack)
	if err != nil {
		return "", err
	}
	return a.ExchangeCode(ctx, code, w.callback)
}

// leadBack is how long a person has to allow the app in.
const leadBack = 10 * time.Minute

// ledBack waits so long for HubSpot to lead a person back with a code, or with word that they did not allow it. The state,
// which is good for this once, says that they come from where they were sent.
func ledBack(ctx context.Context, l net.Listener, path, state string, within time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	came := make(chan url.Values, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path, func(rw http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch {
		case q.Get("state") != state || q.Get("code") == "" && q.Get("error") == "":
			http.Error(rw, "This is not the answer that is waited for: it belongs to another try. Open the page that stands in "+
				"the terminal, or run duolog connect hubspot --auth oauth again.", http.StatusBadRequest)
			return
		case q.Get("error") != "":
			_, _ = fmt.Fprintln(rw, "Duolog may not enter. You can close this page.")
		default:
			_, _ = fmt.Fprintln(rw, "Duolog may enter. You can close this page.")
		}
		select {
		case came <- q:
		default:
		}
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = srv.Serve(l) }()
	defer func() {
		stop, done := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer done()
		_ = srv.Shutdown(stop)
	}()
	select {
	case q := <-came:
		if q.Get("code") == "" {
			return "", hint(fmt.Errorf("HubSpot did not let the app in: %.60q", q.Get("error")),
				"run it again, and allow it as somebody who may install apps in this portal")
		}
		return q.Get("code"), nil
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return "", hint(fmt.Errorf("nobody allowed the app in within %s", within), "run it again")
		}
		return "", ctx.Err()
	}
}

// check looks whether the token works, whose portal it opens, and what it may do; it makes our property.
func (w *hubspotConnect) check(ctx context.Context, a *app.App) error {
	seen, err := a.LookAtHubSpot(ctx)
	if err != nil {
		return unreached(err)
	}
	switch {
	case seen.Untold:
		w.step(3, hubspotSteps, "Portal %s.  HubSpot does not tell the scopes of this token; doctor will say what is missing", seen.Portal)
	case len(seen.Lacking) > 0:
		w.step(3, hubspotSteps, "Portal %s.  %s", seen.Portal, w.paint(red, "Scopes are missing:"))
		w.printf("             %s\n", strings.Join(seen.Lacking, "\n             "))
		return hint(errors.New("the app may not do what a sync needs"),
			"add the scopes to the app (--app-dir writes them), upload and install it again, and take its new token")
	default:
		w.step(3, hubspotSteps, "Portal %s.  All %d scopes granted   %s", seen.Portal, len(hubspot.Scopes), w.paint(green, "✓"))
	}
	if seen.Unique {
		w.step(4, hubspotSteps, "Property %s is there   %s", hubspot.UniqueProperty, w.paint(green, "✓"))
		return nil
	}
	if !w.confirmed("             Property " + hubspot.UniqueProperty + " (unique) is missing.  Create it?") {
		return hint(errors.New("without the property a person could be made twice"), "run it again, with --yes")
	}
	if err := a.PrepareHubSpot(ctx); err != nil {
		return err
	}
	w.step(4, hubspotSteps, "Property %s (unique) made   %s", hubspot.UniqueProperty, w.paint(green, "✓"))
	return nil
}

// first waits for a signed delivery.
func (w *hubspotConnect) first(ctx context.Context, a *app.App) error {
	if w.wait <= 0 {
		w.step(5, hubspotSteps, "No webhook is waited for (--wait 0)")
		return nil
	}
	w.step(5, hubspotSteps, "Waiting for a webhook.  Change any contact's first name in HubSpot …")
	return w.await(ctx, a, domain.HubSpot, func(d app.Delivered) bool {
		took := ""
		if d.Took > 0 && !d.Test {
			took = ", " + tookWord(d.Took) + " after the change"
		}
		w.printf("             received %s, signature good%s   %s\n", orDash(d.What), took, w.paint(green, "✓"))
		return true
	})
}
