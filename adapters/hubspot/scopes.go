package hubspot

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/duolog/duolog/adapters"
)

// Scopes are what an app must be granted.
var Scopes = []string{
	"crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.read", "crm.schemas.contacts.write",
	"crm.objects.owners.read", "crm.objects.deals.read", "crm.schemas.deals.read",
}

// ErrUntold: HubSpot does not tell what a token may do.
var ErrUntold = errors.New("hubspot does not tell the scopes of this token")

// Granted lists the scopes of the token. HubSpot tells those of an OAuth token and of a static one in different places;
// of one made otherwise (a service key) in none: ErrUntold.
func (c *Client) Granted(ctx context.Context) ([]string, error) {
	token, err := c.tokens.get(ctx)
	if err != nil {
		return nil, err
	}
	var told struct {
		Scopes []string `json:"scopes"`
	}
	if c.tokens.static() {
		_, err = c.fetch(ctx, c.calls, http.MethodPost, "/oauth/v2/private-apps/get/access-token-info",
			map[string]string{"tokenKey": token}, &told)
	} else {
		err = c.form(ctx, c.paths.introspect(), url.Values{
			"token_type_hint": {"access_token"}, "token": {token}, "client_id": {c.cfg.ClientID}, "client_secret": {c.cfg.ClientSecret},
		}, &told)
	}
	var e *adapters.Error
	switch {
	case errors.As(err, &e) && (e.Status == http.StatusNotFound || e.Status == http.StatusBadRequest), err == nil && len(told.Scopes) == 0:
		return nil, ErrUntold
	case err != nil:
		return nil, plain(err)
	}
	slices.Sort(told.Scopes)
	return told.Scopes, nil
}

// Lacking lists the scopes an app must have that are not among those granted.
func Lacking(granted []string) []string {
	var out []string
	for _, s := range Scopes {
		if !slices.Contains(granted, s) {
			out = append(out, s)
		}
	}
	return out
}

// form posts a form without a token, as the OAuth endpoints want it.
func (c *Client) form(ctx context.Context, path string, form url.Values, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.BaseURL+path, strings.NewReader(form.Encode()))
	if err != nil {
		return unreadable()
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, header, body, err := c.send(req)
	switch {
	case err != nil:
		return err
	case status/100 != 2:
		return classify(status, header, body)
	case json.Unmarshal(body, v) != nil:
		return unreadable()
	}
	return nil
}
