package hubspot

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/duolog/duolog/adapters"
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
