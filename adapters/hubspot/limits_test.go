package hubspot

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain/settings"
)

// TestLimitHolds: whatever the limit and our share, no window of 10 s, burst included, holds more than the share.
func TestLimitHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(10, 300).Draw(t, "limit")
		share := rapid.IntRange(10, 100).Draw(t, "share")
		b := newCalls(share)
		b.set(limit)
		at := time.Now().Add(time.Hour) // the bucket is full by then
		var taken []time.Time
		for range 3000 { // 30 s in steps of 10 ms, as greedy as can be
			for b.limiter.AllowN(at, 1) {
				taken = append(taken, at)
			}
			at = at.Add(10 * time.Millisecond)
		}
		if len(taken) < limit*share/100 {
			t.Fatalf("%d calls in 30 s leave most of the share unused", len(taken))
		}
		for i, n := 0, 0; i < len(taken); i++ {
			for n < len(taken) && taken[n].Sub(taken[i]) < window {
				n++
			}
			if n, most := n-i, max(limit*share/100, 1)+1; n > most { // one more by rounding at the edges
				t.Fatalf("%d calls in a window, at most %d", n, most)
			}
		}
	})
}

// TestUsageIsTold: what answers tell of the limits, those of the day where there are any.
func TestUsageIsTold(t *testing.T) {
	c := &Client{calls: newCalls(50)}
	if u, told := c.Usage(); told {
		t.Errorf("before any answer: %+v", u)
	}
	tell := func(left, dayLeft string) adapters.Usage {
		h := http.Header{}
		h.Set("X-HubSpot-RateLimit-Max", "190")
		h.Set("X-HubSpot-RateLimit-Remaining", left)
		h.Set("X-HubSpot-RateLimit-Daily", "250000")
		h.Set("X-HubSpot-RateLimit-Daily-Remaining", dayLeft)
		c.calls.adapt(h)
		u, _ := c.Usage()
		return u
	}
	if u := tell("154", "240000"); u.Used != 36 || u.Limit != 190 || u.Share != 50 || u.Day != 10_000 || u.DayLimit != 250_000 || u.At.IsZero() {
		t.Errorf("%+v", u)
	}
	for _, nonsense := range []string{"", "-1", "191", "many"} {
		if u := tell(nonsense, "1"); u.Used != 36 || u.Day != 10_000 {
			t.Errorf("remaining %q: %+v", nonsense, u)
		}
	}
	if u := tell("190", "many"); u.Used != 0 || u.DayLimit != 0 {
		t.Errorf("without a day's limit: %+v", u)
	}
}

func TestLimitAdapts(t *testing.T) {
	b := newCalls(50)
	tell := func(limit, interval string) {
		h := http.Header{}
		h.Set("X-HubSpot-RateLimit-Max", limit)
		h.Set("X-HubSpot-RateLimit-Interval-Milliseconds", interval)
		b.adapt(h)
	}
	tell("200", "10000")
	if b.max != 200 || b.limiter.Burst() != 10 {
		t.Fatalf("limit %d, burst %d", b.max, b.limiter.Burst())
	}
	for _, nonsense := range []string{"", "many", "-5", "0"} {
		tell(nonsense, "10000")
	}
	tell("5", "1000") // of another window
	if b.max != 200 {
		t.Fatalf("limit %s", strconv.Itoa(b.max))
	}
	search := newSearch()
	search.adapt(http.Header{"X-Hubspot-Ratelimit-Max": {"1000"}})
	if search.limiter.Limit() != searchesPerSec {
		t.Fatal("searches got the limit of other calls")
	}
}

// TestDrain: after a 429 the next call waits, however empty the bucket was.
// TestShareChanges: another share of the limit holds at once, and stays when answers tell another limit.
func TestShareChanges(t *testing.T) {
	c := &Client{calls: newCalls(100)}
	for _, share := range []int{20, 0, 50} { // 0 is no share, and changes nothing
		c.Adjust(settings.Settings{Limits: settings.Limits{HubSpotShare: share}})
	}
	for _, limit := range []int{startPer10s, 200} {
		c.calls.set(limit)
		if n := c.calls.limiter.Burst(); n != limit/20 {
			t.Errorf("a burst of %d under half of %d", n, limit)
		}
	}
}

func TestDrain(t *testing.T) {
	b := newCalls(100)
	for b.limiter.Allow() {
	}
	before := b.limiter.Tokens()
	b.drain()
	if left := b.limiter.Tokens(); left > before-float64(b.limiter.Burst())+1 {
		t.Fatalf("%.1f tokens left of %.1f", left, before)
	}
}

// TestUrgentIsNotHeldBack: a stop goes out at once although the limit is used up, and is counted against it.
func TestUrgentIsNotHeldBack(t *testing.T) {
	b := newCalls(100)
	b.drain()
	before := b.limiter.Tokens()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := b.wait(adapters.WithUrgent(ctx)); err != nil {
		t.Errorf("held back: %v", err)
	}
	if after := b.limiter.Tokens(); after > before-0.5 {
		t.Errorf("not counted: %f tokens, then %f", before, after)
	}
	if err := b.wait(ctx); err == nil {
		t.Error("what is not urgent was let through")
	}
}
