package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/duolog/duolog/cmd/internal/app"
)

// rebuildTogether rebuilds several projections side by side, and tells how each ended, in the order they were named in,
// when all have.
func (c *cli) rebuildTogether(ctx context.Context, a *app.App, names []string) error {
	defer boundMemory(rebuildingMemory(a.Store.Backend(), len(names)))()
	m := c.meter(fmt.Sprintf("rebuild %d projections", len(names)), "events")
	began := time.Now()
	at, took, failures := map[string]int64{}, map[string]time.Duration{}, map[string]error{}
	err := a.Runner.RebuildAll(ctx, names, func(name string, done, total int64) {
		at[name] = done
		least := total // of those that still run
		for _, other := range names {
			if _, over := took[other]; !over {
				least = min(least, at[other])
			}
		}
		m.set(least, total)
	}, func(name string, err error) { took[name], failures[name] = time.Since(began), err })
	m.done()
	if err != nil && len(took) == 0 {
		return c.stopped("", err)
	}
	var all error
	for _, name := range names {
		err := failures[name]
		if err == nil {
			err = c.swapped(rebuilt{Projection: name, Events: at[name]}, "folded", took[name])
		} else {
			err = c.stopped(name, err)
		}
		all = errors.Join(all, err)
	}
	return all
}
