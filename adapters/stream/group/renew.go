package group

import (
	"context"
	"fmt"
)

// Renew says that the member lives while it handles a batch, without changing what it holds. ErrLost when something of
// that is another's by now.
func (g *Groups) Renew(ctx context.Context, s Share) (Share, error) {
	began := g.clock()
	if err := g.beat(ctx, s.Consumer, s.Member, true, s.info.Lease); err != nil {
		return s, err
	}
	parts, err := g.partitions(ctx, g.db, s.Consumer)
	if err != nil {
		return s, err
	}
	for _, h := range s.Held {
		if h.Partition < 0 || h.Partition >= len(parts) || parts[h.Partition].Member != s.Member || parts[h.Partition].epoch != h.Epoch {
			return s, fmt.Errorf("%s in %s: %w", s.Member, s.Consumer, ErrLost)
		}
	}
	s.began, s.info.Partitions = began, parts
	return s, nil
}

// Hold is Renew for who knows the batch and not the share, as one who asks over a wire does. It returns what the member
// holds.
func (g *Groups) Hold(ctx context.Context, name, member string, b Batch) (Share, error) {
	s, err := g.share(ctx, name, member)
	if err != nil {
		return s, err
	}
	s.Held = b.held
	if s, err = g.Renew(ctx, s); err == nil {
		s.hold()
	}
	return s, err
}
