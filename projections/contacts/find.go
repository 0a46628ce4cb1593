package contacts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/eventstore"
)

// maxFound bounds what a common word of a name may bring.
const maxFound = 100

// maxWords is how many words of a name are looked for.
const maxWords = 8

// Find resolves what people type: a ULID, hubspot:ID, aloware:ID, an email, a phone, or words of a name. It returns
// every contact that fits, in id order, and none without an error when there is none.
func (r *Reader) Find(ctx context.Context, text string) ([]Contact, error) {
	text = strings.TrimSpace(text)
	found, err := r.find(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("find contact: %w", err)
	}
	return found, nil
}

func (r *Reader) find(ctx context.Context, text string) ([]Contact, error) {
	if id, err := ulid.ParseStrict(strings.ToUpper(text)); err == nil {
		return r.byIDs(ctx, id.String())
	}
	return r.show(ctx, func(t rows, f *fold) ([]*contact, error) {
		ids, err := r.meant(ctx, t, text)
		if err != nil {
			return nil, err
		}
		return t.resolve(ctx, f, ids)
	})
}

// meant returns the contacts of the records that the text means.
func (r *Reader) meant(ctx context.Context, t rows, text string) ([]string, error) {
	if rec, err := domain.ParseRecord(text); err == nil {
		return t.owners(ctx, `SELECT contact FROM contact_record WHERE connection = $1 AND version = $2 AND record = $3`, rec.Stream())
	}
	if strings.Contains(text, "@") {
		raw, err := json.Marshal(text)
		if err != nil {
			return nil, err
		}
		email, err := domain.Canonical(domain.Email, raw, domain.Format{})
		if err != nil || email == "" {
			return nil, nil //nolint:nilerr // what is no address is nobody's
		}
		return t.having(ctx, blindKey(r.log.Vault(), identity.KindEmail, email))
	}
	var invalid *domain.InvalidError
	switch key, err := r.phoneKey(ctx, t, text); {
	case err != nil && !errors.As(err, &invalid):
		return nil, err
	case key != nil:
		return t.having(ctx, key)
	}
	return t.having(ctx, r.nameKeys(text)...)
}

// nameKeys returns the blind keys of the words of a name, long ones first: those are rarer.
func (r *Reader) nameKeys(name string) [][]byte {
	all := words(name)
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	all = slices.Compact(all)
	keys := make([][]byte, 0, maxWords)
	for _, word := range all[:min(len(all), maxWords)] {
		keys = append(keys, blindKey(r.log.Vault(), kindName, word))
	}
	return keys
}

// having returns the contacts of the first records that have every one of the keys. They are found by index entries, in
// the order of those; a subquery for each leaves PostgreSQL no other way, whatever it takes the tables to hold.
func (t rows) having(ctx context.Context, keys ...[]byte) ([]string, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	args, query := []any{keys[0]}, `SELECT COALESCE((SELECT contact FROM contact_record
			WHERE connection = $1 AND version = $2 AND record = k.record), '')
		FROM contact_key k WHERE connection = $1 AND version = $2 AND key = $3`
	for _, key := range keys[1:] {
		args = append(args, key)
		query += fmt.Sprintf(` AND (SELECT COUNT(*) FROM contact_key
			WHERE connection = $1 AND version = $2 AND key = $%d AND record = k.record) = 1`, len(args)+2)
	}
	return t.owners(ctx, query+fmt.Sprintf(` ORDER BY connection, version, key, record LIMIT %d`, maxFound), args...)
}

// owners returns the contacts a query gives for records, which may have none.
func (t rows) owners(ctx context.Context, query string, args ...any) ([]string, error) {
	found, err := t.q.Query(ctx, query, append([]any{t.connection, t.version}, args...)...)
	ids, err := eventstore.Scan(found, err, func(row eventstore.Rows) (string, error) {
		var id string
		err := row.Scan(&id)
		return id, err
	})
	if err != nil {
		return nil, fmt.Errorf("look up records: %w", err)
	}
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" }), nil
}
