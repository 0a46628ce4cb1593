package hubspot

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/duolog/duolog/adapters"
)

// authorizeAt is where a person allows an app to enter their portal.
const authorizeAt = "https://app.hubspot.com/oauth/authorize"

// AuthorizeURL is the page on which a person allows the app to enter their portal. HubSpot then calls redirect with a
// code and the state. at is another page than HubSpot's own, for a stand-in; empty: HubSpot's.
func AuthorizeURL(at, clientID, redirect, state string) string {
	if at == "" {
		at = authorizeAt
	}
	q := url.Values{
		"client_id": {clientID}, "redirect_uri": {redirect}, "state": {state},
		"scope": {strings.Join(append([]string{"oauth"}, Scopes...), " ")},
	}
	return at + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

// Exchange gives the code HubSpot called back with for a refresh token. Of the config it needs the client's id and
// secret.
func Exchange(ctx context.Context, cfg Config, code, redirect string) (refresh string, err error) {
	cfg.Token, cfg.RefreshToken = "", orElse(cfg.RefreshToken, "none yet")
	c, err := New(cfg)
	if err != nil {
		return "", err
	}
	var got struct {
		Refresh string `json:"refresh_token"`
	}
	err = c.form(ctx, c.paths.token(), url.Values{
		"grant_type": {"authorization_code"}, "client_id": {cfg.ClientID}, "client_secret": {cfg.ClientSecret},
		"redirect_uri": {redirect}, "code": {code},
	}, &got)
	var e *adapters.Error
	switch {
	case errors.As(err, &e) && e.Status >= http.StatusBadRequest && e.Status < http.StatusInternalServerError:
		return "", &adapters.Error{
			Class: adapters.Unauthorized, Status: e.Status,
			Detail: "hubspot refuses the code: it is good for minutes and for the redirect URL of the app alone; connect again",
		}
	case err != nil:
		return "", plain(err)
	case got.Refresh == "":
		return "", unreadable()
	}
	return got.Refresh, nil
}
