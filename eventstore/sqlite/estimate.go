package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What SQLite plans with. It never analyses by itself, and without statistics it takes a connection to have ten rows:
// it then rather reads a whole log than follow the index of its streams. These say how the tables look when they are
// large; ANALYZE would replace them.
const (
	estimatedRows  = 1_000_000
	estimatedPart  = 1_000 // of a partial index
	estimatedEqual = 10    // rows that agree in a column that tells them apart, and in all before it
)

// fewValues are columns that tell rows apart no better than the connection does.
var fewValues = []string{"connection", "version", "system", "status", "state", "live", "kind", "name", "projection"}

// index is one as SQLite describes it.
type index struct {
	table, name     string
	unique, partial bool
	columns         []string
}

// estimate writes statistics for the indexes that have none.
func estimate(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, "ANALYZE sqlite_schema"); err != nil { // makes their table
		return err
	}
	all, err := indexes(ctx, db)
	if err != nil {
		return err
	}
	for _, i := range all {
		_, err := db.ExecContext(ctx, `INSERT INTO sqlite_stat1 (tbl, idx, stat) SELECT $1, $2, $3
			WHERE NOT EXISTS (SELECT 1 FROM sqlite_stat1 WHERE tbl = $1 AND idx = $2)`, i.table, i.name, i.estimate())
		if err != nil {
			return fmt.Errorf("estimate %s: %w", i.name, err)
		}
	}
	return nil
}

func indexes(ctx context.Context, db *sql.DB) (all []index, err error) {
	rows, err := db.QueryContext(ctx, `SELECT t.name, i.name, i."unique", i.partial,
			(SELECT group_concat(name) FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno))
		FROM sqlite_schema t, pragma_index_list(t.name) i WHERE t.type = 'table' AND t.name NOT LIKE 'goose%'`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var i index
		var columns string
		if err := rows.Scan(&i.table, &i.name, &i.unique, &i.partial, &columns); err != nil {
			return nil, err
		}
		i.columns = strings.Split(columns, ",")
		all = append(all, i)
	}
	return all, rows.Err()
}

// estimate is in the form of sqlite_stat1: how many rows there are, and how many agree in the first column, in the
// first two, and so on.
func (i index) estimate() string {
	rows := estimatedRows
	if i.partial {
		rows = estimatedPart
	}
	stat, equal := fmt.Sprint(rows), rows
	for n, column := range i.columns {
		switch {
		case i.unique && n == len(i.columns)-1:
			equal = 1
		case !slices.Contains(fewValues, column):
			equal = min(equal, estimatedEqual)
		}
		stat += fmt.Sprint(" ", equal)
	}
	return stat
}
