package contacts

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/eventstore"
)

// maxFound bounds what a common word of a name may bring.
const maxFound = 100

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
		streams, err := r.streams(ctx, t, text)
		if err != nil || len(streams) == 0 {
			return nil, err
		}
		records, err := t.records(ctx, streams)
		if err != nil {
			return nil, err
		}
		var ids []string
		for _, rec := range records {
			if rec.contact != "" {
				ids = append(ids, rec.contact)
			}
		}
		return t.resolve(ctx, f, ids)
	})
}

// streams returns the records the text means.
func (r *Reader) streams(ctx context.Context, t rows, text string) ([]string, error) {
	if rec, err := domain.ParseRecord(text); err == nil {
		return []string{rec.Stream()}, nil
	}
	keys, err := r.keys(ctx, t, text)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	return t.having(ctx, keys)
}

// keys returns the blind keys a record must all have.
func (r *Reader) keys(ctx context.Context, t rows, text string) ([][]byte, error) {
	v := r.log.Vault()
	raw, err := json.Marshal(text)
	if err != nil {
		return nil, err
	}
	if strings.Contains(text, "@") {
		if email, err := domain.Canonical(domain.Email, raw, domain.Format{}); err == nil && email != "" {
			return [][]byte{blindKey(v, identity.KindEmail, email)}, nil
		}
		return nil, nil
	}
	policies, err := t.allPolicies(ctx)
	if err != nil {
		return nil, err
	}
	format := domain.Format{Region: policies[len(policies)-1].settings.PhoneRegion}
	if phone, err := domain.Canonical(domain.Phone, raw, format); err == nil && phone != "" {
		return [][]byte{blindKey(v, identity.KindPhone, phone)}, nil
	}
	var keys [][]byte
	for _, word := range words(text) {
		keys = append(keys, blindKey(v, kindName, word))
	}
	return keys, nil
}

// having returns the records that have every one of the keys.
func (t rows) having(ctx context.Context, keys [][]byte) ([]string, error) {
	found, err := t.q.QueryKeys(ctx, `SELECT record, key FROM contact_key
		WHERE connection = $1 AND version = $2 AND key IN ($keys)`, keys, t.connection, t.version)
	counts, wanted := map[string]map[string]bool{}, map[string]bool{}
	for _, key := range keys {
		wanted[string(key)] = true
	}
	_, err = eventstore.Scan(found, err, func(row eventstore.Rows) (string, error) {
		var (
			stream string
			key    []byte
		)
		err := row.Scan(&stream, &key)
		if counts[stream] == nil {
			counts[stream] = map[string]bool{}
		}
		counts[stream][string(key)] = true
		return stream, err
	})
	if err != nil {
		return nil, fmt.Errorf("look up keys: %w", err)
	}
	var streams []string
	for _, stream := range sortedKeys(counts) {
		if len(counts[stream]) == len(wanted) && len(streams) < maxFound {
			streams = append(streams, stream)
		}
	}
	return streams, nil
}
