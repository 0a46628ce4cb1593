package dispatch

import (
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/duolog/duolog/domain"
)

// Counts of one system since the start.
type Counts struct {
	Batches    int64 // handed to the Router
	Failed     int64 // batches whose handler gave up; their rows are tried again after the deadline
	Sent       int64 // requests made: coalesced writes, and reads
	Reads      int64 // read commands answered
	Applied    int64 // commands by result
	Partly     int64
	Rejected   int64
	Superseded int64
	Withdrawn  int64
	Retried    int64 // commands put back
	Throttled  int64 // of them, because the system asked to wait
	Dead       int64
	Calls      int64         // calls of the adapter
	Latency    time.Duration // sum over calls
	Slowest    time.Duration
}

// Metrics counts what dispatchers do; the zero value is ready. Methods may be called concurrently.
type Metrics struct {
	mu       sync.Mutex
	bySystem map[domain.System]*Counts
}

// Snapshot returns the counts by system.
func (m *Metrics) Snapshot() map[domain.System]Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[domain.System]Counts, len(m.bySystem))
	for name, c := range m.bySystem {
		all[name] = *c
	}
	return all
}

func (m *Metrics) add(system domain.System, change func(*Counts)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bySystem == nil {
		m.bySystem = map[domain.System]*Counts{}
	}
	c := m.bySystem[system]
	if c == nil {
		c = &Counts{}
		m.bySystem[system] = c
	}
	change(c)
}

// call counts one call of the adapter with n requests in it.
func (m *Metrics) call(system domain.System, n int, took time.Duration) {
	m.add(system, func(c *Counts) {
		c.Calls++
		c.Sent += int64(n)
		c.Latency += took
		c.Slowest = max(c.Slowest, took)
	})
}

func (c *Counts) result(result string) {
	switch result {
	case domain.ResultApplied:
		c.Applied++
	case domain.ResultPartly:
		c.Partly++
	case domain.ResultRejected:
		c.Rejected++
	case domain.ResultSuperseded:
		c.Superseded++
	case domain.ResultWithdrawn:
		c.Withdrawn++
	}
}

// middleware counts batches and those whose handler failed.
func (m *Metrics) middleware(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		made, err := next(msg)
		if j, ok := msg.Context().Value(jobKey{}).(job); ok {
			m.add(j.System, func(c *Counts) {
				c.Batches++
				if err != nil {
					c.Failed++
				}
			})
		}
		return made, err
	}
}
