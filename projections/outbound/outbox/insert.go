package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// Insert adds commands in the planner's transaction, each payload sealed under its source record's key. A row without
// a source is sealed under its target. Of what is reserved, the batches are what may be sent once that is committed; the
// rest waits. It returns those whose record was erased meanwhile, which are not added: the caller appends an outcome for
// each.
func Insert(ctx context.Context, tx eventstore.Tx, vault eventstore.Vault, connection string, rows []Row,
	now time.Time, reserved ...*Reservation,
) (erased []Row, err error) {
	if len(rows) == 0 {
		return nil, nil
	}
	rows, subjects, err := complete(rows)
	if err != nil {
		return nil, err
	}
	if err := vault.Prefetch(ctx, subjects...); err != nil && !errors.Is(err, eventstore.ErrErased) {
		return nil, fmt.Errorf("load the keys of %d commands: %w", len(rows), err)
	}
	rows, sealed, erased, err := sealAll(ctx, vault, rows)
	if err != nil {
		return nil, err
	}
	leaving, err := settleIn(ctx, tx, connection, reserved, erased)
	if err != nil || len(rows) == 0 {
		return erased, err
	}
	all := make([][]any, len(rows))
	for i, r := range rows {
		e := leaving[r.Command]
		if e == nil {
			e = &Entry{State: Waiting, NextAt: now.UnixMicro()}
		}
		e.Row, e.Subject, e.Created, e.sealed = r, r.Source.Stream(), now.UnixMicro(), sealed[i]
		all[i] = encode(connection, e)
	}
	op := eventstore.BulkOp{Mode: eventstore.Insert, Table: "outbox", Columns: columns, Key: 2}
	if err := tx.Bulk(ctx, op, all); err != nil {
		return nil, fmt.Errorf("insert %d commands: %w", len(all), err)
	}
	return erased, nil
}

// sealAll seals the payloads, and sets the rows apart whose record is erased.
func sealAll(ctx context.Context, vault eventstore.Vault, rows []Row) (kept []Row, sealed [][]byte, erased []Row, err error) {
	for _, r := range rows {
		payload, err := seal(ctx, vault, r)
		switch {
		case errors.Is(err, eventstore.ErrErased):
			erased = append(erased, r)
		case err != nil:
			return nil, nil, nil, err
		default:
			kept, sealed = append(kept, r), append(sealed, payload)
		}
	}
	return kept, sealed, erased, nil
}

// complete checks the rows, gives each its source, and lists the subjects.
func complete(rows []Row) ([]Row, []string, error) {
	rows, subjects := slices.Clone(rows), make([]string, len(rows))
	for i := range rows {
		if rows[i].Source.IsZero() {
			rows[i].Source = rows[i].Record
		}
		if err := check(rows[i]); err != nil {
			return nil, nil, fmt.Errorf("command %s: %w", rows[i].Command, err)
		}
		subjects[i] = rows[i].Source.Stream()
	}
	return rows, subjects, nil
}

func seal(ctx context.Context, vault eventstore.Vault, r Row) ([]byte, error) {
	plain, err := json.Marshal(r.Payload)
	if err != nil {
		return nil, fmt.Errorf("command %s: a value is not JSON", r.Command)
	}
	sealed, err := vault.Seal(ctx, r.Source.Stream(), purpose(r.Command), plain)
	if err != nil {
		return nil, fmt.Errorf("seal command %s: %w", r.Command, err)
	}
	return sealed, nil
}

// encode gives the values of a row in the order of columns. next_at starts as the moment of insertion, which makes the
// queue fair, or as the end of its attempt; an urgent row stands before all others.
func encode(connection string, e *Entry) []any {
	attempt, next := "", e.NextAt
	if !e.Attempt.IsZero() {
		attempt = e.Attempt.String()
	}
	if e.Urgent {
		next = firstInLine
	}
	return []any{
		connection, e.Command.String(), string(e.System), e.Lane(), e.Input, e.Kind, e.Contact.String(), e.Record.ID,
		e.Source.Stream(), e.Urgent, e.State, int64(e.Attempts), attempt, e.epoch, e.Deadline, next, e.Created,
		e.Subject, e.sealed, "",
	}
}

// check refuses what could never be sent.
func check(r Row) error {
	targeted := r.Kind == domain.KindUpdate || r.Kind == domain.KindRead
	switch {
	case !targeted && r.Kind != domain.KindCreate && r.Kind != domain.KindLookup:
		return fmt.Errorf("unknown kind %q", r.Kind)
	case !r.System.Valid():
		return fmt.Errorf("unknown system %q", r.System)
	case targeted == r.Record.IsZero():
		return fmt.Errorf("a %s has a target record or none, and this is the wrong one", r.Kind)
	case !r.Record.IsZero() && r.Record.System != r.System:
		return fmt.Errorf("target %s is not in %s", r.Record, r.System)
	case r.Source.IsZero():
		return fmt.Errorf("a %s needs a source record", r.Kind)
	}
	return nil
}
