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
	version  projections.Version
	records  *projections.Rows
	contacts *projections.Rows
	policies []policy // those since the last Write, behind the one in force there
	decoder  *decoder
	scratch  []byte

	// What Write found, for Written: keys that records have now, and contacts whose field rows changed.
	keyed   map[string][]string
	fielded []string
}

func openFolder(v projections.Version) *folder {
	return &folder{
		version: v, decoder: newDecoder(),
		records: projections.NewRows(v, v.Memory*2/3), contacts: projections.NewRows(v, v.Memory/3),
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
	f.decoder = o.decoder
	if len(o.policies) == 0 {
		var err error
		if o.policies, err = t.policies(ctx, inputs[0].Position); err != nil {
			return err
		}
	}
	f.policies = o.policies
	if err := t.load(ctx, f, want(inputs)); err != nil {
		return err
	}
	for _, in := range inputs {
		if err := f.apply(ctx, in); err != nil {
			return err
		}
	}
	o.policies = f.policies
	o.keep(f)
	return nil
}

// keep holds the fold's rows: those that changed until they are written, the others as long as there is room.
func (o *folder) keep(f *fold) {
	for stream, r := range f.records {
		o.keepRow(o.records, stream, r.encode(o.scratch[:0]), r.stored, r.dirty)
	}
	for id, c := range f.contacts {
		o.keepRow(o.contacts, id, c.encode(o.scratch[:0]), c.hasRow, c.dirty)
	}
}

func (o *folder) keepRow(in *projections.Rows, key string, encoded []byte, stored, dirty bool) {
	o.scratch = encoded
	if dirty {
		in.Put(key, projections.Row{Data: slices.Clone(encoded), Stored: stored})
	} else if _, held := in.Get(key); !held {
		in.Load(key, slices.Clone(encoded))
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
		r, err := t.held.decoder.record(stream, row.Data)
		if err != nil {
			return nil, nil, err
		}
		r.stored = row.Stored
		all = append(all, r)
	}
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
		c, err := t.held.decoder.contact(id, row.Data)
		if err != nil {
			return nil, nil, err
		}
		c.hasRow = row.Stored
		all = append(all, c)
	}
	return all, ask, nil
}

// Waiting counts the rows of records and contacts.
func (o *folder) Waiting() (int, bool) {
	return o.records.Waiting() + o.contacts.Waiting(), o.records.Full() || o.contacts.Full()
}

// Written takes note of what stands in the tables now.
func (o *folder) Written() {
	for stream, keys := range o.keyed {
		o.patchRecord(stream, keys)
	}
	for _, id := range o.fielded {
		o.patchContact(id)
	}
	o.keyed, o.fielded = nil, nil
	o.records.Written()
	o.contacts.Written()
	o.policies = o.policies[len(o.policies)-1:]
	o.policies[0].fresh = false
}

func (o *folder) patchRecord(stream string, keys []string) {
	row, _ := o.records.Get(stream)
	r, err := o.decoder.record(stream, row.Data)
	if err != nil {
		panic(err) // it could be read to be written
	}
	r.keys, r.keysUnder = keys, 0
	o.records.Put(stream, projections.Row{Data: r.encode(nil), Stored: true})
}

func (o *folder) patchContact(id string) {
	row, _ := o.contacts.Get(id)
	c, err := o.decoder.contact(id, row.Data)
	if err != nil {
		panic(err) // it could be read to be written
	}
	c.stored = c.notInStep()
	o.contacts.Put(id, projections.Row{Data: c.encode(nil), Stored: true})
}
