package hubspot

import (
	"errors"
	"fmt"
	"net/http"
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
func oauth(c *clock, told *[]string) Config {
	return Config{
		ClientID: "id", ClientSecret: "client-secret", RefreshToken: "first", Clock: c.now,
		OnRefreshToken: func(s string) { *told = append(*told, s) },
	}
}

func TestTokenIsRefreshedAheadOfTime(t *testing.T) {
	var told []string
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
	if len(told) != 3 || told[2] != "r3" {
		t.Errorf("told %v", told)
	}
}

func TestTokenSingleFlight(t *testing.T) {
	var told []string
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
	var told []string
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
		var told []string
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
