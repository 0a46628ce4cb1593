package main

import (
	"context"
	"time"
)

// outages stops PostgreSQL under load and starts it again; serve must live on and go on by itself. Every other time the
// server ends without writing down what it holds: what did not wait for the disk is lost, and made again.
func (c *campaign) outages(ctx context.Context) error {
	for i := range c.Kills {
		if err := pause(ctx, c.between(time.Second, 5*time.Second)); err != nil {
			return err
		}
		if i%2 == 0 {
			c.server.abort()
		} else {
			c.server.stop()
		}
		c.result.Outages++
		gone := c.between(300*time.Millisecond, 6*time.Second)
		if err := pause(ctx, gone); err != nil {
			return err
		}
		if err := c.server.start(ctx); err != nil {
			return err
		}
		c.say("PostgreSQL was away for %.1f s", gone.Seconds())
	}
	return pause(ctx, time.Second)
}
