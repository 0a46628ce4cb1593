package hubspot

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain/settings"
)

// HubSpot's limits: what the smallest portal allows less a margin, until an answer tells the true one, and searches
// apart, one below the limit of five a second. Answers to searches tell nothing.
const (
	startPer10s    = 90
	searchesPerSec = 4
	window         = 10 * time.Second
)

// bucket keeps calls below a limit.
type bucket struct {
	limiter *rate.Limiter

	mu    sync.Mutex
	share int // percent; 0: the limit is not told
	max   int // requests in a window that the limiter is set for
	// used is what an answer told last.
	used adapters.Usage
}

func newCalls(share int) *bucket {
	b := &bucket{limiter: rate.NewLimiter(1, 1), share: share}
	b.set(startPer10s)
	return b
}

func newSearch() *bucket { return &bucket{limiter: rate.NewLimiter(searchesPerSec, 1)} }

// set fits the limiter to a limit, so that no window, burst included, holds more than our share.
func (b *bucket) set(limit int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if limit != b.max && limit >= 1 {
		b.max = limit
		b.fit()
	}
}

// take is set for our share of the limit.
func (b *bucket) take(share int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if share != b.share && share >= 1 {
		b.share = share
		b.fit()
	}
}

// fit needs the lock.
func (b *bucket) fit() {
	ours := max(b.max*b.share/100, 1)
	burst := max(ours/10, 1)
	b.limiter.SetBurst(burst)
	b.limiter.SetLimit(rate.Limit(max(float64(ours-burst), 0.5) / window.Seconds()))
}

// adapt follows the limit an answer tells.
func (b *bucket) adapt(h http.Header) {
	if !b.told() {
		return
	}
	ms, err := strconv.Atoi(orElse(h.Get("X-HubSpot-RateLimit-Interval-Milliseconds"), "10000"))
	if err != nil || time.Duration(ms)*time.Millisecond != window {
		return
	}
	if limit, err := strconv.Atoi(h.Get("X-HubSpot-RateLimit-Max")); err == nil {
		b.set(min(limit, 10_000_000))
		b.meter(h, limit)
	}
}

func (b *bucket) told() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.share > 0
}

// meter notes how much of the limits is used.
func (b *bucket) meter(h http.Header, limit int) {
	left, err := strconv.Atoi(h.Get("X-HubSpot-RateLimit-Remaining"))
	if err != nil || left < 0 || left > limit {
		return
	}
	u := adapters.Usage{At: time.Now(), Used: limit - left, Limit: limit}
	day, errDay := strconv.Atoi(h.Get("X-HubSpot-RateLimit-Daily"))
	left, errLeft := strconv.Atoi(h.Get("X-HubSpot-RateLimit-Daily-Remaining"))
	if errDay == nil && errLeft == nil && day > 0 && left >= 0 && left <= day {
		u.Day, u.DayLimit = day-left, day
	}
	b.mu.Lock()
	u.Share = b.share
	b.used = u
	b.mu.Unlock()
}

var _ adapters.Adjustable = (*Client)(nil)

// Adjust changes which share of the portal's limit is ours, and to which country numbers without one belong.
func (c *Client) Adjust(s settings.Settings) {
	c.calls.take(s.Limits.HubSpotShare)
	if s.PhoneRegion != "" {
		c.region.Store(&s.PhoneRegion)
	}
}

// Usage implements adapters.Metered.
func (c *Client) Usage() (adapters.Usage, bool) {
	c.calls.mu.Lock()
	defer c.calls.mu.Unlock()
	return c.calls.used, c.calls.used.Limit > 0
}

// drain makes the next calls wait until the bucket would be full again: others have used the limit up.
func (b *bucket) drain() { b.limiter.ReserveN(time.Now(), b.limiter.Burst()) }

// wait holds a call back until the limit allows it. One that is urgent is not held back: those after it are, for longer.
func (b *bucket) wait(ctx context.Context) error {
	if adapters.IsUrgent(ctx) {
		b.limiter.Reserve()
		return nil
	}
	if err := b.limiter.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			return &adapters.Error{Class: adapters.Retry, Detail: "hubspot: out of time while waiting for the rate limit"}
		}
		return &adapters.Error{
			Class: adapters.Throttled, After: time.Second, Detail: "hubspot: the rate limit leaves no room in time",
		}
	}
	return nil
}
