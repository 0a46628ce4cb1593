package outbound

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

// store reads and writes one version of a connection's planner state.
type store struct {
	conn    string
	vault   eventstore.Vault
	version int64
}

// body is the sealed part of a record's row.
type body struct {
	Seen    map[string]planner.Seen `json:"seen,omitempty"`
	Answers map[string]planner.Seen `json:"answers,omitempty"`
}

const bodyPurpose = "outbound/record"

var (
	recordColumns = []eventstore.Column{
		{Name: "connection", Kind: eventstore.Text}, {Name: "version", Kind: eventstore.Int},
		{Name: "record", Kind: eventstore.Text}, {Name: "contact", Kind: eventstore.Text},
		{Name: "link", Kind: eventstore.Text}, {Name: "meta", Kind: eventstore.Text}, {Name: "body", Kind: eventstore.Bytes},
	}
	contactColumns = []eventstore.Column{
		{Name: "connection", Kind: eventstore.Text}, {Name: "version", Kind: eventstore.Int},
		{Name: "contact", Kind: eventstore.Text}, {Name: "dirty", Kind: eventstore.Int},
		{Name: "head_at", Kind: eventstore.Int}, {Name: "body", Kind: eventstore.Text},
	}
	keyColumns = []eventstore.Column{
		{Name: "connection", Kind: eventstore.Text}, {Name: "version", Kind: eventstore.Int},
		{Name: "key", Kind: eventstore.Bytes}, {Name: "record", Kind: eventstore.Text},
	}
)

// load completes the view: what the inputs name, and what that leads to, round by round until nothing new is asked.
// Each round asks each table once.
func (s store) load(ctx context.Context, q eventstore.Querier, v *planner.View, direct planner.Needs) error {
	asked := planner.NewNeeds()
	wanted := planner.NewNeeds()
	merge(wanted, direct)
	for {
		step := fresh(wanted, asked)
		if len(step.Records)+len(step.Contacts)+len(step.Keys) == 0 {
			return nil
		}
		merge(asked, step)
		if err := s.round(ctx, q, v, step); err != nil {
			return err
		}
		v.Expand(direct, wanted)
	}
}

func merge(into, from planner.Needs) {
	for k := range from.Records {
		into.Records[k] = true
	}
	for k := range from.Contacts {
		into.Contacts[k] = true
	}
	for k := range from.Keys {
		into.Keys[k] = true
	}
}

func fresh(wanted, asked planner.Needs) planner.Needs {
	n := planner.NewNeeds()
	for k := range wanted.Records {
		if !asked.Records[k] {
			n.Records[k] = true
		}
	}
	for k := range wanted.Contacts {
		if !asked.Contacts[k] {
			n.Contacts[k] = true
		}
	}
	for k := range wanted.Keys {
		if !asked.Keys[k] {
			n.Keys[k] = true
		}
	}
	return n
}

func (s store) round(ctx context.Context, q eventstore.Querier, v *planner.View, n planner.Needs) error {
	var ids, contacts []string
	for r := range n.Records {
		ids = append(ids, r.Stream())
	}
	for c := range n.Contacts {
		contacts = append(contacts, c.String())
	}
	more, err := s.byKey(ctx, q, n.Keys)
	if err != nil {
		return err
	}
	rows, err := s.records(ctx, q, "record", append(ids, more...))
	if err != nil {
		return err
	}
	members, err := s.records(ctx, q, "contact", contacts)
	if err != nil {
		return err
	}
	if err := s.open(ctx, v, append(rows, members...)); err != nil {
		return err
	}
	return s.contacts(ctx, q, v, contacts)
}

func (s store) byKey(ctx context.Context, q eventstore.Querier, keys map[identity.Key]bool) ([]string, error) {
	var blind [][]byte
	for k := range keys {
		blind = append(blind, s.vault.Blind(k.Kind, k.Value))
	}
	if len(blind) == 0 {
		return nil, nil
	}
	rows, err := q.QueryKeys(ctx,
		"SELECT record FROM outbound_key WHERE connection = $1 AND version = $2 AND key IN ($keys)", blind, s.conn, s.version)
	return eventstore.Scan(rows, err, func(r eventstore.Rows) (string, error) {
		var id string
		return id, r.Scan(&id)
	})
}

// row is a record's row as stored.
type row struct {
	record, meta string
	body         []byte
}

func (s store) records(ctx context.Context, q eventstore.Querier, column string, keys []string) ([]row, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	rows, err := q.QueryKeys(ctx, "SELECT record, meta, body FROM outbound_record WHERE connection = $1 AND version = $2 AND "+
		column+" IN ($keys)", keys, s.conn, s.version)
	got, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (row, error) {
		var w row
		return w, r.Scan(&w.record, &w.meta, &w.body)
	})
	if err != nil {
		return nil, fmt.Errorf("load records: %w", err)
	}
	return got, nil
}

