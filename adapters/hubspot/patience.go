package hubspot

import (
	"context"
	"errors"
	"time"

	"github.com/duolog/duolog/adapters"
)

// Reads that no outbox repeats (the account, the schema, a page of a scan) are tried again here. A scan of many pages
// would otherwise never end on a day on which one request in twenty fails.
const (
	patientTries = 6
	firstPause   = 250 * time.Millisecond
	longestPause = 15 * time.Second
)

// patiently repeats try while it fails in a way that may pass soon.
func (c *Client) patiently(ctx context.Context, try func() error) error {
	pause := firstPause
	for n := 1; ; n++ {
		err := try()
		var e *adapters.Error
		if n == c.cfg.Tries || !errors.As(err, &e) || e.Class != adapters.Retry && e.Class != adapters.Throttled ||
			e.After > longestPause || ctx.Err() != nil {
			return err
		}
		if c.pause(ctx, max(pause, e.After)) != nil {
			return err
		}
		pause *= 2
	}
}

// rest waits, unless ctx ends first.
func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
