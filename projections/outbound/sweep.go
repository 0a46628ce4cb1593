package outbound

import (
	"bytes"
	"context"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/state"
)

// Observed is a record as a scan or a look-up shows it.
type Observed struct {
	Record     domain.Record
	Properties domain.Properties
	Lacks      []string // properties that the system does not have
}

// Differing returns the indexes of those that are new, show another value of a mapped property than was seen, or were
// not asked for one yet: a sweep appends only these. It reads what is committed, so a fact still to be planned may be told twice; that does no
// harm.
func Differing(ctx context.Context, db eventstore.DB, log eventstore.Log, seen []Observed) ([]int, error) {
	c, err := state.Open(ctx, db, log)
	if err != nil {
		return nil, err
	}
	n := planner.NewNeeds()
	for _, o := range seen {
		n.Records[o.Record] = true
	}
	v := planner.NewView(c.Control, planner.NewDigester(nil))
	if err := c.Round(ctx, db, v, n); err != nil {
		return nil, err
	}
	var out []int
	for i, o := range seen {
		if r := v.Record(o.Record); r == nil || !r.Known || r.Life != planner.Live || unasked(c.Control, r) || differs(c.Control.Settings, r, o) {
			out = append(out, i)
		}
	}
	return out, nil
}

// unasked reports a record of HubSpot that no read has asked for all properties that are mapped now: that one is blank
// is news as well.
func unasked(c planner.Control, r *planner.Record) bool {
	if r.ID.System != domain.HubSpot {
		return false
	}
	for _, f := range c.Settings.Fields {
		if _, told := r.Seen[f.HubSpot.Read]; !told && r.Whole < c.Mapped[f.HubSpot.Read] {
			return true
		}
	}
	return false
}

func differs(s settings.Settings, r *planner.Record, o Observed) bool {
	known := r.Properties()
	for _, name := range s.ReadProperties(o.Record.System) {
		a, b := o.Properties[name], known[name]
		if name == settings.MergedIDs || blank(a) && blank(b) || slices.Contains(o.Lacks, name) {
			continue
		}
		if !bytes.Equal(a, b) {
			return true
		}
	}
	return false
}

func blank(raw []byte) bool {
	return len(raw) == 0 || string(raw) == "null" || string(raw) == `""`
}

// Standing is a live record with the number by which Aloware finds it, empty when there is none.
type Standing struct {
	Record domain.Record
	Linked bool
	Phone  string // E.164
}

// EachStanding calls fn with pages of a system's live records, in id order. ErrMoved, when the state was rebuilt meanwhile:
// then records may be missing.
func EachStanding(ctx context.Context, db eventstore.DB, log eventstore.Log, sys domain.System,
	fn func([]Standing) error,
) error {
	c, err := state.Open(ctx, db, log)
	if err != nil {
		return err
	}
	for after := ""; ; {
		ids, err := c.Records(ctx, db, sys, after, 500)
		if err == nil && len(ids) == 0 {
			err = c.Still(ctx, db)
		}
		if err != nil || len(ids) == 0 {
			return err
		}
		after = ids[len(ids)-1]
		page, err := standing(ctx, c, db, ids)
		if err != nil {
			return err
		}
		if err := fn(page); err != nil {
			return err
		}
	}
}

// StandingAfter returns the live ones among a page of a system's records, in id order after one, with the id the page
// ends at: empty when it is the last page. ErrMoved as of EachStanding.
func StandingAfter(ctx context.Context, db eventstore.DB, log eventstore.Log, sys domain.System, after string, limit int) (
	page []Standing, last string, err error,
) {
	c, err := state.Open(ctx, db, log)
	if err != nil {
		return nil, "", err
	}
	ids, err := c.Records(ctx, db, sys, after, limit)
	if err != nil {
		return nil, "", err
	}
	if len(ids) == limit {
		last = ids[limit-1]
	}
	if page, err = standing(ctx, c, db, ids); err == nil {
		err = c.Still(ctx, db)
	}
	return page, last, err
}

func standing(ctx context.Context, c *state.Cursor, db eventstore.DB, ids []string) ([]Standing, error) {
	n := planner.NewNeeds()
	for _, id := range ids {
		r, err := domain.ParseRecord(id)
		if err != nil {
			return nil, err
		}
		n.Records[r] = true
	}
	v := planner.NewView(c.Control, planner.NewDigester(nil))
	if err := c.Round(ctx, db, v, n); err != nil {
		return nil, err
	}
	phone, _ := c.Control.Settings.Field(settings.PhoneField)
	env := c.Control.Settings.Env()
	var out []Standing
	for _, id := range ids {
		rec, _ := domain.ParseRecord(id)
		r := v.Record(rec)
		if r == nil || r.Life != planner.Live {
			continue
		}
		text, _, err := phone.Get(rec.System, r.Properties(), env)
		if err != nil {
			text = ""
		}
		out = append(out, Standing{Record: rec, Linked: r.Link.State == planner.Linked, Phone: text})
	}
	return out, nil
}
