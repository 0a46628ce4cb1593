package catalogs

import (
	"cmp"
	"context"
	"slices"

	"github.com/duolog/duolog/domain"
)

// match puts entries of Aloware to those of HubSpot, each to one at most: first what a person declared, then people by
// email and dispositions by label.
type match struct {
	known []Entry // by id
	used  map[string]bool
}

// newMatch takes what was declared, or listed, and what webhooks showed; an entry of both has the label of either.
func newMatch(declared, seen []Entry) *match {
	m := &match{used: map[string]bool{}}
	at := map[string]int{}
	for _, e := range declared {
		if e.GoneAt == nil {
			at[e.ID] = len(m.known)
			m.known = append(m.known, e)
		}
	}
	for _, e := range seen {
		i, ok := at[e.ID]
		switch {
		case !ok:
			m.known = append(m.known, e)
		case m.known[i].Label == "":
			m.known[i].Label = e.Label
		}
	}
	slices.SortStableFunc(m.known, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID)) // ids are numbers
	})
	return m
}

// take returns what stands for an entry of HubSpot, and how that is known.
func (m *match) take(h Entry) (*Entry, string) {
	for _, way := range []struct {
		name string
		fits func(Entry) bool
	}{
		{ByDeclaration, func(a Entry) bool { return a.HubSpot == h.ID }},
		{ByEmail, func(a Entry) bool { return same(a.Email, h.Email) && !a.Hidden }},
		{ByLabel, func(a Entry) bool { return a.HubSpot == "" && a.Email == "" && same(a.Label, h.Label) }},
	} {
		for _, a := range m.known {
			if !m.used[a.ID] && way.fits(a) {
				m.used[a.ID] = true
				return &a, way.name
			}
		}
	}
	return nil, ""
}

func same(a, b string) bool { return normal(a) != "" && normal(a) == normal(b) }

// left lists the entries that stand for nothing in HubSpot.
func (m *match) left() []Entry {
	var out []Entry
	for _, e := range m.known {
		if !m.used[e.ID] {
			out = append(out, e)
		}
	}
	return out
}

// UserOf returns the user of Aloware that an owner of HubSpot is: the one with the same email; nil when there is none.
func (r *Reader) UserOf(ctx context.Context, owner Entry) (*Entry, error) {
	found, err := r.ByMatch(ctx, Source{domain.Aloware, domain.Users}, owner.Email)
	if err != nil {
		return nil, err
	}
	a, _ := newMatch(found, nil).take(owner)
	return a, nil
}

// Outcome returns HubSpot's call outcome for what was chosen after a call in Aloware; nil when none is known to be it.
func (r *Reader) Outcome(ctx context.Context, c domain.Choice) (*Entry, error) {
	outcomes := Source{domain.HubSpot, domain.CallOutcomes}
	declared, err := r.ByID(ctx, Source{domain.Aloware, domain.CallDispositions}, c.ID)
	if err != nil {
		return nil, err
	}
	if len(declared) > 0 && declared[0].GoneAt == nil {
		if declared[0].HubSpot != "" {
			return first(r.ByID(ctx, outcomes, declared[0].HubSpot))
		}
		c.Label = cmp.Or(c.Label, declared[0].Label)
	}
	if c.Label == "" {
		seen, err := r.find(ctx, `SELECT `+entryColumns+` FROM catalog_entry
			WHERE connection = $1 AND version = $2 AND catalog = $3 AND id = $4`,
			Source{domain.Aloware, domain.CallDispositions}.String()+seenSuffix, c.ID)
		if err != nil || len(seen) == 0 {
			return nil, err
		}
		c.Label = seen[0].Label
	}
	return first(r.ByMatch(ctx, outcomes, c.Label))
}

// ActivityType returns HubSpot's type of calls, or of meetings, that a choice names by id or label; nil when it is none.
func (r *Reader) ActivityType(ctx context.Context, c domain.Choice) (*Entry, error) {
	for _, catalog := range []domain.Catalog{domain.CallTypes, domain.MeetingTypes} {
		s := Source{domain.HubSpot, catalog}
		for _, text := range []string{c.ID, c.Label} {
			if text == "" {
				continue
			}
			found, err := r.ByID(ctx, s, text)
			if err == nil && len(found) == 0 {
				found, err = r.ByMatch(ctx, s, text)
			}
			if err != nil || len(found) > 0 {
				return first(found, err)
			}
		}
	}
	return nil, nil
}

// first returns the first entry that is there, or else the first that was.
func first(found []Entry, err error) (*Entry, error) {
	if err != nil || len(found) == 0 {
		return nil, err
	}
	for i := range found {
		if found[i].GoneAt == nil {
			return &found[i], nil
		}
	}
	return &found[0], nil
}
