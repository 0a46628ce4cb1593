package hubspot

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/duolog/duolog/adapters"
)

// listFor is how long a list of properties is believed when an answer leaves one out: whoever is read between the deletion of
// a property and the next list shows it blank.
const listFor = 5 * time.Second

// known remembers which properties there were when they were listed last.
type known struct {
	mu    sync.Mutex
	names map[string]bool
	at    time.Time
}

// unknown leaves of what the snapshots lack the properties that HubSpot does not have. A property that a record has no
// value in may be left out of an answer as well; that it was deleted only the list of them says. Read as blank, it would
// empty the field for everybody.
func (c *Client) unknown(ctx context.Context, snapshots []adapters.Snapshot) error {
	if !slices.ContainsFunc(snapshots, func(s adapters.Snapshot) bool { return len(s.Lacks) > 0 }) {
		return nil
	}
	there, err := c.listed(ctx)
	if err != nil {
		return err
	}
	for i := range snapshots {
		snapshots[i].Lacks = slices.DeleteFunc(snapshots[i].Lacks, func(name string) bool { return there[name] })
	}
	return nil
}

func (c *Client) listed(ctx context.Context) (map[string]bool, error) {
	c.known.mu.Lock()
	defer c.known.mu.Unlock()
	now := c.cfg.Clock()
	if since := now.Sub(c.known.at); c.known.names != nil && since >= 0 && since < listFor {
		return c.known.names, nil
	}
	all, err := c.Schema(ctx)
	if err != nil {
		return nil, err
	}
	c.known.names, c.known.at = make(map[string]bool, len(all)), now
	for _, p := range all {
		c.known.names[p.Name] = true
	}
	return c.known.names, nil
}
