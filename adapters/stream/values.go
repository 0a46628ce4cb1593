package stream

import (
	"context"
	"encoding/json"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// spot is where a value stands: what a record showed of a property at a position.
type spot struct {
	record   domain.Record
	property string
	position int64
}

func spotOf(r planner.Ref) spot { return spot{r.Record, r.Property, r.Position} }

// values are what records showed at some spots, and before them.
type values map[spot]FieldChange

// valuesOf reads the values at the spots the decisions name, each record's stream once and in pages.
func valuesOf(ctx context.Context, log Reader, all map[int64]found) (values, error) {
	wanted := map[domain.Record]map[spot]bool{}
	want := func(at spot) {
		if wanted[at.record] == nil {
			wanted[at.record] = map[spot]bool{}
		}
		wanted[at.record][at] = true
	}
	for _, f := range all {
		for _, m := range f.fields {
			want(spotOf(m.after))
			if m.before != nil {
				want(spotOf(*m.before))
			}
		}
	}
	v := values{}
	for record, spots := range wanted {
		if err := v.follow(ctx, log, record, spots); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// follow reads a record's stream up to the last of the spots.
func (v values) follow(ctx context.Context, log Reader, record domain.Record, spots map[spot]bool) error {
	through, shown := int64(0), map[string]FieldChange{}
	for s := range spots {
		through = max(through, s.position)
		shown[s.property] = FieldChange{Before: null, After: null}
		v[s] = FieldChange{Before: null, After: null}
	}
	for after := int64(0); after < through; {
		page, err := log.ReadStream(ctx, record.Stream(), after, streamPage)
		if err != nil {
			return err
		}
		for _, e := range page {
			if e.Position > through {
				break
			}
			for property, was := range shown {
				now := was.then(e, property)
				shown[property] = now
				if at := (spot{record, property, e.Position}); spots[at] {
					v[at] = now
				}
			}
		}
		if len(page) < streamPage {
			return nil
		}
		after = page[len(page)-1].Position
	}
	return nil
}

var null = json.RawMessage("null")

// then is what a record shows of a property after an event, and what other value it showed before.
func (c FieldChange) then(e eventstore.Event, property string) FieldChange {
	if e.Erased {
		return FieldChange{Before: null, After: null, Erased: true}
	}
	var told struct {
		Properties domain.Properties `json:"properties"`
		Shows      domain.Properties `json:"shows"`
		Complete   bool              `json:"complete"`
	}
	if domain.Decode(e.Type, e.Schema, e.Data, &told) != nil {
		return c
	}
	for _, props := range []domain.Properties{told.Properties, told.Shows} {
		if value := props[property]; len(value) > 0 {
			return c.now(value)
		}
	}
	if told.Complete {
		return c.now(null)
	}
	return c
}

// now is what comes of a value that is shown. One that is shown again, by a read after a webhook for one, leaves what was
// before it.
func (c FieldChange) now(value json.RawMessage) FieldChange {
	if !same(c.After, value) {
		c.Before = c.After
	}
	c.After = value
	return c
}
