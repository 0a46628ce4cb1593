package contacts

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/duolog/duolog/eventstore"
)

func text(name string) eventstore.Column {
	return eventstore.Column{Name: name, Kind: eventstore.Text}
}

func number(name string) eventstore.Column {
	return eventstore.Column{Name: name, Kind: eventstore.Int}
}

func bytesCol(name string) eventstore.Column {
	return eventstore.Column{Name: name, Kind: eventstore.Bytes}
}

var (
	recordOp = eventstore.BulkOp{Mode: eventstore.Upsert, Table: "contact_record", Key: 3, Columns: []eventstore.Column{
		text("connection"), number("version"), text("record"), text("contact"), text("link"), number("linked_by"),
		number("linked_at"), bytesCol("body"), number("position"),
	}}
	contactOp = eventstore.BulkOp{Mode: eventstore.Upsert, Table: "contact", Key: 3, Columns: []eventstore.Column{
		text("connection"), number("version"), text("contact"), text("status"), text("alias_of"), text("body"),
		number("pending"), number("apart"), number("held"), number("failing"), number("created_at"),
		number("updated_at"), number("position"),
	}}
	fieldOp = eventstore.BulkOp{Mode: eventstore.Upsert, Table: "contact_field", Key: 4, Columns: []eventstore.Column{
		text("connection"), number("version"), text("contact"), text("field"), text("state"), text("reason"),
		number("position"),
	}}
	fieldGone = eventstore.BulkOp{
		Mode: eventstore.Delete, Table: "contact_field", Key: 4, Columns: fieldOp.Columns[:4],
	}
	keyOp = eventstore.BulkOp{Mode: eventstore.InsertNew, Table: "contact_key", Key: 4, Columns: []eventstore.Column{
		text("connection"), number("version"), bytesCol("key"), text("record"),
	}}
	keyGone  = eventstore.BulkOp{Mode: eventstore.Delete, Table: "contact_key", Key: 4, Columns: keyOp.Columns}
	policyOp = eventstore.BulkOp{
		Mode: eventstore.Upsert, Table: "contact_policy", Key: 3,
		Columns: []eventstore.Column{text("connection"), number("version"), number("position"), text("body")},
	}
)

// batch is the rows of one op.
type batch struct {
	op   eventstore.BulkOp
	rows [][]any
}

// write stores everything the fold changed, one statement a table.
func (t rows) write(ctx context.Context, f *fold) error {
	recordRows, err := t.recordRows(ctx, f)
	if err != nil {
		return err
	}
	contactRows, err := t.contactRows(f)
	if err != nil {
		return err
	}
	keys, oldKeys := t.keyRows(f)
	fields, oldFields := t.fieldRows(f)
	for _, b := range []batch{
		{recordOp, recordRows},
		{contactOp, contactRows},
		{fieldOp, fields},
		{fieldGone, oldFields},
		{keyOp, keys},
		{keyGone, oldKeys},
		{policyOp, t.policyRows(f)},
	} {
		if len(b.rows) == 0 {
			continue
		}
		if err := t.q.Bulk(ctx, b.op, b.rows); err != nil {
			return fmt.Errorf("write %s: %w", b.op.Table, err)
		}
	}
	return nil
}

func (t rows) recordRows(ctx context.Context, f *fold) ([][]any, error) {
	var out [][]any
	for _, stream := range sortedKeys(f.records) {
		r := f.records[stream]
		if !r.dirty {
			continue
		}
		if r.reseal {
			if err := f.seal(ctx, r); err != nil {
				return nil, err
			}
		}
		sealed := r.sealed
		if sealed == nil {
			sealed = []byte{}
		}
		out = append(out, []any{
			t.connection, t.version, stream, r.contact, string(r.link), r.linked.Input, r.linked.Position,
			sealed, r.position,
		})
	}
	return out, nil
}

func (f *fold) seal(ctx context.Context, r *record) error {
	plain, err := json.Marshal(r.body)
	if err != nil {
		return fmt.Errorf("encode a record's values: %w", err)
	}
	r.sealed, err = f.vault.Seal(ctx, r.stream, purpose, plain)
	if errors.Is(err, eventstore.ErrErased) {
		r.erase()
		return nil
	}
	return err
}

func (t rows) contactRows(f *fold) ([][]any, error) {
	var out [][]any
	for _, id := range sortedKeys(f.contacts) {
		c := f.contacts[id]
		if !c.dirty {
			continue
		}
		body, err := json.Marshal(c.body)
		if err != nil {
			return nil, fmt.Errorf("encode contact %s: %w", id, err)
		}
		status, _ := c.status()
		n := c.tally()
		out = append(out, []any{
			t.connection, t.version, id, status, c.aliasOf, string(body),
			n[Pending], n[Apart], n[Held], n[Failing], c.created, c.updated, c.position,
		})
	}
	return out, nil
}

// fieldRows returns the rows of fields that are not in step, and the keys of those that are so no longer.
func (t rows) fieldRows(f *fold) (now, gone [][]any) {
	for _, id := range sortedKeys(f.contacts) {
		c := f.contacts[id]
		if !c.dirty {
			continue
		}
		fields := c.notInStep()
		for _, name := range sortedKeys(fields) {
			if fl := fields[name]; c.oldFields[name] != fl {
				now = append(now, []any{t.connection, t.version, id, name, fl.State, fl.Reason, fl.Position})
			}
		}
		for _, name := range sortedKeys(c.oldFields) {
			if _, ok := fields[name]; !ok {
				gone = append(gone, []any{t.connection, t.version, id, name})
			}
		}
	}
	return now, gone
}

// keyRows returns the blind keys that records won and lost.
func (t rows) keyRows(f *fold) (won, lost [][]any) {
	for _, stream := range sortedKeys(f.records) {
		r := f.records[stream]
		won = t.keysBut(won, stream, r.body.Keys, r.oldKeys)
		lost = t.keysBut(lost, stream, r.oldKeys, r.body.Keys)
	}
	return won, lost
}

func (t rows) keysBut(out [][]any, stream string, keys, but []string) [][]any {
	for _, key := range keys {
		if slices.Contains(but, key) {
			continue
		}
		if blind, err := hex.DecodeString(key); err == nil {
			out = append(out, []any{t.connection, t.version, blind, stream})
		}
	}
	return out
}

func (t rows) policyRows(f *fold) [][]any {
	var out [][]any
	for _, p := range f.policies {
		if p.fresh {
			out = append(out, []any{t.connection, t.version, p.position, p.body})
		}
	}
	return out
}
