package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// row is a record's row as stored.
type row struct {
	record, meta string
	body         []byte
}

func (s Store) byKey(ctx context.Context, q eventstore.Querier, keys map[identity.Key]bool) ([]string, error) {
	blind := make([][]byte, 0, len(keys))
	for k := range keys {
		blind = append(blind, s.Vault.Blind(k.Kind, k.Value))
	}
	if len(blind) == 0 {
		return nil, nil
	}
	rows, err := q.QueryKeys(ctx,
		"SELECT record FROM outbound_key WHERE connection = $1 AND version = $2 AND key IN ($keys)",
		blind, s.Connection, s.Version)
	ids, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (string, error) {
		var id string
		return id, r.Scan(&id)
	})
	if err != nil {
		return nil, fmt.Errorf("look records up by key: %w", err)
	}
	return ids, nil
}

// records loads rows by one of the table's columns, record or contact.
func (s Store) records(ctx context.Context, q eventstore.Querier, column string, keys []string) ([]row, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	rows, err := q.QueryKeys(ctx, "SELECT record, meta, body FROM outbound_record WHERE connection = $1 AND version = $2 AND "+
		column+" IN ($keys)", keys, s.Connection, s.Version)
	got, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (row, error) {
		var w row
		return w, r.Scan(&w.record, &w.meta, &w.body)
	})
	if err != nil {
		return nil, fmt.Errorf("load records: %w", err)
	}
	return got, nil
}

// open puts rows into the view.
func (s Store) open(ctx context.Context, v *planner.View, rows []row) error {
	subjects := make([]string, len(rows))
	for i, w := range rows {
		subjects[i] = w.record
	}
	if err := s.Vault.Prefetch(ctx, subjects...); err != nil {
		return fmt.Errorf("load keys: %w", err)
	}
	for _, w := range rows {
		r := &planner.Record{}
		if err := json.Unmarshal([]byte(w.meta), r); err != nil {
			return fmt.Errorf("record %s: %w", w.record, err)
		}
		if v.Record(r.ID) != nil {
			continue
		}
		b, err := s.openBody(ctx, w)
		if err != nil {
			return err
		}
		r.Seen, r.Answers, r.Replaced = b.Seen, b.Answers, b.Replaced
		v.AddRecord(r)
	}
	return nil
}

// openBody opens a row's values. A record whose key was destroyed has none.
func (s Store) openBody(ctx context.Context, w row) (b body, err error) {
	if len(w.body) == 0 {
		return b, nil
	}
	plain, err := s.Vault.Open(ctx, w.record, bodyPurpose, w.body)
	switch {
	case errors.Is(err, eventstore.ErrErased):
		return b, nil
	case err != nil:
		return b, fmt.Errorf("open record %s: %w", w.record, err)
	case json.Unmarshal(plain, &b) != nil:
		return b, fmt.Errorf("record %s: its sealed row is not JSON", w.record)
	}
	return b, nil
}

func (s Store) contacts(ctx context.Context, q eventstore.Querier, v *planner.View, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	rows, err := q.QueryKeys(ctx,
		"SELECT body FROM outbound_contact WHERE connection = $1 AND version = $2 AND contact IN ($keys)",
		ids, s.Connection, s.Version)
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (string, error) {
		var b string
		return b, r.Scan(&b)
	})
	if err != nil {
		return fmt.Errorf("load contacts: %w", err)
	}
	for _, b := range all {
		c := &planner.Contact{}
		if err := json.Unmarshal([]byte(b), c); err != nil {
			return fmt.Errorf("load contacts: %w", err)
		}
		v.AddContact(c)
	}
	return nil
}
