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
// a source is sealed under its target. It returns those whose record was erased meanwhile, which are not added: the caller
// appends an outcome for each.
func Insert(ctx context.Context, tx eventstore.Tx, vault eventstore.Vault, connection string, rows []Row,
	now time.Time,
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
	all := make([][]any, 0, len(rows))
	for _, r := range rows {
		values, err := encode(ctx, vault, connection, r, now.UnixMicro())
		switch {
		case errors.Is(err, eventstore.ErrErased):
			erased = append(erased, r)
		case err != nil:
			return nil, err
		default:
			all = append(all, values)
		}
	}
	if len(all) == 0 {
		return erased, nil
	}
	op := eventstore.BulkOp{Mode: eventstore.Insert, Table: "outbox", Columns: columns, Key: 2}
	if err := tx.Bulk(ctx, op, all); err != nil {
		return nil, fmt.Errorf("insert %d commands: %w", len(all), err)
	}
	return erased, nil
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

// encode gives the values of a row in the order of columns. next_at starts as the moment of insertion, which makes
// the queue fair; an urgent row starts at 0 and so stands before all others.
func encode(ctx context.Context, vault eventstore.Vault, connection string, r Row, now int64) ([]any, error) {
	plain, err := json.Marshal(r.Payload)
	if err != nil {
		return nil, fmt.Errorf("command %s: a value is not JSON", r.Command)
	}
	subject := r.Source.Stream()
	sealed, err := vault.Seal(ctx, subject, purpose(r.Command), plain)
	if err != nil {
		return nil, fmt.Errorf("seal command %s: %w", r.Command, err)
	}
	next, urgent := now, int64(0)
	if r.Urgent {
		next, urgent = firstInLine, 1
	}
	return []any{
		connection, r.Command.String(), string(r.System), r.Lane(), r.Input, r.Kind, r.Contact.String(), r.Record.ID,
		r.Source.Stream(), urgent, Waiting, int64(0), int64(0), "", int64(0), int64(0), next, now, subject, sealed, "",
	}, nil
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
