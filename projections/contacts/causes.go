package contacts

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/duolog/duolog/eventstore"
)

// Cause is why contacts, or fields of contacts, are not in step, and how many.
type Cause struct {
	Field  string `json:"field,omitempty"` // empty: the contact as such
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
}

// Causes counts why contacts and fields have the status, the most frequent first.
func (r *Reader) Causes(ctx context.Context, status string) ([]Cause, error) {
	counts := map[Cause]int64{}
	err := r.read(ctx, func(t rows) error {
		if err := t.fieldCauses(ctx, status, counts); err != nil {
			return err
		}
		return t.contactCauses(ctx, status, counts)
	})
	if err != nil {
		return nil, fmt.Errorf("count causes: %w", err)
	}
	all := make([]Cause, 0, len(counts))
	for c, n := range counts {
		c.Count = n
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Field, b.Field), strings.Compare(a.Reason, b.Reason))
	})
	return all, nil
}

func (t rows) fieldCauses(ctx context.Context, status string, into map[Cause]int64) error {
	found, err := t.q.Query(ctx, `SELECT field, reason, COUNT(*) FROM contact_field
		WHERE connection = $1 AND version = $2 AND state = $3 GROUP BY field, reason`, t.connection, t.version, status)
	_, err = eventstore.Scan(found, err, func(row eventstore.Rows) (c Cause, err error) {
		var n int64
		err = row.Scan(&c.Field, &c.Reason, &n)
		into[c] += n
		return c, err
	})
	return err
}

// contactCauses counts the reasons that are about contacts as such. They lie in the contacts' bodies, so this reads
// every contact of the status, a page at a time.
func (t rows) contactCauses(ctx context.Context, status string, into map[Cause]int64) error {
	for after := ""; ; {
		page, err := t.list(ctx, Filter{Status: status, Limit: MaxLimit}, after)
		if err != nil {
			return err
		}
		for _, c := range page {
			if _, reason := c.status(); reason != "" {
				into[Cause{Reason: reason}]++
			}
		}
		if len(page) < MaxLimit {
			return nil
		}
		after = page[len(page)-1].id
	}
}

// because reports whether the reason of the contact, or of a field that is not in step, holds the text.
func (c Contact) because(text string) bool {
	return strings.Contains(c.Reason, text) || slices.ContainsFunc(c.Fields, func(f Field) bool {
		return f.State != InStep && strings.Contains(f.Field+": "+f.Reason, text)
	})
}

// Holding returns the contacts that hold a record linked in the way: one of the planner's link states.
func (r *Reader) Holding(ctx context.Context, link string) ([]Contact, error) {
	var ids []string
	err := r.read(ctx, func(t rows) error {
		found, err := t.q.Query(ctx, `SELECT DISTINCT contact FROM contact_record
			WHERE connection = $1 AND version = $2 AND link = $3`, t.connection, t.version, link)
		ids, err = eventstore.Scan(found, err, func(row eventstore.Rows) (id string, err error) {
			return id, row.Scan(&id)
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("contacts with a record that is %s: %w", link, err)
	}
	return r.byIDs(ctx, ids...)
}
