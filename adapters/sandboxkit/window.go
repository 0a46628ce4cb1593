package sandboxkit

import (
	"sync"
	"time"
)

// Window counts requests in a rolling window, as vendors do.
type Window struct {
	Max int // requests in Per; below 1 there is no limit
	Per time.Duration

	mu   sync.Mutex
	seen []time.Time
}

// Take counts a request at now. It reports whether it is within the limit, and how many more are left.
func (w *Window) Take(now time.Time) (ok bool, left int) {
	if w.Max < 1 {
		return true, 1 << 20
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.seen) > 0 && now.Sub(w.seen[0]) >= w.Per {
		w.seen = w.seen[1:]
	}
	if len(w.seen) >= w.Max {
		return false, 0
	}
	w.seen = append(w.seen, now)
	return true, w.Max - len(w.seen)
}
