package dispatch

import (
	"sync"
	"time"
)

// missesAllowed is how many batches in a row may fail to reach a system before it is taken to be down.
const missesAllowed = 5

// gate keeps a system shut for a while.
type gate struct {
	now func() time.Time

	mu     sync.Mutex
	until  time.Time
	misses int // batches in a row that did not reach the system
}

func (g *gate) shut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now().Before(g.until)
}

// pause shuts the gate for at least d from now.
func (g *gate) pause(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := g.now().Add(d); until.After(g.until) {
		g.until = until
	}
}

// reached counts whether the system answers at all. After too many misses in a row it is taken to be down:
// the gate shuts, longer each time up to 30 s, and down is true.
func (g *gate) reached(ok bool) (down bool) {
	g.mu.Lock()
	if ok {
		g.misses = 0
	} else {
		g.misses++
	}
	over := g.misses - missesAllowed
	g.mu.Unlock()
	if over <= 0 {
		return false
	}
	g.pause(min(time.Second<<min(over-1, 5), 30*time.Second))
	return true
}
