package history

import (
	"context"
	"fmt"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

// Positions lists, in order, the events after a position that concern the contact, the connection's own acts left out,
// and up to where that is known: the projection's checkpoint.
func (r *Reader) Positions(ctx context.Context, contact ulid.ULID, after int64) (own []int64, through int64, err error) {
	through, err = projections.Position(ctx, r.db, r.log.Connection(), Name)
	if err != nil {
		return nil, 0, fmt.Errorf("positions of %s: %w", contact, err)
	}
	owners, err := r.contacts.Streams(ctx, contact)
	if err != nil {
		return nil, 0, fmt.Errorf("positions of %s: %w", contact, err)
	}
	err = r.db.ReadTx(ctx, func(q eventstore.Querier) error {
		version, err := projections.Live(ctx, q, r.log.Connection(), Name)
		if err != nil {
			return err
		}
		own, err = r.owned(ctx, q, version, owners)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("positions of %s: %w", contact, err)
	}
	own = slices.DeleteFunc(own, func(p int64) bool { return p <= after || p > through })
	slices.Sort(own)
	return slices.Compact(own), through, nil
}
