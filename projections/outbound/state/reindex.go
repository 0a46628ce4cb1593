package state

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
)

// Reindex works out anew, for settings that are about to count, the match keys of every record, and hands them to
// commit in pages. Until the settings count it may be stopped and repeated: it asks nothing of what was written. So a
// record's key rows always are what the settings at the version's position find in it.
func (c *Cursor) Reindex(ctx context.Context, q eventstore.Querier, to settings.Settings, page int,
	commit func(context.Context, Changes) error,
) error {
	if identity.SameKeys(c.Control.Settings, to) {
		return nil
	}
	control, err := json.Marshal(c.Control)
	if err != nil {
		return fmt.Errorf("planner state: %w", err)
	}
	for after := ""; ; {
		ids, err := c.Records(ctx, q, "", after, page)
		if err != nil || len(ids) == 0 {
			return err
		}
		after = ids[len(ids)-1]
		ch := Changes{control: c.Control, text: string(control)}
		if err := c.rekey(ctx, q, ids, to, &ch); err != nil {
			return err
		}
		if err := commit(ctx, ch); err != nil {
			return err
		}
	}
}

func (c *Cursor) rekey(ctx context.Context, q eventstore.Querier, ids []string, to settings.Settings, ch *Changes) error {
	n := planner.NewNeeds()
	for _, id := range ids {
		rec, err := domain.ParseRecord(id)
		if err != nil {
			return fmt.Errorf("list records: %w", err)
		}
		n.Records[rec] = true
	}
	v := planner.NewView(planner.Control{}, planner.NewDigester(nil))
	if err := c.Round(ctx, q, v, n); err != nil {
		return err
	}
	for rec := range n.Records {
		props := v.Record(rec).Properties()
		before, after := identity.Keys(c.Control.Settings, rec, props), identity.Keys(to, rec, props)
		ch.lost = append(ch.lost, c.keyRows(rec.Stream(), minus(before, after))...)
		ch.won = append(ch.won, c.keyRows(rec.Stream(), minus(after, before))...)
	}
	return nil
}

func minus(a, b []identity.Key) []identity.Key {
	return slices.DeleteFunc(slices.Clone(a), func(k identity.Key) bool { return slices.Contains(b, k) })
}
