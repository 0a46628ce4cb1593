package main

import (
	"context"
	"time"
)

// between draws a duration.
func (c *campaign) between(low, high time.Duration) time.Duration {
	return low + time.Duration(c.chance.Intn(int(high-low)))
}

// kills ends serve without warning again and again, and starts it at once. After a kill the lease must run out before
// the next process plans and sends: a third of the kills wait for that, so that work of every kind is cut off.
func (c *campaign) kills(ctx context.Context, s *serve) error {
	for i := range c.Kills {
		if c.chance.Hit(0.34) {
			if err := s.waitOwned(ctx, 20*time.Second); err != nil {
				return err
			}
			c.result.WhileOwning++
		}
		if err := pause(ctx, c.between(200*time.Millisecond, 2*time.Second)); err != nil {
			return err
		}
		s.kill()
		c.result.Kills++
		if err := s.start(); err != nil {
			return err
		}
		if (i+1)%10 == 0 {
			c.say("%d kills, %d of them of an owner", i+1, c.result.WhileOwning)
		}
	}
	return s.waitOwned(ctx, time.Minute)
}
