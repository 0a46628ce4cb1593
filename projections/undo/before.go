package undo

import (
	"context"
	"fmt"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/outbound/state"
)

// value is what a record showed of a field, and which event told it.
type value struct {
	position int64
	digest   string
}

// before finds what the record showed when the planner had read up to a position; false when nobody knows.
func (f *finder) before(ctx context.Context, r domain.Record, field settings.Field, position int64) (v value, known bool, err error) {
	err = f.recount(ctx, r, position, func(mem *planner.View) {
		v, known = shownIn(mem, r, field)
	})
	return v, known, err
}

// agreed finds the last value of that digest a record showed up to a position; false when there is none.
func (f *finder) agreed(ctx context.Context, r domain.Record, field settings.Field, position int64, digest string,
) (v value, known bool, err error) {
	if digest == "" {
		return v, false, nil
	}
	err = f.recount(ctx, r, position, func(mem *planner.View) {
		if got, ok := shownIn(mem, r, field); ok && got.digest == digest {
			v, known = got, true
		}
	})
	return v, known, err
}

func shownIn(mem *planner.View, r domain.Record, field settings.Field) (v value, known bool) {
	seen, known := mem.Told(r, field.Side(r.System).Read)
	if !known {
		return v, false
	}
	return value{seen.Position, mem.DigestOf(field, r.System, seen.Value)}, true
}

// recount folds what was told of a record, up to a position, as the planner did, and looks after each event.
func (f *finder) recount(ctx context.Context, r domain.Record, until int64, look func(*planner.View)) error {
	mem := f.fresh()
	for after := int64(0); ; {
		events, err := f.log.ReadStream(ctx, r.Stream(), after, pageSize)
		if err != nil {
			return fmt.Errorf("what was told of a record: %w", err)
		}
		for _, e := range events {
			if e.Position > until {
				return nil
			}
			after = e.Position
			if e.Erased {
				continue
			}
			in, err := state.Input(e)
			if err != nil {
				return err
			}
			_, _ = state.Fold(mem, in) // one that cannot be read told nothing
			look(mem)
		}
		if len(events) < pageSize {
			return nil
		}
	}
}
