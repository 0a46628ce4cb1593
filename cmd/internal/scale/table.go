package scale

import (
	"context"
	"fmt"
	"strings"

	"github.com/duolog/duolog/eventstore"
)

// table is one the planner or a projection fills, a bounded number of rows a contact.
type table struct {
	name string
	// sealed is the column whose value lies sealed under the row's record, for purpose; "" for none.
	sealed, purpose string

	columns []eventstore.Column
}

var tables = []table{
	{name: "outbound_record", sealed: "body", purpose: "outbound/record"},
	{name: "outbound_contact"},
	{name: "outbound_key"},
	{name: "contact"},
	{name: "contact_record", sealed: "body", purpose: "contact_record.body"},
	{name: "contact_field"},
	{name: "contact_key"},
	{name: "history_entry"},
}

// cursors are the tables that say how far the log was taken.
var cursors = []string{"outbound", "projection"}

// described returns the tables with the columns the database has.
func described(ctx context.Context, db eventstore.DB) ([]table, error) {
	query := `SELECT column_name, udt_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position`
	if db.Backend() == "sqlite" {
		query = "SELECT name, type FROM pragma_table_info($1) ORDER BY cid"
	}
	out := make([]table, len(tables))
	for i, t := range tables {
		rows, err := db.Query(ctx, query, t.name)
		t.columns, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (eventstore.Column, error) {
			var name, kind string
			err := r.Scan(&name, &kind)
			return eventstore.Column{Name: name, Kind: kinds[strings.ToLower(kind)]}, err
		})
		if err != nil {
			return nil, fmt.Errorf("describe %s: %w", t.name, err)
		}
		if len(t.columns) == 0 {
			return nil, fmt.Errorf("describe %s: no such table", t.name)
		}
		out[i] = t
	}
	return out, nil
}

var kinds = map[string]eventstore.Kind{
	"text": eventstore.Text, "bytea": eventstore.Bytes, "blob": eventstore.Bytes, "int8": eventstore.Int,
	"bigint": eventstore.Int, "integer": eventstore.Int,
}

func (t table) insert() eventstore.BulkOp {
	return eventstore.BulkOp{Mode: eventstore.Insert, Table: t.name, Columns: t.columns}
}

// read returns a connection's rows, opened.
func (t table) read(ctx context.Context, db eventstore.DB, log eventstore.Log) ([][]any, error) {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.Name
	}
	rows, err := db.Query(ctx, "SELECT "+strings.Join(names, ", ")+" FROM "+t.name+" WHERE connection = $1", log.Connection())
	all, err := eventstore.Scan(rows, err, t.scan)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", t.name, err)
	}
	at := t.column(t.sealed)
	for _, row := range all {
		if at < 0 {
			break
		}
		sealed, _ := row[at].([]byte)
		if row[at], err = log.Vault().Open(ctx, t.record(row), t.purpose, sealed); err != nil {
			return nil, fmt.Errorf("read %s: %w", t.name, err)
		}
	}
	return all, nil
}

func (t table) scan(r eventstore.Rows) ([]any, error) {
	row, into := make([]any, len(t.columns)), make([]any, len(t.columns))
	for i, c := range t.columns {
		switch c.Kind {
		case eventstore.Int:
			into[i] = new(int64)
		case eventstore.Text:
			into[i] = new(string)
		case eventstore.Bytes:
			into[i] = new([]byte)
		}
	}
	if err := r.Scan(into...); err != nil {
		return nil, err
	}
	for i := range into {
		switch v := into[i].(type) {
		case *int64:
			row[i] = *v
		case *string:
			row[i] = *v
		case *[]byte:
			row[i] = *v
		}
	}
	return row, nil
}

// column is where a column stands, -1 when there is none of the name.
func (t table) column(name string) int {
	for i, c := range t.columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}

// record is whose key seals a row.
func (t table) record(row []any) string {
	stream, _ := row[t.column("record")].(string)
	return stream
}
