package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/duolog/duolog/adapters/sandboxkit"
)

// fault is one way in which a network fails.
type fault struct {
	name   string
	toxics func(*sandboxkit.Chance) []toxic
	// lasts is the least and the most it takes.
	lasts [2]time.Duration
	// apiOnly: it makes sense on the way to a system only.
	apiOnly bool
}

// direction draws one of the two.
func direction(c *sandboxkit.Chance) string { return sandboxkit.Pick(c, []string{there, back}) }

var faults = []fault{
	{name: "latency", lasts: [2]time.Duration{2 * time.Second, 5 * time.Second}, toxics: func(c *sandboxkit.Chance) []toxic {
		delay := 200 + c.Intn(1200)
		a := map[string]int{"latency": delay, "jitter": delay / 2}
		return []toxic{{Type: "latency", Stream: there, Attributes: a}, {Type: "latency", Stream: back, Attributes: a}}
	}},
	// The request arrives when whoever sent it has long given it up.
	{name: "late", apiOnly: true, lasts: [2]time.Duration{12 * time.Second, 14 * time.Second}, toxics: func(*sandboxkit.Chance) []toxic {
		return []toxic{{Type: "latency", Stream: there, Attributes: map[string]int{"latency": 11_000}}}
	}},
	// The other way round what was asked for is done, and nobody hears of it.
	{name: "reset", lasts: [2]time.Duration{2 * time.Second, 5 * time.Second}, toxics: func(c *sandboxkit.Chance) []toxic {
		return []toxic{{Type: "reset_peer", Stream: direction(c), Attributes: map[string]int{"timeout": c.Intn(300)}}}
	}},
	{name: "half-open", lasts: [2]time.Duration{6 * time.Second, 12 * time.Second}, toxics: func(c *sandboxkit.Chance) []toxic {
		if c.Hit(0.4) {
			return silence(there, back)
		}
		return silence(direction(c))
	}},
	{name: "cut short", lasts: [2]time.Duration{2 * time.Second, 5 * time.Second}, toxics: func(c *sandboxkit.Chance) []toxic {
		return []toxic{{Type: "limit_data", Stream: direction(c), Attributes: map[string]int{"bytes": 20 + c.Intn(2000)}}}
	}},
	{name: "slow", lasts: [2]time.Duration{2 * time.Second, 5 * time.Second}, toxics: func(*sandboxkit.Chance) []toxic {
		slices := map[string]int{"average_size": 100, "size_variation": 50, "delay": 2000} // µs
		return []toxic{
			{Type: "bandwidth", Stream: there, Attributes: map[string]int{"rate": 20}}, // KB/s
			{Type: "slicer", Stream: back, Attributes: slices},
		}
	}},
}

// readyWithin is how soon a serve must say it is ready once the network is whole again.
const readyWithin = 30 * time.Second

// misfit is a fault on a wire.
type misfit struct {
	*wire
	fault
}

// network spoils one wire after the other, each in another way than before.
func (c *campaign) network(ctx context.Context, s *serve) error {
	all := c.rounds()
	for i := range c.Kills {
		if err := pause(ctx, c.between(200*time.Millisecond, time.Second)); err != nil {
			return err
		}
		if err := c.suffer(ctx, s, all[i%len(all)]); err != nil {
			return err
		}
	}
	return nil
}

// rounds orders every fault on every wire it makes sense on: each round has every wire once.
func (c *campaign) rounds() (all []misfit) {
	orders := make([][]fault, len(c.wires))
	for i, w := range c.wires {
		for _, f := range faults {
			if w.isAPI() || !f.apiOnly {
				orders[i] = append(orders[i], f)
			}
		}
		sandboxkit.Shuffle(c.chance, orders[i])
	}
	for round := range faults {
		for i, w := range c.wires {
			if round < len(orders[i]) {
				all = append(all, misfit{w, orders[i][round]})
			}
		}
	}
	return all
}

// suffer spoils a wire for a while and wants everything to go on by itself afterwards.
func (c *campaign) suffer(ctx context.Context, s *serve, m misfit) error {
	lasts := c.between(m.lasts[0], m.lasts[1])
	if err := m.spoil(m.toxics(c.chance)...); err != nil {
		return err
	}
	err := c.during(ctx, s, m, lasts)
	m.proxy.Toxics.ResetToxics(ctx)
	if err != nil {
		return err
	}
	if c.result.Faults == nil {
		c.result.Faults = map[string]int{}
	}
	c.result.Faults[m.wire.name+", "+m.fault.name]++
	healed := time.Now()
	if err := s.waitReady(ctx, readyWithin); err != nil {
		return fmt.Errorf("after %s on the way to %s: %w", m.fault.name, m.wire.name, err)
	}
	took := time.Since(healed).Seconds()
	c.result.Recovered = max(c.result.Recovered, took)
	c.say("%s on the way to %s for %.1f s, ready %.1f s later", m.fault.name, m.wire.name, lasts.Seconds(), took)
	return nil
}

// during waits. A serve whose database does not answer must not say it is ready.
func (c *campaign) during(ctx context.Context, s *serve, m misfit, lasts time.Duration) error {
	if m.wire != s.database || m.fault.name != "half-open" {
		return pause(ctx, lasts)
	}
	if err := pause(ctx, lasts/2); err != nil {
		return err
	}
	if s.isReady(ctx) {
		c.violate("%s says it is ready although its database does not answer", s.name)
	}
	return pause(ctx, lasts/2)
}

func (s *serve) isReady(ctx context.Context) bool {
	status, _ := s.health(ctx)
	return status == http.StatusOK
}

// waitReady waits until the process says it is ready.
func (s *serve) waitReady(ctx context.Context, patience time.Duration) error {
	for end := time.Now().Add(patience); !s.isReady(ctx); {
		if time.Now().After(end) {
			return fmt.Errorf("%s is not ready after %s", s.name, patience)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}
