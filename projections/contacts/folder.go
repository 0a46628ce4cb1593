package contacts

import (
	"context"
	"fmt"
	"slices"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

// folder folds pages into rows it holds, each page in a fold of its own.
type folder struct {
	version projections.Version
	// The first two columns of every row.
	connection, number any
	records            *projections.Rows
	contacts           *projections.Rows
	policies           []policy // those since the last Write, behind the one in force there
	codec              *codec
	blinds             *blinds
	scratch            []byte
	room               byName[value]
	forgotten          []string // records that were erased since the last Write
}

func openFolder(v projections.Version) *folder {
	return &folder{
		version: v, connection: v.Connection, number: v.Number, codec: newCodec(), blinds: newBlinds(v.Vault),
		records: projections.NewRows(v, v.Memory/4*3), contacts: projections.NewRows(v, v.Memory/4),
	}
}

// Fold loads the rows the page touches, unless they are held, folds the page and keeps what changed.
func (o *folder) Fold(ctx context.Context, q eventstore.Querier, page []projections.Input) error {
	inputs := make([]*input, len(page))
	for i := range page {
		in, ok := page[i].Decoded.(*input)
		if !ok {
			return fmt.Errorf("event %d was not decoded", page[i].Position)
		}
		inputs[i] = in
	}
	t := rows{q: q, connection: o.version.Connection, version: o.version.Number, held: o}
	f := newFold(o.version.Vault)
	if len(o.policies) == 0 {
		var err error
		if o.policies, err = t.policies(ctx, inputs[0].Position); err != nil {
			return err
		}
	}
	f.decoder, f.blinds, f.policies = &o.codec.decoder, o.blinds, o.policies
	if err := t.load(ctx, f, want(inputs)); err != nil {
		return err
	}
	for _, in := range inputs {
		if err := f.apply(ctx, in); err != nil {
			return err
		}
	}
	o.policies, o.forgotten = f.policies, append(o.forgotten, f.forgotten...)
	o.keep(f)
	return nil
}

// keep holds the fold's rows: those that changed until they are written, the others as long as there is room.
func (o *folder) keep(f *fold) {
	for stream, r := range f.records {
		if r.dirty || !o.records.Holds(stream) {
			o.scratch = o.codec.appendRecord(o.scratch[:0], r)
			keepRow(o.records, stream, o.scratch, r.stored, r.dirty)
		}
	}
	for id, c := range f.contacts {
		if c.dirty || !o.contacts.Holds(id) {
			o.scratch = o.codec.appendContact(o.scratch[:0], c)
			keepRow(o.contacts, id, o.scratch, c.hasRow, c.dirty)
		}
	}
}

func keepRow(in *projections.Rows, key string, encoded []byte, stored, dirty bool) {
	if dirty {
		in.Put(key, encoded, stored)
	} else {
		in.Load(key, encoded)
	}
}

// heldRecords returns those of the records that are held, and which others the table may have.
func (t rows) heldRecords(streams []string) (all []*record, ask []string, err error) {
	if t.held == nil {
		return nil, streams, nil
	}
	ask = streams[:0]
	for _, stream := range streams {
		row, ok := t.held.records.Get(stream)
		if !ok {
			if t.held.records.MayStore(stream) {
				ask = append(ask, stream)
			}
			continue
		}
		r, err := t.held.codec.record(stream, row)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, r)
	}
	slices.Sort(ask)
	return all, ask, nil
}

// heldContacts is heldRecords for contacts.
func (t rows) heldContacts(ids []string) (all []*contact, ask []string, err error) {
	if t.held == nil {
		return nil, ids, nil
	}
	ask = ids[:0]
	for _, id := range ids {
		row, ok := t.held.contacts.Get(id)
		if !ok {
			if t.held.contacts.MayStore(id) {
				ask = append(ask, id)
			}
			continue
		}
		c, err := t.held.codec.contact(id, row)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, c)
	}
	slices.Sort(ask)
	return all, ask, nil
}

// Waiting counts the rows of records and contacts.
func (o *folder) Waiting() (int, bool) {
	return o.records.Waiting() + o.contacts.Waiting(), o.records.Full() || o.contacts.Full()
}

// Written takes note of what stands in the tables now.
func (o *folder) Written() {
	o.records.Written()
	o.contacts.Written()
	o.forgotten = nil
	o.policies = o.policies[len(o.policies)-1:]
	o.policies[0].fresh = false
}
