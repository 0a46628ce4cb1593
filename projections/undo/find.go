package undo

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/state"
)

// Why something is left as it is.
const (
	Changed   = "changed since"
	Unknown   = "what it was before is not known"
	AsBefore  = "is as it was before"
	OnItsWay  = "is still on its way"
	Became    = "became part of another contact"
	Unmapped  = "is not mapped any more"
	NotRemove = "made there: what was made is not removed"
	Unlike    = "what differs is not a value: a person has to look"
)

// Left is what is left of a contact as it is, and why.
type Left struct {
	Field  string        `json:"field,omitempty"` // none: the record as such
	Record domain.Record `json:"record,omitzero"`
	System domain.System `json:"system"`
	Result string        `json:"result"`
	Why    string        `json:"why"`
}

// Row is what is put back for a contact in one go.
type Row struct {
	Source  bool // where the values came from; that goes first
	Back    []domain.PutBack
	Preview planner.Preview
}

// Found is what can be put back for a contact, and what is left.
type Found struct {
	Contact ulid.ULID
	View    *planner.View
	Rows    []Row
	Left    []Left
}

// Config says where it is looked. After is the position behind which all lies that is to be undone.
type Config struct {
	DB    eventstore.DB
	Log   eventstore.Log
	Spec  domain.PlanSpec
	After int64
	// Contacts are all the ids that the contact the spec asks for has had.
	Contacts []ulid.ULID
	Now      int64 // µs UTC
}

// asks reports a contact, by any of its ids, that is asked for.
func (c Config) asks(contact ulid.ULID) bool {
	return c.Spec.Contact.IsZero() || contact == c.Spec.Contact || slices.Contains(c.Contacts, contact)
}

// finder works out, contact by contact, what can be put back.
type finder struct {
	*state.Cursor
	Config
	log     eventstore.Log
	choices *planner.Choices
	filter  settings.Filter
	in      planner.Input
	found   map[ulid.ULID]*written
}

// loadPage is how many contacts are looked at in one view.
const loadPage = 200

// Each finds what can be put back, contact by contact in id order. It returns the connection's own state it was worked
// out under, and the planner's position. ErrMoved of the planner's state, when that was rebuilt meanwhile: ask again.
func Each(ctx context.Context, c Config, fn func(Found) error) (planner.Control, int64, error) {
	f, err := open(ctx, c)
	if err != nil {
		return planner.Control{}, 0, err
	}
	s := &scan{
		asks: c.asks, log: c.Log, spec: c.Spec, view: f.fresh(), wrong: map[int64]bool{}, contacts: map[ulid.ULID]*written{},
		commands: map[ulid.ULID][]*send{},
	}
	if c.Spec.Repair != nil {
		if err := s.again(ctx, f); err != nil {
			return f.Control, f.Position, err
		}
	}
	if err := s.run(ctx, c.After, f.Position); err != nil {
		return f.Control, f.Position, err
	}
	f.found = s.contacts
	ids := slices.SortedFunc(maps.Keys(f.found), func(a, b ulid.ULID) int { return a.Compare(b) })
	for part := range slices.Chunk(ids, loadPage) {
		if err := f.page(ctx, part, fn); err != nil {
			return f.Control, f.Position, err
		}
	}
	return f.Control, f.Position, f.Still(ctx, c.DB)
}

func open(ctx context.Context, c Config) (*finder, error) {
	cursor, err := state.Open(ctx, c.DB, c.Log)
	if err != nil {
		return nil, err
	}
	cursor.Control.Paused, cursor.Control.Guard = false, planner.Guard{} // it is asked what would be done when nothing stands against it
	if cursor.Control.Mode == domain.ModeObserve {
		cursor.Control.Mode = domain.ModeLive
	}
	f := &finder{Cursor: cursor, Config: c, log: c.Log}
	if f.filter, err = cursor.Control.Settings.ParseFilter(c.Spec.Filter); err != nil {
		return nil, err
	}
	f.in = planner.Input{Position: cursor.Position + 1<<40, Type: domain.PlanApplied, Stream: "connection", RecordedAt: c.Now}
	_ = f.in.ID.SetTime(uint64(c.Now / 1000))
	f.choices, err = cursor.Choices(ctx, c.Log)
	return f, err
}

