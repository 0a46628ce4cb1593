package contacts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/duolog/duolog/domain"
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

// writeChunk is the number of rows made, and then written, at once.
const writeChunk = 1000

// Write stores everything that changed.
func (o *folder) Write(ctx context.Context, q eventstore.Querier) error {
	o.keyed, o.fielded = map[string][]string{}, nil
	return projections.WriteBatches(ctx, q, func(ctx context.Context, emit func(...projections.Batch) error) error {
		for chunk := range slices.Chunk(o.records.Changed(), writeChunk) {
			if err := o.emitRecords(ctx, chunk, emit); err != nil {
				return err
			}
		}
		for chunk := range slices.Chunk(o.contacts.Changed(), writeChunk) {
			if err := o.emitContacts(chunk, emit); err != nil {
				return err
			}
		}
		return emit(projections.Batch{Op: policyTable.Op(eventstore.Upsert), Rows: o.policyRows()})
	})
}

// changes are the rows of a table to be written: those it has not, and others. What it has not is inserted without a
// look, which is how many rows are written fast.
type changes struct{ insert, update [][]any }

func (c *changes) add(stored bool, row []any) {
	if stored {
		c.update = append(c.update, row)
	} else {
		c.insert = append(c.insert, row)
	}
}

func (o *folder) emitRecords(ctx context.Context, streams []string, emit func(...projections.Batch) error) error {
	records, err := o.changedRecords(ctx, streams)
	if err != nil {
		return err
	}
	var rows, keys changes
	var lost [][]any
	for _, r := range records {
		now, sealed, err := o.seal(ctx, r)
		if err != nil {
			return err
		}
		rows.add(r.stored, []any{
			o.version.Connection, o.version.Number, r.stream, r.contact, string(r.link), r.linked.Input, r.linked.Position,
			sealed, r.position,
		})
		if r.keysUnder != 0 || !slices.Equal(now, r.keys) {
			o.keyed[r.stream] = now
		}
		for _, key := range without(now, r.keys) {
			keys.add(r.stored, o.keyRow(key, r.stream))
		}
		for _, key := range without(r.keys, now) {
			lost = append(lost, o.keyRow(key, r.stream))
		}
	}
	return emit(
		projections.Batch{Op: recordTable.Op(eventstore.Insert), Rows: rows.insert},
		projections.Batch{Op: recordTable.Op(eventstore.Upsert), Rows: rows.update},
		projections.Batch{Op: keyTable.Op(eventstore.Insert), Rows: keys.insert},
		projections.Batch{Op: keyTable.Op(eventstore.InsertNew), Rows: keys.update},
		projections.Batch{Op: keyTable.Op(eventstore.Delete), Rows: lost})
}

func (o *folder) changedRecords(ctx context.Context, streams []string) ([]*record, error) {
	records := make([]*record, len(streams))
	var subjects []string
	for i, stream := range streams {
		row, _ := o.records.Get(stream)
		r, err := o.decoder.record(stream, row.Data)
		if err != nil {
			return nil, err
		}
		r.stored = row.Stored
		if records[i] = r; r.opened {
			subjects = append(subjects, stream)
		}
	}
	return records, prefetch(ctx, o.version.Vault, subjects)
}

// seal returns the keys the record is to have now, and its body as it is stored.
func (o *folder) seal(ctx context.Context, r *record) (keys []string, sealed []byte, err error) {
	switch {
	case r.erased:
		return nil, erasedMark, nil
	case !r.opened && len(r.sealed) > 0:
		return r.keys, r.sealed, nil
	case !r.opened:
		return r.keys, []byte{}, nil
	}
	keys = r.keys
	if r.keysUnder != 0 {
		rec, err := domain.ParseRecord(r.stream)
		if err != nil {
			return nil, nil, err
		}
		keys = keysOf(o.version.Vault, rec, r.values, policyAt(o.policies, r.keysUnder))
	}
	sealed, err = o.version.Vault.Seal(ctx, r.stream, purpose, encodeBody(r.values, keys))
	if errors.Is(err, eventstore.ErrErased) {
		return nil, erasedMark, nil
	}
	return keys, sealed, err
}

func without(keys, others []string) []string {
	var left []string
	for _, key := range keys {
		if !slices.Contains(others, key) {
			left = append(left, key)
		}
	}
	return left
}

func (o *folder) keyRow(key, stream string) []any {
	return []any{o.version.Connection, o.version.Number, []byte(key), stream}
}

func (o *folder) emitContacts(ids []string, emit func(...projections.Batch) error) error {
	var rows, fields changes
	var gone [][]any
	for _, id := range ids {
		held, _ := o.contacts.Get(id)
		c, err := o.decoder.contact(id, held.Data)
		if err != nil {
			return err
		}
		body, err := json.Marshal(c.body)
		if err != nil {
			return fmt.Errorf("encode contact %s: %w", id, err)
		}
		status, _ := c.status()
		n := c.tally()
		rows.add(held.Stored, []any{
			o.version.Connection, o.version.Number, id, status, c.aliasOf, string(body),
			n[Pending], n[Apart], n[Held], n[Failing], c.created, c.updated, c.position,
		})
		now := c.notInStep()
		if slices.Equal(now, c.stored) {
			continue
		}
		o.fielded = append(o.fielded, id)
		for _, f := range now {
			if was, ok := c.stored.get(f.name); !ok || was != f.v {
				fields.add(held.Stored, []any{
					o.version.Connection, o.version.Number, id, f.name, f.v.state, f.v.reason, f.v.position,
				})
			}
		}
		for _, f := range c.stored {
			if _, ok := now.get(f.name); !ok {
				gone = append(gone, []any{o.version.Connection, o.version.Number, id, f.name})
			}
		}
	}
	return emit(
		projections.Batch{Op: contactTable.Op(eventstore.Insert), Rows: rows.insert},
		projections.Batch{Op: contactTable.Op(eventstore.Upsert), Rows: rows.update},
		projections.Batch{Op: fieldTable.Op(eventstore.Insert), Rows: fields.insert},
		projections.Batch{Op: fieldTable.Op(eventstore.Upsert), Rows: fields.update},
		projections.Batch{Op: fieldTable.Op(eventstore.Delete), Rows: gone})
}

func (o *folder) policyRows() [][]any {
	var out [][]any
	for _, p := range o.policies {
		if p.fresh {
			out = append(out, []any{o.version.Connection, o.version.Number, p.position, p.body})
		}
	}
	return out
}
