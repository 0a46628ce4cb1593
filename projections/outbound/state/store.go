package state

import (
	"context"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// Store reads and writes one version of a connection's planner state.
type Store struct {
	Connection string
	Vault      eventstore.Vault
	Version    int64
}

// body is the sealed part of a record's row.
type body struct {
	Seen    map[string]planner.Seen `json:"seen,omitempty"`
	Answers map[string]planner.Seen `json:"answers,omitempty"`
	// Replaced is what was told before Seen.
	Replaced map[string]planner.Seen `json:"replaced,omitempty"`
}

const bodyPurpose = "outbound/record"

var (
	recordColumns = []eventstore.Column{
		{Name: "connection", Kind: eventstore.Text},
		{Name: "version", Kind: eventstore.Int},
		{Name: "record", Kind: eventstore.Text},
		{Name: "contact", Kind: eventstore.Text},
		{Name: "link", Kind: eventstore.Text},
		{Name: "meta", Kind: eventstore.Text},
		{Name: "body", Kind: eventstore.Bytes},
	}
	contactColumns = []eventstore.Column{
		{Name: "connection", Kind: eventstore.Text},
		{Name: "version", Kind: eventstore.Int},
		{Name: "contact", Kind: eventstore.Text},
		{Name: "dirty", Kind: eventstore.Int},
		{Name: "head_at", Kind: eventstore.Int},
		{Name: "body", Kind: eventstore.Text},
	}
	keyColumns = []eventstore.Column{
		{Name: "connection", Kind: eventstore.Text},
		{Name: "version", Kind: eventstore.Int},
		{Name: "key", Kind: eventstore.Bytes},
		{Name: "record", Kind: eventstore.Text},
	}
)

// Dirty lists contacts that wait for the sync to open and were not planned at the position yet, in id order.
func (s Store) Dirty(ctx context.Context, q eventstore.Querier, before int64, limit int) ([]ulid.ULID, error) {
	rows, err := q.Query(ctx, `SELECT contact FROM outbound_contact WHERE connection = $1 AND version = $2 AND dirty = 1
		AND head_at < $3 ORDER BY connection, version, contact LIMIT $4`, s.Connection, s.Version, before, int64(limit))
	return scanContacts("list dirty contacts", rows, err)
}

// Contacts lists contacts behind one, in the database's order, those that are another's alias by now among them.
func (s Store) Contacts(ctx context.Context, q eventstore.Querier, after string, limit int) ([]ulid.ULID, error) {
	rows, err := q.Query(ctx, `SELECT contact FROM outbound_contact WHERE connection = $1 AND version = $2 AND contact > $3
		ORDER BY contact LIMIT $4`, s.Connection, s.Version, after, int64(limit))
	return scanContacts("list contacts", rows, err)
}

func scanContacts(what string, rows eventstore.Rows, err error) ([]ulid.ULID, error) {
	ids, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (ulid.ULID, error) {
		var id string
		if err := r.Scan(&id); err != nil {
			return ulid.ULID{}, err
		}
		return ulid.ParseStrict(id)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return ids, nil
}

// Records lists the streams of records behind one, in the database's order, those of one system or, for none, of both.
// The order may be any language's, so a system's streams are told by their beginning, never by where they stand.
func (s Store) Records(ctx context.Context, q eventstore.Querier, system domain.System, after string, limit int) (
	[]string, error,
) {
	rows, err := q.Query(ctx, `SELECT record FROM outbound_record WHERE connection = $1 AND version = $2
		AND record > $3 AND record LIKE $4 ORDER BY record LIMIT $5`,
		s.Connection, s.Version, after, string(system)+"%", int64(limit))
	ids, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (string, error) {
		var id string
		return id, r.Scan(&id)
	})
	if err != nil {
		return nil, fmt.Errorf("list records: %w", err)
	}
	return ids, nil
}
