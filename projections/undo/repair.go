package undo

import (
	"context"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/replay"
)

// again decides once more on what a repair asks for: what was decided otherwise is looked for in the log, and what
// would be written today is kept.
func (s *scan) again(ctx context.Context, f *finder) error {
	spec := s.spec
	_, err := replay.Run(ctx, replay.Config{
		DB: f.DB, Log: s.log, From: spec.Repair.From, To: spec.Repair.To, Planned: f.Position,
		Paired: func(d replay.Difference, was, now *planner.Decision) {
			if !d.Declared() && !spec.Repair.Unexplained || !s.asks(d.Contact) {
				return
			}
			s.differs(d, was, now)
		},
	})
	return err
}

func (s *scan) differs(d replay.Difference, was, now *planner.Decision) {
	into := s.of(d.Contact)
	writes := 0
	if was != nil {
		s.wrong[d.Position] = true
		writes += len(sendsOf(*was, s.spec))
	}
	if now != nil {
		for _, w := range sendsOf(*now, s.spec) {
			into.right[place{w.field, w.record.System}] = w
			writes++
		}
	}
	into.unlike = into.unlike || writes == 0
}

// correct adds what would have been written today, where what was written, or what stood there then, still stands.
func (r *Row) correct(v *planner.View, field settings.Field, right *send, all []*send, out *Found) {
	holds := v.ShownDigest(right.record, field)
	still := holds == right.over
	if len(all) > 0 {
		still = all[len(all)-1].stands(holds)
	}
	switch {
	case right.value == nil:
		out.leave(field.Name, right.record, planner.Kept, Unknown)
	case holds == right.digest:
		out.leave(field.Name, right.record, planner.Unchanged, AsBefore)
	case !still:
		out.leave(field.Name, right.record, planner.Skipped, Changed)
	default:
		r.Back = append(r.Back, domain.PutBack{
			Field: field.Name, Record: right.record, Holds: holds, Of: right.value.Record, Position: right.value.Position,
			Digest: right.value.Digest,
		})
	}
}

// stands reports whether what was written is what a place holds.
func (s *send) stands(holds string) bool {
	return holds == s.digest || s.shown != "" && holds == s.shown
}
