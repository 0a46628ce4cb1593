package postgres

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/duolog/duolog/eventstore"
)

// runner is a pool or a transaction.
type runner interface {
	Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}

// querier implements eventstore.Querier.
type querier struct{ on runner }

func (q querier) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := q.on.Exec(ctx, query, values(args)...)
	return tag.RowsAffected(), translate(err)
}

func (q querier) Query(ctx context.Context, query string, args ...any) (eventstore.Rows, error) {
	rows, err := q.on.Query(ctx, query, values(args)...)
	if err != nil {
		return nil, translate(err)
	}
	return result{rows}, nil
}

// QueryKeys plans anew each time, for the list at hand: a plan made once for any list goes wrong as tables grow.
func (q querier) QueryKeys(ctx context.Context, query string, keys any, args ...any) (eventstore.Rows, error) {
	arrayType := ""
	switch keys.(type) {
	case []string:
		arrayType = "text[]"
	case []int64:
		arrayType = "bigint[]"
	case [][]byte:
		arrayType = "bytea[]"
	default:
		return nil, fmt.Errorf("query with keys: %T is not a list of string, int64 or []byte", keys)
	}
	query, ok := withList(oneByOne(query), "$"+strconv.Itoa(len(args)+1), arrayType)
	if !ok {
		return nil, fmt.Errorf("query with keys: want %q once in it", keysIn)
	}
	all := append(append([]any{pgx.QueryExecModeCacheDescribe}, values(args)...), keys)
	return q.Query(ctx, query, all...)
}

// values stores bool as 0 / 1, as the portable schema has it.
func values(args []any) []any {
	for i, arg := range args {
		if _, isBool := arg.(bool); isBool {
			changed := append([]any(nil), args...)
			for ; i < len(args); i++ {
				if b, ok := args[i].(bool); ok {
					changed[i] = number(b)
				}
			}
			return changed
		}
	}
	return args
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// result reads rows.
type result struct{ pgx.Rows }

func (r result) Close() error {
	r.Rows.Close()
	return nil
}

func (r result) Err() error { return translate(r.Rows.Err()) }

func (r result) Scan(dest ...any) error {
	for i, d := range dest {
		if _, isBool := d.(*bool); isBool {
			return r.scanBools(dest, i)
		}
	}
	return r.Rows.Scan(dest...)
}

// scanBools reads booleans both as PostgreSQL has them, from an expression, and as 0 / 1, from a column.
func (r result) scanBools(dest []any, first int) error {
	either := append([]any(nil), dest...)
	for i := first; i < len(dest); i++ {
		if _, isBool := dest[i].(*bool); isBool {
			either[i] = new(any)
		}
	}
	if err := r.Rows.Scan(either...); err != nil {
		return err
	}
	for i := first; i < len(dest); i++ {
		b, isBool := dest[i].(*bool)
		if !isBool {
			continue
		}
		switch v := (*either[i].(*any)).(type) { // put there above
		case bool:
			*b = v
		case int64:
			*b = v != 0
		case int32:
			*b = v != 0
		default:
			return fmt.Errorf("scan column %d: a %T is no bool", i+1, v)
		}
	}
	return nil
}
