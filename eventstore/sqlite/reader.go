package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/duolog/duolog/eventstore"
)

// readQuerier runs queries on a connection that refuses to write.
type readQuerier struct{ on queryer }

// queryer is a pool or a connection.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

var errReadOnly = errors.New("write in a read-only transaction")

func (q readQuerier) Exec(context.Context, string, ...any) (int64, error) { return 0, errReadOnly }

func (q readQuerier) Bulk(context.Context, eventstore.BulkOp, [][]any) error { return errReadOnly }

func (q readQuerier) Query(ctx context.Context, query string, args ...any) (eventstore.Rows, error) {
	return query1(ctx, q.on, query, args)
}

func (q readQuerier) QueryKeys(ctx context.Context, query string, keys any, args ...any) (eventstore.Rows, error) {
	return queryKeys(ctx, q.on, query, keys, args)
}

func query1(ctx context.Context, on queryer, query string, args []any) (eventstore.Rows, error) {
	rows, err := on.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, translate(err)
	}
	return result{rows}, nil
}

// result translates errors.
type result struct{ *sql.Rows }

func (r result) Err() error { return translate(r.Rows.Err()) }

// snapshot runs fn on one reader in one transaction.
func snapshot(ctx context.Context, pool *sql.DB, fn func(eventstore.Querier) error) error {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return translate(err)
	}
	defer func() { _ = conn.Close() }()
	// Also after a BEGIN that fails, for it may have begun; see writer.transact.
	defer func() { _, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }()
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return fmt.Errorf("begin: %w", translate(err))
	}
	// A deferred transaction takes its snapshot at the first read: take it now, when the caller asks.
	var one int64
	if err := conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM log_head").Scan(&one); err != nil {
		return translate(err)
	}
	return fn(readQuerier{conn})
}
