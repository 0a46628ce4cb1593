package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// Options of a store, complete and valid.
type Options struct {
	MasterKey    eventstore.MasterKey
	Clock        func() time.Time
	PollInterval time.Duration
	KeyCache     int // subject keys kept in memory, per connection
	// WriteTimeout bounds the transaction of a group commit.
	WriteTimeout time.Duration
}

// Store implements eventstore.Store over a driver.
type Store struct {
	driver Driver
	sql    Statements
	opts   Options
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	active sync.WaitGroup // group commits and transactions under way; Close waits for them

	// failed is the last write that did, nil once one made to find out has gone well.
	failed atomic.Pointer[failure]

	mu     sync.Mutex
	logs   map[string]*Log
	closed bool
}

var _ eventstore.Store = (*Store)(nil)

// New makes a store; Close closes the driver.
func New(driver Driver, opts Options) *Store {
	ctx, cancel := context.WithCancel(context.Background())
	return &Store{
		driver: driver, sql: driver.Traits().Statements, opts: opts, ctx: ctx, cancel: cancel, logs: map[string]*Log{},
	}
}

// Backend names the driver.
func (s *Store) Backend() string { return s.driver.Traits().Backend }

// Exec runs a statement on its own.
func (s *Store) Exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	if !s.hasSealedRows() {
		err = s.whileOpen(func() error {
			n, err = s.driver.Exec(ctx, query, args...)
			return s.wrote(err)
		})
		return n, err
	}
	err = s.InTx(ctx, func(tx eventstore.Tx) error {
		n, err = tx.Exec(ctx, query, args...)
		return err
	})
	return n, err
}

// Bulk runs a set-wise write on its own.
func (s *Store) Bulk(ctx context.Context, op eventstore.BulkOp, rows [][]any) error {
	return s.InTx(ctx, func(tx eventstore.Tx) error { return tx.Bulk(ctx, op, rows) })
}

// Query reads what is committed.
func (s *Store) Query(ctx context.Context, query string, args ...any) (eventstore.Rows, error) {
	return s.driver.Query(ctx, query, args...)
}

// QueryKeys reads what is committed.
func (s *Store) QueryKeys(ctx context.Context, query string, keys any, args ...any) (eventstore.Rows, error) {
	return s.driver.QueryKeys(ctx, query, keys, args...)
}

// ReadTx runs fn in one snapshot.
func (s *Store) ReadTx(ctx context.Context, fn func(eventstore.Querier) error) error {
	return s.whileOpen(func() error { return s.driver.ReadTx(ctx, fn) })
}

// InTx runs fn in one transaction, again when the database, a race for a subject's key or an append that should have
// looked asks for it.
func (s *Store) InTx(ctx context.Context, fn func(eventstore.Tx) error) error {
	return s.whileOpen(func() error {
		look := false
		return s.again(ctx, func() error {
			err := s.inTx(ctx, look, fn)
			look = look || err != nil
			return err
		})
	})
}

func (s *Store) inTx(ctx context.Context, look bool, fn func(eventstore.Tx) error) error {
	var t *tx
	err := s.write(ctx, func(q eventstore.Querier) error {
		t = &tx{Querier: q, store: s, derived: eventstore.IsDerived(ctx), look: look}
		return fn(t)
	})
	if err == nil {
		t.committed()
	}
	return err
}

// write runs fn in a transaction and commits with it the subject keys that wait in memory and sealed rows: what was
// sealed under them must not be stored before they are.
func (s *Store) write(ctx context.Context, fn func(eventstore.Querier) error) error {
	var kept []func()
	err := s.driver.Write(ctx, func(q eventstore.Querier) error {
		if err := fn(q); err != nil {
			return err
		}
		for _, l := range s.openLogs() {
			_, settle, err := l.vault.flush(ctx, q, sealedRows)
			if err != nil {
				return err
			}
			kept = append(kept, settle)
		}
		return nil
	})
	if s.wrote(err) != nil {
		return err
	}
	for _, settle := range kept {
		settle()
	}
	return nil
}

