package hubspot

import (
	"context"
	"maps"
	"slices"

	"github.com/duolog/duolog/adapters"
)

// notMade answers the creates whose record is there by now and returns the others. A create is carried out as a whole
// or not at all, and what people or later commands have changed in the record since must stay.
func (c *Client) notMade(ctx context.Context, rows []*row) []*row {
	keys, names := make([]string, len(rows)), map[string]bool{}
	for i, r := range rows {
		keys[i] = r.id
		for name := range r.props {
			names[name] = true
		}
	}
	properties := withIdentifying(slices.Sorted(maps.Keys(names)))
	a, begun, err := c.batchRead(ctx, UniqueProperty, keys, properties)
	if err != nil {
		failAll(rows, unseen(err))
		return nil
	}
	var rest []*row
	for _, r := range rows {
		i := slices.IndexFunc(a.Results, func(o object) bool { return o.text(UniqueProperty) == r.id })
		if i < 0 {
			rest = append(rest, r)
			continue
		}
		s := a.Results[i].snapshot(begun)
		*r.answer = adapters.WriteAnswer{Record: s.Record, Unneeded: true, Shows: s.Properties, Clock: s.Clock}
	}
	return rest
}
