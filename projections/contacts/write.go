package contacts

import (
	"context"
	"errors"
	"fmt"
	"iter"
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

// writeChunk is the number of rows made, and then written, at once.
const writeChunk = 2000

// Write stores everything that changed.
func (o *folder) Write(ctx context.Context, q eventstore.Querier) error {
	if err := forgetKeys(ctx, q, o.version, o.forgotten); err != nil {
		return err
	}
	return projections.WriteBatches(ctx, q, func(ctx context.Context, emit func(...projections.Batch) error) error {
		keys := newKeyRun(o.records.Waiting())
		for chunk := range chunks(o.records.Changed(), writeChunk) {
			if err := o.emitRecords(ctx, chunk, &keys, emit); err != nil {
				return err
			}
		}
		sorted := keys.sorted() // while contacts are written, which takes the database longer than us
		for chunk := range chunks(o.contacts.Changed(), writeChunk) {
			if err := o.emitContacts(chunk, emit); err != nil {
				return err
			}
		}
		if err := sorted().emit(o, emit); err != nil {
			return err
		}
		return emit(projections.Batch{Op: policyTable.Op(eventstore.Upsert), Rows: o.policyRows()})
	})
}

// chunks cuts a sequence into lists of up to so many, each sorted.
func chunks(all iter.Seq[string], size int) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		var chunk []string
		for key := range all {
			if chunk = append(chunk, key); len(chunk) < size {
				continue
			}
			slices.Sort(chunk)
			if !yield(chunk) {
				return
			}
			chunk = chunk[:0]
		}
		slices.Sort(chunk)
		if len(chunk) > 0 {
			yield(chunk)
		}
	}
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

func (o *folder) emitRecords(
	ctx context.Context, streams []string, keys *keyRun, emit func(...projections.Batch) error,
) error {
	records, err := o.changedRecords(ctx, streams)
	if err != nil {
		return err
	}
	var rows changes
	for _, r := range records {
		sealed, err := o.seal(ctx, r)
		if err != nil {
			return err
		}
		rows.add(r.stored, []any{
			o.connection, o.number, r.stream, r.contact, string(r.link), r.linked.Input, r.linked.Position,
			sealed, r.position,
		})
		keys.add(r)
	}
	err = emit(
		projections.Batch{Op: recordTable.Op(eventstore.Insert), Rows: rows.insert},
		projections.Batch{Op: recordTable.Op(eventstore.Upsert), Rows: rows.update})
	if err != nil || !keys.long() {
		return err
	}
	run := *keys
	*keys = keyRun{}
	return run.sorted()().emit(o, emit)
}

func (o *folder) changedRecords(ctx context.Context, streams []string) ([]*record, error) {
	records := make([]*record, len(streams))
	var subjects []string
	for i, stream := range streams {
		row, _ := o.records.Get(stream)
		r, err := o.codec.unread(stream, row)
		if err != nil {
			return nil, err
		}
		if records[i] = r; r.opened {
			subjects = append(subjects, stream)
		}
	}
	return records, prefetch(ctx, o.version.Vault, subjects)
}

// seal returns the record's body as it is stored. Whoever was erased since keeps neither values nor keys.
func (o *folder) seal(ctx context.Context, r *record) ([]byte, error) {
	switch {
	case r.erased:
		return erasedMark, nil
	case !r.opened && len(r.sealed) > 0:
		return r.sealed, nil
	case !r.opened:
		return []byte{}, nil
	}
	var err error
	if o.room, err = o.codec.read(r, o.room); err != nil {
		return nil, err
	}
	o.scratch = appendBody(o.scratch[:0], o.room, r.keys)
	sealed, err := o.version.Vault.Seal(ctx, r.stream, purpose, o.scratch)
	if errors.Is(err, eventstore.ErrErased) {
		r.erase()
		return erasedMark, nil
	}
	return sealed, err
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

func (o *folder) emitContacts(ids []string, emit func(...projections.Batch) error) error {
	var rows, fields changes
	var gone [][]any
	var c contact // each in the place of the one before
	for _, id := range ids {
		held, _ := o.contacts.Get(id)
		if err := o.codec.contactInto(&c, id, held); err != nil {
			return err
		}
		body, err := c.body.appendJSON(o.scratch[:0])
		if err != nil {
			return fmt.Errorf("encode contact %s: %w", id, err)
		}
		o.scratch = body
		status, _ := c.status()
		n := c.tally()
		rows.add(held.Stored, []any{
			o.connection, o.number, id, status, c.aliasOf, string(body),
			n.pending, n.apart, n.held, n.failing, c.created, c.updated, c.position,
		})
		now := c.notInStep()
		if slices.Equal(now, c.stored) {
			continue
		}
		for _, f := range now {
			if was, ok := c.stored.get(f.name); !ok || was != f.v {
				fields.add(held.Stored, []any{
					o.connection, o.number, id, f.name, f.v.state, f.v.reason, f.v.position,
				})
			}
		}
		for _, f := range c.stored {
			if _, ok := now.get(f.name); !ok {
				gone = append(gone, []any{o.connection, o.number, id, f.name})
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
			out = append(out, []any{o.connection, o.number, p.position, p.body})
		}
	}
	return out
}

// forgetKeys removes what erased records were found by, before what came since is written.
func forgetKeys(ctx context.Context, q eventstore.Querier, v projections.Version, streams []string) error {
	if len(streams) == 0 {
		return nil
	}
	rows, err := q.QueryKeys(ctx, `DELETE FROM contact_key WHERE connection = $1 AND version = $2 AND record IN ($keys)
		RETURNING record`, streams, v.Connection, v.Number)
	_, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (s string, err error) { return s, r.Scan(&s) })
	if err != nil {
		return fmt.Errorf("forget keys: %w", err)
	}
	return nil
}
