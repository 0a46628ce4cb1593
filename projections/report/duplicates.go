package report

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// preventedBy counts the people found on the other side instead of created again, by the key that led to them and where
// they came from. A record that Duolog had just made is found by its key as well: that prevented nothing.
func (b *book) preventedBy() tally {
	t := tally{}
	for _, f := range b.linked {
		if !slices.ContainsFunc(f.others, func(r domain.Record) bool { return b.made[r] }) {
			t.add(1, f.rule, string(f.others[0].System))
		}
	}
	return t
}

func (b *book) duplicatesSection(standing map[string]int64) Section {
	merged := tally{}
	for _, r := range b.merged {
		by := "others"
		if b.made[r] {
			by = "Duolog"
		}
		merged.add(1, string(r.System), by)
	}
	now := Table{Key: "standing", Title: "Standing today", Columns: []string{"kind", "count"}}
	for _, kind := range slices.Sorted(maps.Keys(standing)) {
		now.Rows = append(now.Rows, []any{kind, standing[kind]})
	}
	s := Section{Key: "duplicates", Title: "Duplicates", Tables: filled(
		b.preventedBy().table("prevented", "Prevented: found on the other side instead of made again", "key", "came from"),
		b.suspected.table("suspected", "Suspected: held for a person", "why"),
		b.resolved.table("resolved", "Resolved by a person", "verdict"),
		merged.table("merged", "Merged in one system", "system", "made by"),
		now,
	)}
	if len(s.Tables) == 0 {
		s.Notes = []string{"Nobody stood twice."}
	}
	return s
}

// ownAmongMerged learns which of the records that were merged away Duolog had made: in spite of it, they were duplicates.
func (b *book) ownAmongMerged(ctx context.Context) error {
	for _, r := range b.merged {
		if b.made[r] {
			continue
		}
		made, err := b.madeByUs(ctx, r)
		if err != nil {
			return err
		}
		b.made[r] = made
	}
	return nil
}

func (b *book) madeByUs(ctx context.Context, r domain.Record) (bool, error) {
	for after := int64(0); ; {
		events, err := b.Log.ReadStream(ctx, r.Stream(), after, pageSize)
		if err != nil || len(events) == 0 {
			return false, err
		}
		for _, e := range events {
			after = e.Position
			if e.Type != domain.CommandSettled {
				continue
			}
			if o, _, err := opened[domain.Outcome](e); err != nil || o.Made() {
				return o.Made(), err
			}
		}
	}
}

func (b *book) conflictsSection(ctx context.Context) (Section, error) {
	s := Section{Key: "conflicts", Title: "Conflicts", Tables: filled(
		b.conflicts.table("fields", "Values that lost", "field", "winner", "rule"))}
	if len(s.Tables) == 0 {
		s.Notes = []string{"No value lost against another."}
		return s, nil
	}
	t := Table{Key: "samples", Title: "Some of them", Columns: []string{"field", "position", "at", "contact", "winner", "rule", "lost value"}}
	for _, field := range slices.Sorted(maps.Keys(b.samples)) {
		for _, c := range b.samples[field] {
			lost, err := b.value(ctx, c.loser)
			if err != nil {
				return s, err
			}
			t.Rows = append(t.Rows, []any{field, Position(c.position), c.at, c.contact.String(), c.winner, c.rule, lost})
		}
	}
	s.Tables = append(s.Tables, t)
	return s, nil
}

// value reads what stands where a decision says.
func (b *book) value(ctx context.Context, ref *planner.Ref) (string, error) {
	if ref == nil {
		return "not known", nil
	}
	if !b.Values {
		return "not shown", nil
	}
	events, err := b.Log.Get(ctx, ref.Position)
	if err != nil || len(events) == 0 {
		return "not known", err
	}
	if events[0].Erased {
		return "erased", nil
	}
	return property(events[0], ref.Property)
}

func property(e eventstore.Event, name string) (string, error) {
	var told struct {
		Properties domain.Properties `json:"properties"`
		Shows      domain.Properties `json:"shows"`
	}
	if err := domain.Decode(e.Type, e.Schema, e.Data, &told); err != nil {
		return "", err
	}
	raw, ok := told.Properties[name]
	if !ok {
		raw = told.Shows[name]
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	return string(raw), nil
}
