package catalogs

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

// Purposes bind sealed bodies to their tables.
const (
	purposeEntry = "catalog_entry.body"
	purposeDeal  = "catalog_deal.body"
)

// key names an entry's row: catalog and id, or a deal's: record and deal.
type key struct{ in, id string }

// row is a row of catalog_entry, or of catalog_deal, which has no hubspot, match and subject of its own.
type row struct {
	key
	hubspot  string
	match    []byte
	subject  string
	body     []byte
	first    int64
	changed  int64
	gone     int64
	position int64

	dirty bool
}

// pull is a row of catalog_pull.
type pull struct {
	name, operation, actor string
	started, ended, done   int64
	failure, body          string

	dirty bool
}

// rows reads and writes the projection's tables of one connection and version.
type rows struct {
	q          eventstore.Querier
	connection string
	version    int64
}

const (
	entryColumns = `catalog, id, hubspot, match_key, subject, body, first_at, changed_at, gone_at, position`
	dealColumns  = `record, deal, body, first_at, changed_at, gone_at, position`
	pullColumns  = `name, operation, actor, started_at, ended_at, done_at, failure, body`
)

func scanEntry(r eventstore.Rows) (*row, error) {
	e := &row{}
	err := r.Scan(&e.in, &e.id, &e.hubspot, &e.match, &e.subject, &e.body, &e.first, &e.changed, &e.gone, &e.position)
	if e.match == nil { // how SQLite hands out an empty one
		e.match = []byte{}
	}
	return e, err
}

func scanDeal(r eventstore.Rows) (*row, error) {
	d := &row{}
	err := r.Scan(&d.in, &d.id, &d.body, &d.first, &d.changed, &d.gone, &d.position)
	d.subject = d.in
	return d, err
}

func scanPull(r eventstore.Rows) (*pull, error) {
	p := &pull{}
	err := r.Scan(&p.name, &p.operation, &p.actor, &p.started, &p.ended, &p.done, &p.failure, &p.body)
	return p, err
}

// load reads what the inputs touch, and the fold does not hold yet, into it.
func (t rows) load(ctx context.Context, f *fold, told []input) error {
	w := want(told)
	for _, catalog := range sorted(w.entries) {
		found, err := t.q.QueryKeys(ctx, `SELECT `+entryColumns+` FROM catalog_entry
			WHERE connection = $1 AND version = $2 AND catalog = $3 AND id IN ($keys)`,
			sorted(w.entries[catalog]), t.connection, t.version, catalog)
		all, err := eventstore.Scan(found, err, scanEntry)
		if err != nil {
			return fmt.Errorf("load catalog entries: %w", err)
		}
		for _, e := range all {
			hold(f.entries, e.key, e)
		}
	}
	found, err := t.q.QueryKeys(ctx, `SELECT `+dealColumns+` FROM catalog_deal
		WHERE connection = $1 AND version = $2 AND record IN ($keys)`, sorted(w.records), t.connection, t.version)
	deals, err := eventstore.Scan(found, err, scanDeal)
	if err != nil {
		return fmt.Errorf("load deals: %w", err)
	}
	for _, d := range deals {
		hold(f.deals, d.key, d)
	}
	found, err = t.q.QueryKeys(ctx, `SELECT `+pullColumns+` FROM catalog_pull
		WHERE connection = $1 AND version = $2 AND name IN ($keys)`, sorted(w.pulls), t.connection, t.version)
	pulls, err := eventstore.Scan(found, err, scanPull)
	if err != nil {
		return fmt.Errorf("load pulls: %w", err)
	}
	for _, p := range pulls {
		hold(f.pulls, p.name, p)
	}
	return nil
}

// hold takes a loaded row, unless a newer one is held.
func hold[K comparable, V any](m map[K]V, k K, v V) {
	if _, held := m[k]; !held {
		m[k] = v
	}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

var (
	text, count, blob = projections.Text, projections.Int, projections.Bytes

	entryTable = projections.Table{Name: "catalog_entry", Key: 4, Columns: []eventstore.Column{
		text("connection"), count("version"), text("catalog"), text("id"), text("hubspot"), blob("match_key"),
		text("subject"), blob("body"), count("first_at"), count("changed_at"), count("gone_at"), count("position"),
	}}
	dealTable = projections.Table{Name: "catalog_deal", Key: 4, Columns: []eventstore.Column{
		text("connection"), count("version"), text("record"), text("deal"), blob("body"), count("first_at"),
		count("changed_at"), count("gone_at"), count("position"),
	}}
	pullTable = projections.Table{Name: "catalog_pull", Key: 3, Columns: []eventstore.Column{
		text("connection"), count("version"), text("name"), text("operation"), text("actor"), count("started_at"),
		count("ended_at"), count("done_at"), text("failure"), text("body"),
	}}
)

// write stores everything the fold changed, one statement a table.
func (t rows) write(ctx context.Context, f *fold) error {
	if err := t.forget(ctx, f.forgotten); err != nil {
		return err
	}
	var entries, deals, pulls [][]any
	for _, k := range sortedKeys(f.entries) {
		if e := f.entries[k]; e.dirty {
			entries = append(entries, []any{
				t.connection, t.version, e.in, e.id, e.hubspot, e.match, e.subject, e.body, e.first, e.changed, e.gone, e.position,
			})
		}
	}
	for _, k := range sortedKeys(f.deals) {
		if d := f.deals[k]; d.dirty {
			deals = append(deals, []any{
				t.connection, t.version, d.in, d.id, d.body, d.first, d.changed, d.gone, d.position,
			})
		}
	}
	for _, name := range sorted(f.pulls) {
		if p := f.pulls[name]; p.dirty {
			pulls = append(pulls, []any{
				t.connection, t.version, p.name, p.operation, p.actor, p.started, p.ended, p.done, p.failure, p.body,
			})
		}
	}
	for _, b := range []struct {
		table projections.Table
		rows  [][]any
	}{{entryTable, entries}, {dealTable, deals}, {pullTable, pulls}} {
		if len(b.rows) == 0 {
			continue
		}
		if err := t.q.Bulk(ctx, b.table.Op(eventstore.Upsert), b.rows); err != nil {
			return fmt.Errorf("write %s: %w", b.table.Name, err)
		}
	}
	return nil
}

// forget removes the deals of records that were erased.
func (t rows) forget(ctx context.Context, records []string) error {
	if len(records) == 0 {
		return nil
	}
	found, err := t.q.QueryKeys(ctx, `DELETE FROM catalog_deal WHERE connection = $1 AND version = $2 AND record IN ($keys)
		RETURNING record`, records, t.connection, t.version)
	_, err = eventstore.Scan(found, err, func(r eventstore.Rows) (s string, err error) { return s, r.Scan(&s) })
	if err != nil {
		return fmt.Errorf("forget deals: %w", err)
	}
	return nil
}
