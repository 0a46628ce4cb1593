package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// writer is the one connection that writes. Whoever writes takes the turn; turns are given in the order asked for, so
// appends and projections do not starve each other as they would on SQLite's own busy polling.
type writer struct {
	pool  *sql.DB
	conn  *sql.Conn
	turn  chan struct{}
	stmts map[string]*sql.Stmt // guarded by turn
	// calls counts calls into SQLite: one when begun, one when ended. Odd means one is under way.
	calls atomic.Int64
	turns atomic.Int64 // given so far: names the present one
	lazy  bool         // commits are not waited for until they are on the disk; guarded by turn
}

// maxStmts bounds the prepared statements kept; programs have far fewer texts.
const maxStmts = 500

func newWriter(ctx context.Context, pool *sql.DB) (*writer, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &writer{pool: pool, conn: conn, turn: make(chan struct{}, 1), stmts: map[string]*sql.Stmt{}}, nil
}

func (w *writer) take(ctx context.Context) error {
	select {
	case w.turn <- struct{}{}:
		w.turns.Add(1)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stall is how long a transaction may do nothing before it counts as one that waits for what is asked of us.
const stall = 100 * time.Millisecond

// takeUnlessStalled takes the turn and returns 0, or the number of the turn whose owner does nothing: it may be our
// caller. One that is known to be stalled is not waited for again.
func (w *writer) takeUnlessStalled(ctx context.Context, known int64) (stalled int64, err error) {
	timer := time.NewTicker(stall)
	defer timer.Stop()
	for {
		before, turn := w.calls.Load(), w.turns.Load()
		if turn == known && len(w.turn) > 0 {
			return known, nil
		}
		select {
		case w.turn <- struct{}{}:
			w.turns.Add(1)
			return 0, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-timer.C:
			if now := w.calls.Load(); now == before && now%2 == 0 {
				return turn, nil
			}
		}
	}
}

// called marks a call into SQLite; what it returns marks the end.
func (w *writer) called() func() {
	w.calls.Add(1)
	return func() { w.calls.Add(1) }
}

func (w *writer) run(ctx context.Context, statement string) error {
	defer w.called()()
	_, err := w.conn.ExecContext(ctx, statement)
	return translate(err)
}

func (w *writer) give() { <-w.turn }

// patience sets whether commits wait for the disk. One that does takes those before it to the disk with it: the log of
// SQLite is written in order. What is derived need not wait.
func (w *writer) patience(ctx context.Context) error {
	lazy := eventstore.IsDerived(ctx)
	if lazy == w.lazy {
		return nil
	}
	level := "FULL"
	if lazy {
		level = "NORMAL"
	}
	if err := w.run(context.WithoutCancel(ctx), "PRAGMA synchronous = "+level); err != nil {
		return fmt.Errorf("synchronous = %s: %w", level, err)
	}
	w.lazy = lazy
	return nil
}

// transact runs fn in a transaction; the caller has the turn.
func (w *writer) transact(ctx context.Context, fn func(eventstore.Querier) error) (err error) {
	// The end of a transaction is not to be interrupted: a commit cut off would leave its outcome open.
	end := context.WithoutCancel(ctx)
	if err := w.patience(ctx); err != nil {
		return err
	}
	committed := false
	defer func() {
		if !committed {
			// SQLite may have rolled back by itself, which makes this one fail: either way nothing is left.
			_ = w.run(end, "ROLLBACK")
		}
	}()
	// Also a BEGIN that fails may have begun: the driver answers with the context's end whatever the statement did.
	if err := w.run(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := fn(writeQuerier{w}); err != nil {
		return err
	}
	if err := w.run(end, "COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	committed = true
	return nil
}

// prepare keeps statements, which an append of one event would otherwise spend its time on.
func (w *writer) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := w.stmts[query]; stmt != nil {
		return stmt, nil
	}
	if len(w.stmts) >= maxStmts {
		w.forget()
	}
	// Prepared without the caller's deadline: the statement outlives the call.
	stmt, err := w.conn.PrepareContext(context.WithoutCancel(ctx), query)
	if err != nil {
		return nil, err
	}
	w.stmts[query] = stmt
	return stmt, nil
}

func (w *writer) forget() {
	for query, stmt := range w.stmts {
		_ = stmt.Close()
		delete(w.stmts, query)
	}
}

func (w *writer) close() error {
	w.turn <- struct{}{} // a transaction under way ends first; the turn is never given back
	w.forget()
	return errors.Join(w.conn.Close(), w.pool.Close())
}

// writeQuerier runs statements on the writer's connection, for one who has the turn.
type writeQuerier struct{ w *writer }

func (q writeQuerier) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	defer q.w.called()()
	stmt, err := q.w.prepare(ctx, query)
	if err != nil {
		return 0, translate(err)
	}
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, translate(err)
	}
	return result.RowsAffected()
}

func (q writeQuerier) Query(ctx context.Context, query string, args ...any) (eventstore.Rows, error) {
	defer q.w.called()()
	return query1(ctx, q.w.conn, query, args)
}

func (q writeQuerier) QueryKeys(ctx context.Context, query string, keys any, args ...any) (eventstore.Rows, error) {
	return queryKeys(ctx, q.w.conn, query, keys, args)
}

func (q writeQuerier) Bulk(ctx context.Context, op eventstore.BulkOp, rows [][]any) error {
	defer q.w.called()()
	if len(rows) == 0 {
		return nil
	}
	stmt, err := q.w.prepare(ctx, bulkSQL(op))
	if err != nil {
		return translate(err)
	}
	for _, row := range rows {
		if _, err := stmt.ExecContext(ctx, row...); err != nil {
			return fmt.Errorf("write %s: %w", op.Table, translate(err))
		}
	}
	return nil
}
