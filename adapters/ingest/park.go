package ingest

import (
	"context"
	"fmt"
	"net/http"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// ParkedSize is how many foreign items a connection keeps, the newest.
const ParkedSize = 1000

const (
	parkPrune = `DELETE FROM parked_delivery WHERE connection = $1 AND id <= (
	SELECT id FROM parked_delivery WHERE connection = $1 ORDER BY connection DESC, id DESC LIMIT 1 OFFSET $2)`
	parkList = `SELECT id, at, system, account, vendor, reason FROM parked_delivery
	WHERE connection = $1 ORDER BY connection DESC, id DESC LIMIT $2`
)

var parkInsert = eventstore.BulkOp{
	Mode: eventstore.InsertNew, Table: "parked_delivery", Key: 2,
	Columns: []eventstore.Column{
		{Name: "connection", Kind: eventstore.Text},
		{Name: "key", Kind: eventstore.Bytes},
		{Name: "id", Kind: eventstore.Text},
		{Name: "at", Kind: eventstore.Int},
		{Name: "system", Kind: eventstore.Text},
		{Name: "account", Kind: eventstore.Text},
		{Name: "vendor", Kind: eventstore.Text},
		{Name: "reason", Kind: eventstore.Text},
		{Name: "subject", Kind: eventstore.Text},
		{Name: "body", Kind: eventstore.Bytes},
	},
}

// park keeps items that are not this connection's, sealed, and returns how many. A redelivered item that is there
// already stays as it is.
func (in *Ingest) park(ctx context.Context, arrivals []adapters.Arrival, reason string) (int, error) {
	events, subjects := make([]eventstore.NewEvent, len(arrivals)), make([]string, len(arrivals))
	for i, a := range arrivals {
		events[i] = in.event(a)
		subjects[i] = "raw/" + events[i].ID.String()
	}
	if err := in.cfg.Log.Vault().Prefetch(ctx, subjects...); err != nil {
		return 0, fmt.Errorf("keys of foreign items: %w", err)
	}
	var rows [][]any
	seen := map[string]bool{}
	for i, e := range events {
		e.Subject = subjects[i]
		if e.Key == nil {
			e.Key = e.ID[:]
		}
		if seen[string(e.Key)] {
			continue
		}
		seen[string(e.Key)] = true
		row, err := in.parkedRow(ctx, arrivals[i], e, reason)
		if err != nil {
			return 0, fmt.Errorf("seal a foreign item: %w", err)
		}
		rows = append(rows, row)
	}
	if err := in.cfg.Ring.park(ctx, in.Connection(), rows); err != nil {
		return 0, err
	}
	return len(arrivals), nil
}

func (in *Ingest) parkedRow(ctx context.Context, a adapters.Arrival, e eventstore.NewEvent,
	reason string,
) ([]any, error) {
	body, err := in.cfg.Log.Vault().Seal(ctx, e.Subject, parkedPurpose(e.ID.String()), e.Data)
	if err != nil {
		return nil, err
	}
	vendor := a.Fact.Vendor
	if a.Raw != nil {
		vendor = a.Raw.Vendor
	}
	return []any{
		in.Connection(), e.Key, e.ID.String(), in.cfg.Clock().UnixMicro(), string(in.System()), plain(a.Account),
		plain(vendor), reason, e.Subject, body,
	}, nil
}

func (r *Ring) park(ctx context.Context, connection string, rows [][]any) error {
	err := r.db.InTx(ctx, func(tx eventstore.Tx) error {
		if err := tx.Bulk(ctx, parkInsert, rows); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, parkPrune, connection, int64(ParkedSize))
		return err
	})
	if err != nil {
		return fmt.Errorf("park %d foreign items: %w", len(rows), err)
	}
	return nil
}

func (r *Ring) parkedLines(ctx context.Context, connection string, limit int) ([]Line, error) {
	rows, err := r.db.Query(ctx, parkList, connection, int64(limit))
	lines, err := eventstore.Scan(rows, err, func(rows eventstore.Rows) (Line, error) {
		l := Line{Kind: KindParked, Status: http.StatusOK}
		var id, system string
		if err := rows.Scan(&id, &l.At, &system, &l.Account, &l.Vendor, &l.Reason); err != nil {
			return l, err
		}
		l.System = domain.System(system)
		var err error
		l.ID, err = ulid.ParseStrict(id)
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("list parked items: %w", err)
	}
	return lines, nil
}
