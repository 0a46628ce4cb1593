package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// Changes are the rows a view wants written, sealed before the transaction begins.
type Changes struct {
	control                      planner.Control
	text                         string // control as JSON
	records, contacts, lost, won [][]any
	forgotten                    []string // records whose keys go, whatever they are
}

// Seal makes the rows of everything that changed in the view since it was loaded.
func (s Store) Seal(ctx context.Context, v *planner.View) (Changes, error) {
	control, err := json.Marshal(v.Control)
	if err != nil {
		return Changes{}, fmt.Errorf("planner state: %w", err)
	}
	c := Changes{control: v.Control, text: string(control)}
	records, contacts, _ := v.Changed()
	for _, r := range v.Forgotten() {
		c.forgotten = append(c.forgotten, r.Stream())
	}
	subjects := make([]string, len(records))
	for i, r := range records {
		subjects[i] = r.ID.Stream()
	}
	if err := s.Vault.Prefetch(ctx, subjects...); err != nil {
		return c, fmt.Errorf("load keys: %w", err)
	}
	for _, r := range records {
		if err := s.sealRecord(ctx, r, &c); err != nil {
			return c, err
		}
	}
	for _, k := range contacts {
		b, err := json.Marshal(k)
		if err != nil {
			return c, fmt.Errorf("contact %s: %w", k.ID, err)
		}
		c.contacts = append(c.contacts, []any{
			s.Connection, s.Version, k.ID.String(), flag(k.Head.Dirty), k.HeadAt, string(b),
		})
	}
	return c, nil
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (s Store) sealRecord(ctx context.Context, r *planner.Record, c *Changes) error {
	meta, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("record %s: %w", r.ID, err)
	}
	plain, err := json.Marshal(body{r.Seen, r.Answers, r.Replaced})
	if err != nil {
		return fmt.Errorf("record %s: a value is not JSON", r.ID)
	}
	var sealed []byte
	if len(r.Seen)+len(r.Answers)+len(r.Replaced) == 0 {
		sealed = []byte{} // whether or not its key was destroyed and this process has heard of it
	} else {
		sealed, err = s.Vault.Seal(ctx, r.ID.Stream(), bodyPurpose, plain)
	}
	if errors.Is(err, eventstore.ErrErased) {
		sealed, err = []byte{}, nil
	}
	if err != nil {
		return fmt.Errorf("seal record %s: %w", r.ID, err)
	}
	c.records = append(c.records, []any{
		s.Connection, s.Version, r.ID.Stream(), contactText(r.Link.Contact), string(r.Link.State), string(meta), sealed,
	})
	s.keys(r.ID.Stream(), r, c)
	return nil
}

// keys adds what changed in the record's match keys. The unique key is not kept here: it names a contact, and that is
// loaded by its id.
func (s Store) keys(record string, r *planner.Record, c *Changes) {
	lost, won := r.KeyChanges()
	c.lost = append(c.lost, s.keyRows(record, lost)...)
	c.won = append(c.won, s.keyRows(record, won)...)
}

func (s Store) keyRows(record string, keys []identity.Key) [][]any {
	rows := make([][]any, 0, len(keys))
	for _, k := range keys {
		if k.Kind != identity.KindUnique {
			rows = append(rows, []any{s.Connection, s.Version, s.Vault.Blind(k.Kind, k.Value), record})
		}
	}
	return rows
}

func contactText(id ulid.ULID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

// forget removes what erased records were found by. Their rows can be read no more, and those of a page under way when
// they were erased may have come after.
func (s Store) forget(ctx context.Context, tx eventstore.Tx, records []string) error {
	if len(records) == 0 {
		return nil
	}
	rows, err := tx.QueryKeys(ctx, `DELETE FROM outbound_key WHERE connection = $1 AND version = $2 AND record IN ($keys)
		RETURNING record`, records, s.Connection, s.Version)
	_, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (id string, err error) { return id, r.Scan(&id) })
	if err != nil {
		return fmt.Errorf("forget keys: %w", err)
	}
	return nil
}

func (c Changes) save(ctx context.Context, tx eventstore.Tx) error {
	ops := []struct {
		op   eventstore.BulkOp
		rows [][]any
	}{
		{eventstore.BulkOp{Mode: eventstore.Upsert, Table: "outbound_record", Columns: recordColumns, Key: 3}, c.records},
		{eventstore.BulkOp{Mode: eventstore.Upsert, Table: "outbound_contact", Columns: contactColumns, Key: 3}, c.contacts},
		{eventstore.BulkOp{Mode: eventstore.Delete, Table: "outbound_key", Columns: keyColumns, Key: 4}, c.lost},
		{eventstore.BulkOp{Mode: eventstore.InsertNew, Table: "outbound_key", Columns: keyColumns, Key: 4}, c.won},
	}
	for _, o := range ops {
		if len(o.rows) == 0 {
			continue
		}
		if err := tx.Bulk(ctx, o.op, o.rows); err != nil {
			return fmt.Errorf("save planner state: %w", err)
		}
	}
	return nil
}