// fresh is an empty view under the settings in force.
func (f *finder) fresh() *planner.View {
	v := planner.NewView(f.Control, state.Digester(f.log.Vault()))
	v.Know(f.choices)
	return v
}

func (f *finder) page(ctx context.Context, ids []ulid.ULID, fn func(Found) error) error {
	v := f.fresh()
	needs := planner.NewNeeds()
	for _, id := range ids {
		needs.Contacts[id] = true
	}
	if err := f.Loader(f.DB, v).Load(ctx, needs); err != nil {
		return err
	}
	for _, id := range ids {
		found, ok, err := f.contact(ctx, v, id)
		if err == nil && ok {
			err = fn(found)
		}
		if err != nil {
			return fmt.Errorf("undo for contact %s: %w", id, err)
		}
	}
	return nil
}

// contact works one contact out; false when nothing of it is asked for.
func (f *finder) contact(ctx context.Context, v *planner.View, id ulid.ULID) (Found, bool, error) {
	w := f.found[id]
	out := &Found{Contact: id, View: v}
	now := v.Contact(id)
	if now == nil || !v.Matches(f.filter, now.ID) {
		return *out, false, nil
	}
	for _, s := range domain.Systems {
		if w.made[s] && f.Spec.Undo != nil && f.Spec.Field == "" {
			out.Left = append(out.Left, Left{System: s, Result: string(planner.Kept), Why: NotRemove})
		}
	}
	if w.unlike {
		out.leave("", domain.Record{}, planner.Kept, Unlike)
	}
	rows := [2]Row{{Source: true}, {}}
	for _, at := range w.places() {
		if now.ID != id {
			out.leave(at.field, domain.Record{System: at.system}, planner.Skipped, Became)
			continue
		}
		if err := f.field(ctx, v, w, at, out, &rows); err != nil {
			return *out, false, err
		}
	}
	for _, r := range rows {
		if err := f.preview(ctx, v, r, out); err != nil {
			return *out, false, err
		}
	}
	return *out, len(out.Rows)+len(out.Left) > 0, nil
}

// places are those that were written to, or would be, in order.
func (w *written) places() []place {
	all := slices.AppendSeq(slices.Collect(maps.Keys(w.sends)), maps.Keys(w.right))
	slices.SortFunc(all, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.field, b.field), cmp.Compare(a.system, b.system))
	})
	return slices.Compact(all)
}

func (o *Found) leave(field string, r domain.Record, result planner.Result, why string) {
	o.Left = append(o.Left, Left{Field: field, Record: r, System: r.System, Result: string(result), Why: why})
}

// preview has the planner say what of a row it would do.
func (f *finder) preview(ctx context.Context, v *planner.View, r Row, out *Found) error {
	if len(r.Back) == 0 {
		return nil
	}
	var at []int64
	for _, b := range r.Back {
		at = append(at, b.Position)
	}
	if err := state.RecallAt(ctx, f.log, v, at...); err != nil {
		return err
	}
	r.Preview = v.PreviewBack(f.in, f.Spec.Scope, out.Contact, r.Back)
	if len(r.Preview.Left) > 0 {
		for _, l := range r.Preview.Left {
			i := slices.IndexFunc(r.Back, func(b domain.PutBack) bool { return b.Field == l.Field })
			if i < 0 {
				continue
			}
			out.leave(l.Field, r.Back[i].Record, l.Result, l.Rule)
			r.Back = slices.Delete(r.Back, i, i+1)
		}
		if len(r.Back) > 0 {
			r.Preview = v.PreviewBack(f.in, f.Spec.Scope, out.Contact, r.Back)
		}
	}
	if len(r.Back) > 0 {
		out.Rows = append(out.Rows, r)
	}
	return nil
}
