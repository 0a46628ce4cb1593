package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

// driver implements engine.Driver.
type driver struct {
	pool *pgxpool.Pool
	// keyPool is for subject keys, which are made while their makers hold connections of pool: waiting there for one
	// more could be for ever.
	keyPool *pgxpool.Pool
	notify  bool
	stop    func() // ends listening; nil when it never began
}

var _ engine.Driver = (*driver)(nil)

func (d *driver) Traits() engine.Traits {
	return engine.Traits{
		Backend: "postgres", Lock: " FOR UPDATE", OneStatement: true, BatchEvents: batchEvents, Statements: statements(),
	}
}

func (d *driver) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	return querier{d.pool}.Exec(ctx, query, args...)
}

func (d *driver) Query(ctx context.Context, query string, args ...any) (eventstore.Rows, error) {
	return querier{d.pool}.Query(ctx, query, args...)
}

func (d *driver) QueryKeys(ctx context.Context, query string, keys any, args ...any) (eventstore.Rows, error) {
	return querier{d.pool}.QueryKeys(ctx, query, keys, args...)
}

func (d *driver) Bulk(ctx context.Context, op eventstore.BulkOp, rows [][]any) error {
	return querier{d.pool}.Bulk(ctx, op, rows)
}

func (d *driver) Write(ctx context.Context, fn func(eventstore.Querier) error) error {
	options := pgx.TxOptions{IsoLevel: pgx.ReadCommitted}
	if eventstore.IsDerived(ctx) { // a later commit that is waited for takes this one to the disk with it
		options.BeginQuery = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off"
	}
	return transact(ctx, d.pool, options, fn)
}

func (d *driver) WriteKeys(ctx context.Context, _ int64, fn func(eventstore.Querier) error) (int64, error) {
	return 0, transact(ctx, d.keyPool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, fn)
}

func (d *driver) ReadTx(ctx context.Context, fn func(eventstore.Querier) error) error {
	// The snapshot is taken by the first statement: take it now, when the caller asks.
	return transact(ctx, d.pool, pgx.TxOptions{BeginQuery: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1"}, fn)
}

func transact(ctx context.Context, pool *pgxpool.Pool, options pgx.TxOptions, fn func(eventstore.Querier) error) error {
	tx, err := pool.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("begin: %w", translate(err))
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // does nothing after a commit
	if err := fn(querier{tx}); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit: %w", translate(err))
	}
	return nil
}

func (d *driver) Close() error {
	if d.stop != nil {
		d.stop()
	}
	d.pool.Close()
	d.keyPool.Close()
	return nil
}
