package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/duolog/duolog/eventstore"
)

// ParkedBody is an item of another portal that is kept aside, opened.
type ParkedBody struct {
	ID, Subject string
	At          int64 // when it came, µs UTC
	Body        []byte
}

// ParkedBodies opens the items a connection keeps aside.
func ParkedBodies(ctx context.Context, q eventstore.Querier, log eventstore.Log) ([]ParkedBody, error) {
	rows, err := q.Query(ctx, "SELECT id, subject, at, body FROM parked_delivery WHERE connection = $1", log.Connection())
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (p ParkedBody, err error) {
		return p, r.Scan(&p.ID, &p.Subject, &p.At, &p.Body)
	})
	if err != nil {
		return nil, fmt.Errorf("read parked items: %w", err)
	}
	for i, p := range all {
		all[i].Body, err = log.Vault().Open(ctx, p.Subject, parkedPurpose(p.ID), p.Body)
		if err != nil && !errors.Is(err, eventstore.ErrErased) {
			return nil, fmt.Errorf("open a parked item: %w", err)
		}
	}
	return all, nil
}

// parkedPurpose binds a sealed item to its row.
func parkedPurpose(id string) string { return "parked_delivery/" + id }

// DropParked removes items kept aside.
func DropParked(ctx context.Context, tx eventstore.Tx, connection string, ids []string) error {
	rows, err := tx.QueryKeys(ctx, "DELETE FROM parked_delivery WHERE connection = $1 AND id IN ($keys) RETURNING id", ids, connection)
	_, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (id string, err error) { return id, r.Scan(&id) })
	if err != nil {
		return fmt.Errorf("drop parked items: %w", err)
	}
	return nil
}

// refusals is how often an event is tried that is refused and is of nobody who was erased: others erase, and let in, meanwhile.
const refusals = 5

// StoreRefused stores an event that was refused because its person was erased: without what it told, once joins or the key of
// its subject says so. Where neither does, the person was let in meanwhile, and it is stored as it is.
func StoreRefused(ctx context.Context, vault eventstore.Vault, e *eventstore.NewEvent,
	joins func(context.Context, eventstore.NewEvent) (bool, error), store func(eventstore.NewEvent) error,
) error {
	var err error
	for range refusals {
		var gone bool
		if gone, err = isErased(ctx, vault, *e, joins); err != nil {
			return err
		}
		if gone {
			*e = suppressed(*e)
		}
		if err = store(*e); gone || !errors.Is(err, eventstore.ErrErased) {
			return err
		}
	}
	return err
}

// isErased reports whether the record of an event is erased, by now.
func isErased(ctx context.Context, vault eventstore.Vault, e eventstore.NewEvent,
	joins func(context.Context, eventstore.NewEvent) (bool, error),
) (bool, error) {
	if joined, err := joins(ctx, e); joined || err != nil {
		return joined, err
	}
	_, err := vault.Seal(ctx, e.Subject, "probe", nil)
	if errors.Is(err, eventstore.ErrErased) {
		return true, nil
	}
	return false, err
}
