package hubspot

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/duolog/duolog/adapters"
)

// refreshAhead is how long before its end a token is replaced, at most a sixth of its life.
const refreshAhead = 5 * time.Minute

// tokens hands out access tokens, and refreshes them ahead of time, one refresh at a time.
type tokens struct {
	c    *Client
	lock chan struct{} // held during a refresh; a channel, so that waiting ends with the context

	access, refresh string
	dropped         string    // the last one that was refused
	renew           time.Time // from here on the token is replaced; zero for a static one
}

func newTokens(c *Client) *tokens {
	return &tokens{c: c, lock: make(chan struct{}, 1), access: c.cfg.Token, refresh: c.cfg.RefreshToken}
}

func (t *tokens) static() bool { return t.c.cfg.Token != "" }

// get returns a token that is good for a while.
func (t *tokens) get(ctx context.Context) (string, error) {
	if t.static() {
		return t.c.cfg.Token, nil
	}
	select {
	case t.lock <- struct{}{}:
		defer func() { <-t.lock }()
	case <-ctx.Done():
		return "", &adapters.Error{Class: adapters.Retry, Detail: "hubspot: out of time while the token is refreshed"}
	}
	if t.access != "" && t.c.cfg.Clock().Before(t.renew) {
		return t.access, nil
	}
	if err := t.fetch(ctx); err != nil {
		return "", err
	}
	return t.access, nil
}

// forget drops a token that was refused; false for one that cannot be replaced.
func (t *tokens) forget(token string) bool {
	if t.static() {
		return false
	}
	t.lock <- struct{}{}
	defer func() { <-t.lock }()
	if t.access == token {
		t.access, t.dropped = "", token
	}
	return true
}

// fetch needs the lock. The refresh outlives the call that needs it: others wait for it, too.
func (t *tokens) fetch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTime)
	defer cancel()
	if with := t.c.cfg.Shared; with != nil {
		return t.share(ctx, with)
	}
	return t.renewBy(ctx, t.refresh)
}

// renewBy gets an access token for a refresh token.
func (t *tokens) renewBy(ctx context.Context, refresh string) error {
	form := url.Values{
		"grant_type": {"refresh_token"}, "client_id": {t.c.cfg.ClientID}, "client_secret": {t.c.cfg.ClientSecret},
		"refresh_token": {refresh},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.c.cfg.BaseURL+t.c.paths.token(),
		strings.NewReader(form.Encode()))
	if err != nil {
		return unreadable()
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	begun := t.c.cfg.Clock()
	status, header, body, err := t.c.send(req)
	switch {
	case err != nil:
		return err
	case status/100 != 2:
		return refused(status, header, body)
	}
	return t.take(body, refresh, begun)
}

// refused: a bad refresh token, or a portal that is gone, is final.
func refused(status int, header http.Header, body []byte) error {
	e := classify(status, header, body).cause
	if status >= 400 && status < 500 && e.Class == adapters.Rejected {
		e.Class, e.Reason = adapters.Unauthorized, ""
		e.Detail = "hubspot refuses the refresh token: connect again"
	}
	return e
}

func (t *tokens) take(body []byte, refresh string, begun time.Time) error {
	var got struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Expires int64  `json:"expires_in"` // seconds
	}
	if err := json.Unmarshal(body, &got); err != nil || got.Access == "" || got.Expires <= 0 {
		return unreadable()
	}
	life := time.Duration(min(got.Expires, 86_400)) * time.Second
	t.access, t.renew = got.Access, begun.Add(life-min(refreshAhead, life/6))
	t.refresh = orElse(got.Refresh, refresh)
	return nil
}
