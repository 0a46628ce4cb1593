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

// listed asks for the list without the lock: two who miss it at once ask twice, and nobody waits for another's request.
func (c *Client) listed(ctx context.Context) (map[string]bool, error) {
	now := c.cfg.Clock()
	if names := c.known.fresh(now); names != nil {
		return names, nil
	}
	all, err := c.Schema(ctx)
	if err != nil {
		return nil, err
	}
	names := make(map[string]bool, len(all))
	for _, p := range all {
		names[p.Name] = true
	}
	c.known.mu.Lock()
	defer c.known.mu.Unlock()
	c.known.names, c.known.at = names, now
	return names, nil
}

// fresh is the list, nil when it is too old to be believed.
func (k *known) fresh(now time.Time) map[string]bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if since := now.Sub(k.at); since < 0 || since >= listFor {
		return nil
	}
	return k.names
}
