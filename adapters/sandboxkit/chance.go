package sandboxkit

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Chance is a seeded source of randomness that may be used concurrently.
type Chance struct {
	mu  sync.Mutex
	rnd *rand.Rand
}

// NewChance returns the source of a seed; purpose keeps the sources of one seed apart.
func NewChance(seed uint64, purpose string) *Chance {
	var h uint64 = 14695981039346656037
	for i := range len(purpose) {
		h = (h ^ uint64(purpose[i])) * 1099511628211
	}
	return &Chance{rnd: rand.New(rand.NewPCG(seed, h))}
}

// Hit is true with probability p.
func (c *Chance) Hit(p float64) bool {
	if p <= 0 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rnd.Float64() < p
}

// Intn returns a number in [0, n).
func (c *Chance) Intn(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rnd.IntN(n)
}

// Around returns a duration between half of d and one and a half of it.
func (c *Chance) Around(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return d/2 + time.Duration(c.rnd.Int64N(int64(d)))
}

// Pick returns one of the choices.
func Pick[T any](c *Chance, choices []T) T { return choices[c.Intn(len(choices))] }

// Shuffle puts s in a random order.
func Shuffle[T any](c *Chance, s []T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rnd.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
}
