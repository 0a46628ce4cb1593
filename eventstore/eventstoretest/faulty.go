package eventstoretest

import (
	"context"
	"errors"
	"sync"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

// errFault is a failure on purpose. It reads as one of the database: that of its class.
var errFault = errors.New("fault on purpose")

// fault says which step towards the database fails, and how.
type fault struct {
	step  int  // 1 is the first
	every bool // not the one, but every step
	// persisted: the step is done all the same, and only its answer is lost.
	persisted bool
	class     engine.Class
}

// faulty is a driver that fails once at the step it is told to. Steps are the statements inside transactions, their
// commits, and statements that are transactions of their own.
type faulty struct {
	engine.Driver

	// passed, when not nil, is called whenever a step is done, with how many are.
	passed func(done int)

	mu    sync.Mutex
	fault fault // step 0: none
	at    int
	done  int
	fired bool
}

// arm tells which step fails, counted from now.
func (d *faulty) arm(f fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault, d.at, d.done, d.fired = f, 0, 0, false
}

// disarm tells whether the step was reached.
func (d *faulty) disarm() (fired bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = fault{}
	return d.fired
}

// failing counts a step and tells whether it is the one.
func (d *faulty) failing() (persisted, fails bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at++
	fails = d.fault.step == d.at || d.fault.every
	d.fired = d.fired || fails
	return d.fault.persisted, fails
}

// step does what may fail.
func (d *faulty) step(do func() error) error {
	persisted, fails := d.failing()
	if !fails {
		err := do()
		d.pass()
		return err
	}
	if !persisted {
		return errFault
	}
	return errors.Join(do(), errFault)
}

func (d *faulty) pass() {
	d.mu.Lock()
	d.done++
	done := d.done
	d.mu.Unlock()
	if d.passed != nil {
		d.passed(done)
	}
}

// Classify takes a fault for what it stands for.
func (d *faulty) Classify(err error) engine.Class {
	if errors.Is(err, errFault) {
		return d.fault.class
	}
	return d.Driver.Classify(err)
}

// transaction counts the steps of a transaction that run begins and commits.
func (d *faulty) transaction(run func(func(eventstore.Querier) error) error, fn func(eventstore.Querier) error) error {
	var lost error // the answer to the commit
	err := run(func(q eventstore.Querier) error {
		if err := fn(&faultyQuerier{Querier: q, driver: d}); err != nil {
			return err
		}
		persisted, fails := d.failing()
		if !fails {
			return nil
		}
		lost = errFault
		if persisted {
			return nil
		}
		return errFault
	})
	if err == nil {
		err = lost
	}
	return err
}

func (d *faulty) Write(ctx context.Context, fn func(eventstore.Querier) error) error {
	return d.transaction(func(fn func(eventstore.Querier) error) error { return d.Driver.Write(ctx, fn) }, fn)
}

func (d *faulty) WriteKeys(ctx context.Context, known int64, fn func(eventstore.Querier) error,
) (stalled int64, err error) {
	err = d.transaction(func(fn func(eventstore.Querier) error) (err error) {
		stalled, err = d.Driver.WriteKeys(ctx, known, fn)
		return err
	}, fn)
	return stalled, err
}

func (d *faulty) Exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = d.step(func() (err error) {
		n, err = d.Driver.Exec(ctx, query, args...)
		return err
	})
	return n, err
}

// Insert is a step, and inside a transaction such of its statements as go by the Querier are, too.
func (d *faulty) Insert(ctx context.Context, q eventstore.Querier, b *engine.Batch) (base, recorded int64, err error) {
	if q == eventstore.Querier(d) {
		q = d.Driver
	}
	err = d.step(func() (err error) {
		base, recorded, err = d.Driver.Insert(ctx, q, b)
		return err
	})
	return base, recorded, err
}

// faultyQuerier is a transaction of a faulty driver.
type faultyQuerier struct {
	eventstore.Querier
	driver *faulty
}

// Unwrap lets the driver find its own transaction: what it does there past the Querier is a step of Insert's.
func (q *faultyQuerier) Unwrap() eventstore.Querier { return q.Querier }

func (q *faultyQuerier) Exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = q.driver.step(func() (err error) {
		n, err = q.Querier.Exec(ctx, query, args...)
		return err
	})
	return n, err
}

func (q *faultyQuerier) Bulk(ctx context.Context, op eventstore.BulkOp, rows [][]any) error {
	return q.driver.step(func() error { return q.Querier.Bulk(ctx, op, rows) })
}

func (q *faultyQuerier) Query(ctx context.Context, query string, args ...any) (rows eventstore.Rows, err error) {
	err = q.driver.step(func() (err error) {
		rows, err = q.Querier.Query(ctx, query, args...)
		return err
	})
	return orNone(rows, err)
}

func (q *faultyQuerier) QueryKeys(ctx context.Context, query string, keys any, args ...any) (
	rows eventstore.Rows, err error,
) {
	err = q.driver.step(func() (err error) {
		rows, err = q.Querier.QueryKeys(ctx, query, keys, args...)
		return err
	})
	return orNone(rows, err)
}

// orNone reads to their end the rows of an answer that is lost: on PostgreSQL a statement's work is done only then.
func orNone(rows eventstore.Rows, err error) (eventstore.Rows, error) {
	if err == nil || rows == nil {
		return rows, err
	}
	for rows.Next() {
		continue
	}
	return nil, errors.Join(err, rows.Err(), rows.Close())
}
