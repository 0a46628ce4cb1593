package contacts

import (
	"fmt"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/internal/logtest"
)

func TestRowsDoNotDependOnHowTheLogIsCut(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			backends.Each(t, func(t *testing.T, store eventstore.Store) {
				logtest.SameRows(t, store, Projection{}, seed, dump)
			})
		})
	}
}

// dump lists every row of the live version, bodies opened.
func dump(tb testing.TB, store eventstore.Store, log eventstore.Log) []string {
	tb.Helper()
	version, err := projections.Live(tb.Context(), store, log.Connection(), Name)
	if err != nil {
		tb.Fatalf("live version: %v", err)
	}
	d := dumper{tb: tb, store: store, log: log, version: version}
	d.records()
	d.plain("contact", "contact", "status || ' ' || alias_of || ' ' || body || ' ' || pending || ' ' || apart || ' ' ||"+
		" held || ' ' || failing || ' ' || created_at || ' ' || updated_at || ' ' || position")
	d.plain("field", "contact_field", "contact || ' ' || field || ' ' || state || ' ' || reason || ' ' || position")
	d.plain("policy", "contact_policy", "position || ' ' || body")
	d.keys()
	return d.rows
}

type dumper struct {
	tb      testing.TB
	store   eventstore.Store
	log     eventstore.Log
	version int64
	rows    []string
}

func (d *dumper) query(query string, scan func(eventstore.Rows) (string, error)) {
	d.tb.Helper()
	rows, err := d.store.Query(d.tb.Context(), query+" WHERE connection = $1 AND version = $2",
		d.log.Connection(), d.version)
	all, err := eventstore.Scan(rows, err, scan)
	if err != nil {
		d.tb.Fatalf("%s: %v", query, err)
	}
	d.rows = append(d.rows, all...)
}

func (d *dumper) plain(name, table, columns string) {
	d.tb.Helper()
	d.query("SELECT "+columns+" FROM "+table, func(row eventstore.Rows) (string, error) {
		var s string
		err := row.Scan(&s)
		return name + " " + s, err
	})
}

func (d *dumper) records() {
	d.tb.Helper()
	t := rows{q: d.store, connection: d.log.Connection(), version: d.version}
	var streams []string
	d.query("SELECT record FROM contact_record", func(row eventstore.Rows) (string, error) {
		var s string
		err := row.Scan(&s)
		streams = append(streams, s)
		return "record " + s, err
	})
	records, err := t.records(d.tb.Context(), streams)
	if err != nil {
		d.tb.Fatalf("records: %v", err)
	}
	f := newFold(d.log.Vault())
	for _, r := range records {
		if err := f.open(d.tb.Context(), r); err != nil {
			d.tb.Fatalf("open %s: %v", r.stream, err)
		}
		d.rows = append(d.rows, fmt.Sprintf("%s %s %s %v %d %t %v %x",
			r.stream, r.contact, r.link, r.linked, r.position, r.erased, r.values, r.keys))
	}
}

func (d *dumper) keys() {
	d.tb.Helper()
	d.query("SELECT key, record FROM contact_key", func(row eventstore.Rows) (string, error) {
		var (
			key    []byte
			record string
		)
		err := row.Scan(&key, &record)
		return fmt.Sprintf("key %x %s", key, record), err
	})
}
