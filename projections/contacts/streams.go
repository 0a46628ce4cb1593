package contacts

import (
	"context"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

// Streams returns the streams that tell a contact's story: those of its records, merged and deleted ones included,
// and those of its decisions under every id it ever had. ErrNotFound when there is no such contact.
func (r *Reader) Streams(ctx context.Context, id ulid.ULID) ([]string, error) {
	set := map[string]bool{}
	err := r.read(ctx, func(t rows) error {
		clear(set)
		found, err := t.resolve(ctx, newFold(nil), []string{id.String()})
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return ErrNotFound
		}
		for _, m := range found[0].body.Members {
			set[m.name] = true
		}
		ids, err := t.formerIDs(ctx, found[0].id)
		for _, id := range ids {
			set[contactStream(id)] = true
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("streams of contact %s: %w", id, err)
	}
	return sortedKeys(set), nil
}

// formerIDs returns the id and every other that means it now.
func (t rows) formerIDs(ctx context.Context, id string) ([]string, error) {
	ids := []string{id}
	for i := 0; i < len(ids); i++ {
		found, err := t.q.Query(ctx, `SELECT contact FROM contact
			WHERE connection = $1 AND version = $2 AND status = $3 AND alias_of = $4
			ORDER BY connection, version, status, contact`, t.connection, t.version, Alias, ids[i])
		more, err := eventstore.Scan(found, err, func(row eventstore.Rows) (string, error) {
			var former string
			err := row.Scan(&former)
			return former, err
		})
		if err != nil {
			return nil, err
		}
		ids = append(ids, more...)
	}
	return ids, nil
}