const maxTries = 12

// again repeats run while its failure is one that passes, with a growing, jittered pause.
func (s *Store) again(ctx context.Context, run func() error) error {
	var err error
	for try := range maxTries {
		if try > 0 {
			if cause := pause(ctx, try); cause != nil {
				return fmt.Errorf("%w (after: %w)", cause, err)
			}
		}
		if err = run(); err == nil || !s.passing(err) {
			return err
		}
	}
	return fmt.Errorf("gave up after %d tries: %w: %w", maxTries, eventstore.ErrUnavailable, err)
}

func (s *Store) passing(err error) bool {
	return errors.Is(err, errKeyRace) || errors.Is(err, errTaken) || s.driver.Classify(err) == Retry
}

func pause(ctx context.Context, try int) error {
	timer := time.NewTimer(time.Millisecond<<min(try, 7) + rand.N(2*time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) openLogs() []*Log {
	s.mu.Lock()
	defer s.mu.Unlock()
	logs := make([]*Log, 0, len(s.logs))
	for _, l := range s.logs {
		logs = append(logs, l)
	}
	return logs
}

func (s *Store) hasSealedRows() bool {
	return slices.ContainsFunc(s.openLogs(), func(l *Log) bool {
		_, rows := l.vault.waiting(sealedRows)
		return len(rows) > 0
	})
}

// Wake tells those who wait that a connection's log may have grown; "" means any.
func (s *Store) Wake(connection string) {
	for _, l := range s.openLogs() {
		if connection == "" || l.connection == connection {
			l.bell.ring()
		}
	}
}

// Connections lists the logs there are.
func (s *Store) Connections(ctx context.Context) ([]string, error) {
	rows, err := s.driver.Query(ctx, "SELECT connection FROM log_head ORDER BY connection")
	return eventstore.Scan(rows, err, func(r eventstore.Rows) (c string, err error) { return c, r.Scan(&c) })
}

// Close lets group commits and transactions under way finish and refuses others, then closes the database.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.active.Wait()
	s.cancel()
	return s.driver.Close()
}

// failure is a write that could not be made, and when, by the recording clock.
type failure struct {
	err error
	at  time.Time
}

// freshFailure is how long a failure speaks for itself: on a disk that is all but full a small write made to find out
// goes well where the next webhook's does not.
const freshFailure = 3 * time.Second

// wrote notes that a write failed, and returns its error. That one went well says little: a transaction that came to
// change nothing does so on a full disk, too.
func (s *Store) wrote(err error) error {
	if err != nil && s.driver.Classify(err) == Unavailable {
		s.failed.Store(&failure{err, s.opts.Clock()})
	}
	return err
}

// Writable tries a write only after one that failed. It changes nothing and yet has to go through to the disk.
func (s *Store) Writable(ctx context.Context) error {
	last := s.failed.Load()
	if last == nil {
		return nil
	}
	if age := s.opts.Clock().Sub(last.at); age >= 0 && age < freshFailure {
		return fmt.Errorf("write: %w", last.err)
	}
	_, err := s.Exec(ctx, `UPDATE log_head SET recorded_at = recorded_at
		WHERE connection = (SELECT MIN(connection) FROM log_head)`)
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	s.failed.CompareAndSwap(last, nil)
	return nil
}

// whileOpen runs what Close must wait for, unless the store closes already.
func (s *Store) whileOpen(run func() error) error {
	if !s.begin() {
		return fmt.Errorf("%w: the store is closed", eventstore.ErrUnavailable)
	}
	defer s.active.Done()
	return run()
}

// begin registers a group commit or a transaction; false once the store closes.
func (s *Store) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.active.Add(1)
	}
	return !s.closed
}

func (s *Store) now() int64 { return s.opts.Clock().UnixMicro() }
