package report

import (
	"context"
	"slices"

	"github.com/duolog/duolog/domain"
)

// holdsInForce learns whom nobody may erase at the end of the period, however long ago that was said.
func (b *book) holdsInForce(ctx context.Context) error {
	for after := int64(0); ; {
		events, err := b.Log.ReadStream(ctx, domain.StreamPrivacy, after, pageSize)
		if err != nil || len(events) == 0 {
			return err
		}
		for _, e := range events {
			if after = e.Position; after > b.Through {
				return nil
			}
			if e.Type != domain.SubjectHeld && e.Type != domain.SubjectReleased {
				continue
			}
			said, _, err := opened[domain.Act](e)
			if err != nil {
				return err
			}
			b.holds = slices.DeleteFunc(b.holds, func(a act) bool { return a.Contact == said.Contact })
			if e.Type == domain.SubjectHeld {
				b.holds = append(b.holds, act{at: when(e), position: e.Position, by: e.Actor, kind: e.Type, Act: said})
			}
		}
	}
}
