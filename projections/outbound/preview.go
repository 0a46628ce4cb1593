package outbound

import (
	"context"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/state"
)

// previewPage is how many contacts are previewed in one view.
const previewPage = 200

// Previewed is a contact's preview, and the view it was made in.
type Previewed struct {
	planner.Preview
	View *planner.View
}

// EachPreview says of contact after contact, in id order, what an operation would do, by the rules the planner works
// under, from what it has stored, and changes nothing. It returns the connection's own state it was worked out under,
// and its position. Things may happen meanwhile: what is said of a contact holds as long as its digest. ErrMoved, when the
// state was rebuilt meanwhile: then contacts may be missing, and it is to be asked again.
func EachPreview(ctx context.Context, db eventstore.DB, log eventstore.Log, spec domain.PlanSpec, now int64,
	fn func(Previewed) error,
) (planner.Control, int64, error) {
	c, err := state.Open(ctx, db, log)
	if err != nil {
		return planner.Control{}, 0, err
	}
	c.Control.Paused, c.Control.Guard = false, planner.Guard{} // it is asked what would be done when nothing stands against it
	if c.Control.Mode == domain.ModeObserve {
		c.Control.Mode = domain.ModeLive
	}
	filter, err := c.Control.Settings.ParseFilter(spec.Filter)
	if err != nil {
		return c.Control, c.Position, err
	}
	choices, err := c.Choices(ctx, log)
	if err != nil {
		return c.Control, c.Position, err
	}
	p := preview{Cursor: c, choices: choices, db: db, spec: spec, filter: filter, fn: fn, digester: state.Digester(log.Vault())}
	p.in = planner.Input{Position: c.Position + 1<<40, ID: stamped(now), Type: domain.PlanApplied, Stream: "connection", RecordedAt: now}
	if !spec.Contact.IsZero() {
		err = p.page(ctx, []ulid.ULID{spec.Contact})
	} else {
		err = p.all(ctx)
	}
	if err == nil {
		err = c.Still(ctx, db)
	}
	return c.Control, c.Position, err
}

// Watch names the properties by which it is seen whether a contact has changed.
func Watch(s settings.Settings) map[domain.System][]string {
	w := map[domain.System][]string{}
	for _, sys := range domain.Systems {
		w[sys] = s.ReadProperties(sys)
	}
	return w
}

func stamped(micros int64) (id ulid.ULID) {
	_ = id.SetTime(uint64(micros / 1000))
	return id
}

type preview struct {
	*state.Cursor
	choices  *planner.Choices
	db       eventstore.DB
	spec     domain.PlanSpec
	filter   settings.Filter
	in       planner.Input
	fn       func(Previewed) error
	digester planner.Digester
}

func (p *preview) all(ctx context.Context) error {
	for after := ""; ; {
		ids, err := p.Contacts(ctx, p.db, after, previewPage)
		if err != nil || len(ids) == 0 {
			return err
		}
		after = ids[len(ids)-1].String()
		if err := p.page(ctx, ids); err != nil {
			return err
		}
	}
}

func (p *preview) page(ctx context.Context, ids []ulid.ULID) error {
	v := planner.NewView(p.Control, p.digester)
	v.Know(p.choices)
	loader := p.Loader(p.db, v)
	if err := loader.Load(ctx, about(ids...)); err != nil {
		return err
	}
	watch := Watch(p.Control.Settings)
	for _, id := range ids {
		if err := loader.Load(ctx, about(id)); err != nil { // all there, unless those before became one
			return err
		}
		shown, ok, err := p.one(v, watch, id)
		if err == nil && ok {
			err = p.fn(Previewed{shown, v})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *preview) one(v *planner.View, watch map[domain.System][]string, id ulid.ULID) (shown planner.Preview, ok bool, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("preview of %s: %w", id, err)
		}
	}()
	defer state.Recovered(&err)
	shown, ok = v.Preview(p.in, p.spec, p.filter, watch, id)
	return shown, ok, nil
}