// open puts rows into the view. A record whose key was destroyed comes back without values.
func (s store) open(ctx context.Context, v *planner.View, rows []row) error {
	subjects := make([]string, len(rows))
	for i, w := range rows {
		subjects[i] = w.record
	}
	if err := s.vault.Prefetch(ctx, subjects...); err != nil {
		return fmt.Errorf("load keys: %w", err)
	}
	for _, w := range rows {
		r := &planner.Record{}
		if err := json.Unmarshal([]byte(w.meta), r); err != nil {
			return fmt.Errorf("record %s: %w", w.record, err)
		}
		if v.Record(r.ID) != nil {
			continue
		}
		plain, err := s.vault.Open(ctx, w.record, bodyPurpose, w.body)
		switch {
		case errors.Is(err, eventstore.ErrErased):
		case err != nil:
			return fmt.Errorf("open record %s: %w", w.record, err)
		default:
			var b body
			if err := json.Unmarshal(plain, &b); err != nil {
				return fmt.Errorf("record %s: its sealed row is not JSON", w.record)
			}
			r.Seen, r.Answers = b.Seen, b.Answers
		}
		v.AddRecord(r)
	}
	return nil
}

func (s store) contacts(ctx context.Context, q eventstore.Querier, v *planner.View, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	rows, err := q.QueryKeys(ctx, "SELECT body FROM outbound_contact WHERE connection = $1 AND version = $2 AND contact IN ($keys)",
		ids, s.conn, s.version)
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (string, error) {
		var b string
		return b, r.Scan(&b)
	})
	if err != nil {
		return fmt.Errorf("load contacts: %w", err)
	}
	for _, b := range all {
		c := &planner.Contact{}
		if err := json.Unmarshal([]byte(b), c); err != nil {
			return fmt.Errorf("contact: %w", err)
		}
		v.AddContact(c)
	}
	return nil
}

// changes are the rows a view wants written, sealed before the transaction begins.
type changes struct {
	records, contacts, lost, won [][]any
}

func (s store) seal(ctx context.Context, v *planner.View) (changes, error) {
	var c changes
	records, contacts, _ := v.Changed()
	subjects := make([]string, len(records))
	for i, r := range records {
		subjects[i] = r.ID.Stream()
	}
	if err := s.vault.Prefetch(ctx, subjects...); err != nil {
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
		dirty := int64(0)
		if k.Head.Dirty {
			dirty = 1
		}
		c.contacts = append(c.contacts, []any{s.conn, s.version, k.ID.String(), dirty, k.HeadAt, string(b)})
	}
	return c, nil
}

func (s store) sealRecord(ctx context.Context, r *planner.Record, c *changes) error {
	meta, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("record %s: %w", r.ID, err)
	}
	plain, err := json.Marshal(body{r.Seen, r.Answers})
	if err != nil {
		return fmt.Errorf("record %s: %w", r.ID, err)
	}
	sealed, err := s.vault.Seal(ctx, r.ID.Stream(), bodyPurpose, plain)
	if errors.Is(err, eventstore.ErrErased) {
		sealed, err = []byte{}, nil
	}
	if err != nil {
		return fmt.Errorf("seal record %s: %w", r.ID, err)
	}
	c.records = append(c.records, []any{
		s.conn, s.version, r.ID.Stream(), contactText(r.Link.Contact), string(r.Link.State), string(meta), sealed,
	})
	lost, won := r.KeyChanges()
	for _, k := range lost {
		c.lost = append(c.lost, []any{s.conn, s.version, s.vault.Blind(k.Kind, k.Value), r.ID.Stream()})
	}
	for _, k := range won {
		if k.Kind != identity.KindUnique {
			c.won = append(c.won, []any{s.conn, s.version, s.vault.Blind(k.Kind, k.Value), r.ID.Stream()})
		}
	}
	return nil
}

func contactText(id ulid.ULID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

func (s store) save(ctx context.Context, tx eventstore.Tx, c changes) error {
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

// dirty lists contacts that wait for the sync to open and were not planned at the position yet, in id order.
func (s store) dirty(ctx context.Context, q eventstore.Querier, before int64, limit int) ([]ulid.ULID, error) {
	rows, err := q.Query(ctx, `SELECT contact FROM outbound_contact WHERE connection = $1 AND version = $2 AND dirty = 1
		AND head_at < $3 ORDER BY contact LIMIT $4`, s.conn, s.version, before, int64(limit))
	return eventstore.Scan(rows, err, func(r eventstore.Rows) (ulid.ULID, error) {
		var id string
		if err := r.Scan(&id); err != nil {
			return ulid.ULID{}, err
		}
		return ulid.ParseStrict(id)
	})
}

// one adds a contact to needs.
func one(ids ...ulid.ULID) planner.Needs {
	n := planner.NewNeeds()
	for _, id := range ids {
		n.Contacts[id] = true
	}
	return n
}
