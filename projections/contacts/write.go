package contacts

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

var (
	recordTable = projections.Table{Name: "contact_record", Key: 3, Columns: []eventstore.Column{
		projections.Text("connection"), projections.Int("version"), projections.Text("record"),
		projections.Text("contact"), projections.Text("link"), projections.Int("linked_by"),
		projections.Int("linked_at"), projections.Bytes("body"), projections.Int("position"),
	}}
	contactTable = projections.Table{Name: "contact", Key: 3, Columns: []eventstore.Column{
		projections.Text("connection"), projections.Int("version"), projections.Text("contact"),
		projections.Text("status"), projections.Text("alias_of"), projections.Text("body"),
		projections.Int("pending"), projections.Int("apart"), projections.Int("held"), projections.Int("failing"),
		projections.Int("created_at"), projections.Int("updated_at"), projections.Int("position"),
	}}
	fieldTable = projections.Table{Name: "contact_field", Key: 4, Columns: []eventstore.Column{
		projections.Text("connection"), projections.Int("version"), projections.Text("contact"),
		projections.Text("field"), projections.Text("state"), projections.Text("reason"), projections.Int("position"),
	}}
	keyTable = projections.Table{Name: "contact_key", Key: 4, Columns: []eventstore.Column{
		projections.Text("connection"), projections.Int("version"), projections.Bytes("key"), projections.Text("record"),
	}}
	policyTable = projections.Table{Name: "contact_policy", Key: 3, Columns: []eventstore.Column{
		projections.Text("connection"), projections.Int("version"), projections.Int("position"), projections.Text("body"),
	}}
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
		{recordTable.Op(eventstore.Upsert), recordRows},
		{contactTable.Op(eventstore.Upsert), contactRows},
		{fieldTable.Op(eventstore.Upsert), fields},
		{fieldTable.Op(eventstore.Delete), oldFields},
		{keyTable.Op(eventstore.InsertNew), keys},
		{keyTable.Op(eventstore.Delete), oldKeys},
		{policyTable.Op(eventstore.Upsert), t.policyRows(f)},
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
