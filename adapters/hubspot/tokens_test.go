package hubspot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters"
)

// clock is a time that tests move.
type clock struct{ µs atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.µs.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixMicro())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMicro(c.µs.Load()) }
func (c *clock) advance(d time.Duration) { c.µs.Add(d.Microseconds()) }

// shared is what processes share, in memory. It implements Shared.
type shared struct {
	mu     sync.Mutex
	grant  Grant
	claims time.Time // until when somebody refreshes
	kept   []string  // refresh tokens
}

func (s *shared) Load(context.Context) (Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grant, nil
}

func (s *shared) Claim(_ context.Context, now, until time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.claims) {
		return false, nil
	}
	s.claims = until
	return true, nil
}

func (s *shared) Keep(_ context.Context, g Grant) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grant, s.kept = g, append(s.kept, g.Refresh)
	return nil
}

func (s *shared) Release(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims = time.Time{}
	return nil
}

func oauth(c *clock, with Shared) Config {
	return Config{ClientID: "id", ClientSecret: "client-secret", RefreshToken: "first", Clock: c.now, Shared: with}
}

func TestTokenIsRefreshedAheadOfTime(t *testing.T) {
	var told shared
	n, at := 0, newClock()
	c, s := scripted(t, oauth(at, &told), nil)
	s.do = func(w http.ResponseWriter, path string, _ []byte) {
		if path == "/oauth/2026-09/token" {
			n++
			answer(w, 200, fmt.Sprintf(`{"access_token":"a%d","refresh_token":"r%d","expires_in":1800}`, n, n))
			return
		}
		answer(w, 200, `{"portalId":4}`)
	}
	for _, step := range []struct {
		wait time.Duration
		want int
	}{{0, 1}, {time.Minute, 1}, {23 * time.Minute, 1}, {time.Minute, 2}, {24 * time.Minute, 2}, {2 * time.Minute, 3}} {
		at.advance(step.wait)
		if _, err := c.Identify(t.Context()); err != nil || n != step.want {
			t.Fatalf("after %v: %d refreshes, %v; want %d", step.wait, n, err, step.want)
		}
	}
	if len(told.kept) != 3 || told.kept[2] != "r3" {
		t.Errorf("kept %v", told.kept)
	}
}

func TestTokenSingleFlight(t *testing.T) {
	var told shared
	c, s := scripted(t, oauth(newClock(), &told), nil)
	s.do = func(w http.ResponseWriter, path string, _ []byte) {
		if path == "/oauth/2026-09/token" {
			answer(w, 200, `{"access_token":"a","expires_in":1800}`)
			return
		}
		answer(w, 200, `{"portalId":4}`)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := c.Identify(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := s.count("/token"); n != 1 {
		t.Fatalf("%d refreshes", n)
	}
}

func TestTokenThatRanOutEarly(t *testing.T) {
	var told shared
	n := 0
	c, s := scripted(t, oauth(newClock(), &told), nil)
	s.do = func(w http.ResponseWriter, path string, _ []byte) {
		n++
		switch {
		case path == "/oauth/2026-09/token":
			answer(w, 200, `{"access_token":"a","expires_in":1800}`)
		case n == 2:
			answer(w, 401, `{"category":"EXPIRED_AUTHENTICATION"}`)
		default:
			answer(w, 200, `{"portalId":4}`)
		}
	}
	if _, err := c.Identify(t.Context()); err != nil || s.count("/token") != 2 {
		t.Fatalf("%v after %d refreshes", err, s.count("/token"))
	}
}

func TestRefreshRefused(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		want   adapters.Class
	}{
		{400, `{"error":"invalid_grant","status":"BAD_REFRESH_TOKEN"}`, adapters.Unauthorized},
		{400, `{"status":"BAD_HUB"}`, adapters.Unauthorized},
		{404, `{}`, adapters.Unauthorized},
		{500, `{}`, adapters.Retry},
		{429, `{}`, adapters.Throttled},
		{200, `{}`, adapters.Retry},
	} {
		var told shared
		c, _ := scripted(t, oauth(newClock(), &told), func(w http.ResponseWriter, _ string, _ []byte) {
			answer(w, tt.status, tt.body)
		})
		_, err := c.Identify(t.Context())
		var e *adapters.Error
		if !errors.As(err, &e) || e.Class != tt.want {
			t.Errorf("%d %s: %v", tt.status, tt.body, err)
		}
	}
}

// TestProcessesShareARefresh: of several that need a token at once, one refreshes; where each refresh gives a new refresh
// token, nobody is left with one that is worth nothing; and what a person said since is tried when the shared one is refused.
func TestProcessesShareARefresh(t *testing.T) {
	var with shared
	at := newClock()
	var mu sync.Mutex
	good, n := "first", 0
	portal := func(w http.ResponseWriter, path string, body []byte) {
		mu.Lock()
		defer mu.Unlock()
		form, _ := url.ParseQuery(string(body))
		switch {
		case path != "/oauth/2026-09/token":
			answer(w, 200, `{"portalId":4}`)
		case form.Get("refresh_token") != good:
			answer(w, 400, `{"status":"BAD_REFRESH_TOKEN"}`)
		default:
			n++
			good = fmt.Sprintf("r%d", n)
			answer(w, 200, fmt.Sprintf(`{"access_token":"a%d","refresh_token":%q,"expires_in":1800}`, n, good))
		}
	}
	var processes []*Client
	for range 3 {
		c, _ := scripted(t, oauth(at, &with), portal)
		processes = append(processes, c)
	}
	for want := 1; want <= 2; want++ {
		var wg sync.WaitGroup
		for _, c := range processes {
			wg.Go(func() {
				if _, err := c.Identify(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n != want {
			t.Errorf("%d refreshes, want %d", n, want)
		}
		at.advance(30 * time.Minute)
	}
	mu.Lock()
	good = "first" // connected again, with a token of its own
	mu.Unlock()
	if _, err := processes[0].Identify(t.Context()); err != nil {
		t.Error(err)
	}
	at.advance(30 * time.Minute)
	if mine, _ := with.Claim(t.Context(), at.now(), at.now().Add(time.Second)); !mine {
		t.Error("a turn was not given back")
	}
	at.advance(2 * time.Second) // and who took it died
	if _, err := processes[1].Identify(t.Context()); err != nil {
		t.Error(err)
	}
}
