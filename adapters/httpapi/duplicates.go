package httpapi

import (
	"context"
	"slices"
	"strings"

	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/contacts"
)

// Duplicate is a contact that may be, or was, one person twice.
type Duplicate struct {
	Contact string   `json:"contact"`
	Name    string   `json:"name" doc:"How to type it: hubspot:512"`
	Kind    string   `json:"kind" doc:"suspected, shared (a number or email two people have) or merged"`
	Reason  string   `json:"reason"`
	Others  []string `json:"others,omitempty"`
}

// DuplicateList is a list of them.
type DuplicateList struct {
	Duplicates []Duplicate `json:"duplicates"`
}

// DuplicateOf says in what way a contact stands for a duplicate; false when in none.
func DuplicateOf(c contacts.Contact) (Duplicate, bool) {
	d := Duplicate{Contact: c.ID.String(), Name: nameOf(c), Reason: c.Reason, Others: c.Others}
	absorbed := slices.IndexFunc(c.Records, func(r contacts.Record) bool { return r.State == string(planner.Absorbed) })
	switch {
	case absorbed >= 0:
		r := c.Records[absorbed]
		d.Kind, d.Reason = "merged", r.Reason
		d.Others = append(d.Others, string(r.System)+":"+r.ID)
	case c.Status == contacts.Held && len(c.Others) > 0:
		d.Kind = "suspected"
	case c.Status == contacts.Excluded && strings.Contains(c.Reason, "shared"):
		d.Kind = "shared"
	}
	return d, d.Kind != ""
}

func (a *api) listDuplicates(ctx context.Context, in *connectionInput) (*body[DuplicateList], error) {
	conn, err := a.contacts(in.Connection)
	if err != nil {
		return nil, err
	}
	list, err := Duplicates(ctx, conn.Contacts)
	return &body[DuplicateList]{DuplicateList{list}}, err
}

// Duplicates looks through the contacts that are held or excluded, or hold a record that a merge left over.
func Duplicates(ctx context.Context, from Contacts) ([]Duplicate, error) {
	all := []Duplicate{}
	merged, err := from.Holding(ctx, string(planner.Absorbed))
	if err != nil {
		return nil, err
	}
	for _, c := range merged {
		d, _ := DuplicateOf(c)
		all = append(all, d)
	}
	for _, status := range []string{contacts.Held, contacts.Excluded} {
		filter := contacts.Filter{Status: status, Limit: contacts.MaxLimit}
		for {
			page, err := from.List(ctx, filter)
			if err != nil {
				return nil, err
			}
			for _, c := range page {
				if d, is := DuplicateOf(c); is && d.Kind != "merged" {
					all = append(all, d)
				}
			}
			if len(page) < filter.Limit {
				break
			}
			filter.After = page[len(page)-1].ID
		}
	}
	return all, nil
}
