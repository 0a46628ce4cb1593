package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

// driver implements engine.Driver.
type driver struct {
	readers *reader
	writer  *writer
}

var _ engine.Driver = (*driver)(nil)

// reader is the pool of connections that only read.
type reader struct {
	pool *sql.DB
	readQuerier
}

func newReader(pool *sql.DB) *reader { return &reader{pool: pool, readQuerier: readQuerier{pool}} }

func (d *driver) Traits() engine.Traits {
	return engine.Traits{Backend: "sqlite", Statements: engine.Portable}
}

func (d *driver) Query(ctx context.Context, query string, args ...any) (eventstore.Rows, error) {
	return d.readers.Query(ctx, query, args...)
}

func (d *driver) QueryKeys(ctx context.Context, query string, keys any, args ...any) (eventstore.Rows, error) {
	return d.readers.QueryKeys(ctx, query, keys, args...)
}

func (d *driver) Exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = d.Write(ctx, func(q eventstore.Querier) error {
		n, err = q.Exec(ctx, query, args...)
		return err
	})
	return n, err
}

func (d *driver) Bulk(ctx context.Context, op eventstore.BulkOp, rows [][]any) error {
	return d.Write(ctx, func(q eventstore.Querier) error { return q.Bulk(ctx, op, rows) })
}

func (d *driver) Write(ctx context.Context, fn func(eventstore.Querier) error) error {
	if err := d.writer.take(ctx); err != nil {
		return err
	}
	defer d.writer.give()
	return d.writer.transact(ctx, fn)
}

func (d *driver) WriteKeys(ctx context.Context, known int64, fn func(eventstore.Querier) error) (int64, error) {
	if stalled, err := d.writer.takeUnlessStalled(ctx, known); stalled != 0 || err != nil {
		return stalled, err
	}
	defer d.writer.give()
	return 0, d.writer.transact(ctx, fn)
}

func (d *driver) ReadTx(ctx context.Context, fn func(eventstore.Querier) error) error {
	return snapshot(ctx, d.readers.pool, fn)
}

func (d *driver) Insert(ctx context.Context, q eventstore.Querier, b *engine.Batch) (int64, int64, error) {
	return engine.InsertPlain(ctx, q, b)
}

func (d *driver) Close() error { return errors.Join(d.writer.close(), d.readers.pool.Close()) }
