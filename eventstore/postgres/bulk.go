package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

// Bulk sends the rows as one array a column, or by COPY when many are to be inserted that nothing stands in the way of.
func (q querier) Bulk(ctx context.Context, op eventstore.BulkOp, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	if tx, ok := q.on.(pgx.Tx); ok && op.Mode == eventstore.Insert && len(rows) >= copyFrom {
		return copyIn(ctx, tx, op, rows)
	}
	columns := op.Columns
	if op.Mode == eventstore.Delete {
		columns = columns[:op.Key]
	}
	arrays := make([]any, len(columns))
	for i, column := range columns {
		array, err := columnArray(column, rows, i)
		if err != nil {
			return fmt.Errorf("write %s: %w", op.Table, err)
		}
		arrays[i] = array
	}
	if _, err := q.on.Exec(ctx, bulkSQL(op, columns), arrays...); err != nil {
		return fmt.Errorf("write %s: %w", op.Table, translate(err))
	}
	return nil
}

func columnArray(column eventstore.Column, rows [][]any, i int) (any, error) {
	switch column.Kind {
	case eventstore.Int:
		return collect(column, rows, i, toInt)
	case eventstore.Text:
		return collect(column, rows, i, func(v any) (string, bool) { s, ok := v.(string); return s, ok })
	case eventstore.Bytes:
		return collectBytes(column, rows, i)
	}
	return nil, fmt.Errorf("column %s has no kind", column.Name)
}

func toInt(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case bool:
		return number(v), true
	}
	return 0, false
}

// collect makes a column's array; pointers stand in for values only when a NULL is among them.
func collect[T any](column eventstore.Column, rows [][]any, i int, of func(any) (T, bool)) (any, error) {
	list := make([]T, len(rows))
	var nulls []*T
	for n, row := range rows {
		if row[i] == nil {
			if nulls == nil {
				nulls = make([]*T, len(rows))
				for before := range n {
					nulls[before] = &list[before]
				}
			}
			continue
		}
		v, ok := of(row[i])
		if !ok {
			return nil, fmt.Errorf("column %s: a %T in it", column.Name, row[i])
		}
		list[n] = v
		if nulls != nil {
			nulls[n] = &list[n]
		}
	}
	if nulls != nil {
		return nulls, nil
	}
	return list, nil
}

func collectBytes(column eventstore.Column, rows [][]any, i int) (any, error) {
	list := make([][]byte, len(rows)) // a nil one is NULL
	for n, row := range rows {
		b, ok := row[i].([]byte)
		if !ok && row[i] != nil {
			return nil, fmt.Errorf("column %s: a %T in it", column.Name, row[i])
		}
		list[n] = b
	}
	return list, nil
}

var arrayTypes = map[eventstore.Kind]string{
	eventstore.Int: "bigint[]", eventstore.Text: "text[]", eventstore.Bytes: "bytea[]",
}

func bulkSQL(op eventstore.BulkOp, columns []eventstore.Column) string {
	names, arrays := make([]string, len(columns)), make([]string, len(columns))
	for i, column := range columns {
		names[i], arrays[i] = column.Name, "$"+strconv.Itoa(i+1)+"::"+arrayTypes[column.Kind]
	}
	list, unnest := strings.Join(names, ", "), "unnest("+strings.Join(arrays, ", ")+")"
	if op.Mode == eventstore.Delete {
		terms := make([]string, len(names))
		for i, name := range names {
			terms[i] = "t." + name + " = u." + name
		}
		return "DELETE FROM " + op.Table + " AS t USING " + unnest + " AS u(" + list + ") WHERE " +
			strings.Join(terms, " AND ")
	}
	return "INSERT INTO " + op.Table + " (" + list + ") SELECT * FROM " + unnest + engine.OnConflict(op, names)
}
