package undo

import (
	"context"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// field works out one place of a contact: what it was before the first of the writes, as long as it holds what the last
// one ended in.
func (f *finder) field(ctx context.Context, v *planner.View, w *written, at place, out *Found, rows *[2]Row) error {
	all := slices.DeleteFunc(slices.Clone(w.sends[at]), func(s *send) bool { return s.settled && !s.written })
	if len(all) == 0 {
		return nil // nothing of it arrived
	}
	first, last := all[0], all[len(all)-1]
	field, mapped := v.Control.Settings.Field(at.field)
	switch {
	case !mapped:
		out.leave(at.field, last.record, planner.Skipped, Unmapped)
		return nil
	case slices.ContainsFunc(all, func(s *send) bool { return !s.settled }):
		out.leave(at.field, last.record, planner.Waiting, OnItsWay)
		return nil
	}
	holds := v.ShownDigest(last.record, field)
	if holds != last.digest && (last.shown == "" || holds != last.shown) {
		out.leave(at.field, last.record, planner.Skipped, Changed)
		return nil
	}
	before, known, err := f.before(ctx, last.record, field, first.input)
	if err != nil {
		return err
	}
	row := &rows[1]
	if f.goesFirst(w, at, last) {
		row = &rows[0]
	}
	row.take(out, field, last.record, holds, before, known)
	if !f.Spec.Undo.Source || !last.from.Valid() || last.value == nil || len(w.sends[place{at.field, last.from}]) > 0 {
		return nil
	}
	return f.source(ctx, v, field, all, out, &rows[0])
}

// goesFirst reports a place that was written to itself, and whose value then went to the other side.
func (f *finder) goesFirst(w *written, at place, last *send) bool {
	other := w.sends[place{at.field, at.system.Other()}]
	return len(other) > 0 && other[len(other)-1].input > last.input
}

// source works out where the values of the writes came from.
func (f *finder) source(ctx context.Context, v *planner.View, field settings.Field, all []*send, out *Found, row *Row) error {
	last := all[len(all)-1]
	r := last.value.Record
	first := all[slices.IndexFunc(all, func(s *send) bool { return s.from == last.from })]
	holds := v.ShownDigest(r, field)
	if holds != last.value.Digest {
		out.leave(field.Name, r, planner.Skipped, Changed)
		return nil
	}
	before, known, err := f.agreed(ctx, r, field, first.input, first.was)
	if err == nil {
		row.take(out, field, r, holds, before, known)
	}
	return err
}

// take adds a value to what is put back, or says why not.
func (r *Row) take(out *Found, field settings.Field, rec domain.Record, holds string, before value, known bool) {
	switch {
	case !known:
		out.leave(field.Name, rec, planner.Kept, Unknown)
	case before.digest == holds:
		out.leave(field.Name, rec, planner.Unchanged, AsBefore)
	default:
		r.Back = append(r.Back, domain.PutBack{
			Field: field.Name, Record: rec, Holds: holds, Position: before.position, Digest: before.digest,
		})
	}
}
