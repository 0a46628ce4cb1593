package engine

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/envelope"
)

// Log implements eventstore.Log.
type Log struct {
	store      *Store
	connection string
	vault      *vault
	recent     *recent
	bell       bell
	most       int                             // events in a group commit; 0: maxBatchEvents
	head       atomic.Int64                    // the highest position known here
	unsealed   atomic.Pointer[envelope.Sealed] // set by Unsealed alone
	screen     atomic.Pointer[eventstore.Screen]

	mu      sync.Mutex
	queue   []*call
	queued  int // events in queue
	workers int // goroutines that work on the queue
}

func newLog(s *Store, connection string, secret []byte, head eventstore.Head) *Log {
	l := &Log{
		store: s, connection: connection,
		vault: newVault(s, connection, secret, head.KeyEpoch), recent: newRecent(), most: s.driver.Traits().BatchEvents,
	}
	l.head.Store(head.Position)
	return l
}

// Connection names the log.
func (l *Log) Connection() string { return l.connection }

// Vault holds the keys.
func (l *Log) Vault() eventstore.Vault { return l.vault }

// Screen sets what every event has to pass.
func (l *Log) Screen(s eventstore.Screen) { l.screen.Store(&s) }

// Head reads the head.
func (l *Log) Head(ctx context.Context) (eventstore.Head, error) {
	head, _, _, err := l.store.readHead(ctx, l.connection)
	if err != nil {
		return head, fmt.Errorf("read head of %s: %w", l.connection, err)
	}
	l.vault.sawEpoch(head.KeyEpoch)
	l.reached(head.Position)
	return head, nil
}

// reached notes that the log goes at least to the position.
func (l *Log) reached(position int64) {
	for {
		known := l.head.Load()
		if known >= position || l.head.CompareAndSwap(known, position) {
			return
		}
	}
}

// Wait returns when reading on may be worth it.
func (l *Log) Wait(ctx context.Context, after int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.head.Load() > after {
		return nil
	}
	heard := l.bell.heard()
	// The bell is taken before the look, so an append between them rings it. A failed look is for the reader who
	// follows to find out, after the usual interval: returning at once would make him spin.
	if head, err := l.Head(ctx); err == nil && head.Position > after {
		return nil
	}
	timer := time.NewTimer(l.store.opts.PollInterval)
	defer timer.Stop()
	select {
	case <-heard:
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	case <-l.store.ctx.Done():
		return fmt.Errorf("wait for events: %w: closed", eventstore.ErrUnavailable)
	}
	return nil
}

// Read pages through the log.
func (l *Log) Read(ctx context.Context, after int64, limit int) ([]eventstore.Event, error) {
	if limit <= 0 {
		return nil, nil
	}
	after = max(after, 0)
	through := int64(math.MaxInt64)
	if after <= through-int64(limit) {
		through = after + int64(limit)
	}
	rows, err := l.store.driver.Query(ctx, l.store.sql.Read, l.connection, after, through)
	return l.open(ctx, rows, err, limit)
}

// ReadStream pages through a stream.
func (l *Log) ReadStream(ctx context.Context, stream string, after int64, limit int) ([]eventstore.Event, error) {
	if limit <= 0 {
		return nil, nil
	}
	rows, err := l.store.driver.Query(ctx, l.store.sql.ReadStream, l.connection, stream, after, int64(limit))
	return l.open(ctx, rows, err, limit)
}

// Get reads single events.
func (l *Log) Get(ctx context.Context, positions ...int64) ([]eventstore.Event, error) {
	if len(positions) == 0 {
		return nil, nil
	}
	sorted := slices.Clone(positions)
	slices.Sort(sorted)
	rows, err := l.store.driver.QueryKeys(ctx, l.store.sql.ReadSome, slices.Compact(sorted), l.connection)
	events, err := l.open(ctx, rows, err, len(positions))
	slices.SortFunc(events, func(a, b eventstore.Event) int { return cmp.Compare(a.Position, b.Position) })
	return events, err
}

// open collects rows, not more than the limit, and opens what is sealed in them.
func (l *Log) open(ctx context.Context, rows eventstore.Rows, err error, limit int) ([]eventstore.Event, error) {
	events, err := l.scan(rows, err, limit)
	if err != nil {
		return nil, fmt.Errorf("read log %s: %w", l.connection, err)
	}
	subjects := make([]string, len(events))
	for i := range events {
		subjects[i] = events[i].Subject
	}
	keys, err := l.vault.keys(ctx, subjects, readOnly)
	if err != nil {
		return nil, fmt.Errorf("read log %s: %w", l.connection, err)
	}
	for i := range events {
		if err := openEvent(&events[i], keys); err != nil {
			return nil, fmt.Errorf("read log %s: event %d: %w", l.connection, events[i].Position, err)
		}
	}
	if n := len(events); n > 0 {
		l.reached(events[n-1].Position)
	}
	return events, nil
}

func openEvent(ev *eventstore.Event, keys map[string]subjectKey) (err error) {
	sealed := ev.Data
	held, ok := keys[ev.Subject]
	ev.Data, ev.Erased = nil, held.erased || ev.Position <= held.since
	if ev.Erased {
		return nil
	}
	if !ok {
		return errNoKey(ev.Subject)
	}
	ev.Data, err = held.key.OpenEvent(ev, sealed)
	return err
}

const (
	// few events are read without room for a page: who follows the log mostly finds one.
	few = 8
	// maxRoom bounds the room made before it is known how many events there are.
	maxRoom = 4096
)

// scan reads every row into the same place first: a page of events is many of them.
func (l *Log) scan(rows eventstore.Rows, err error, limit int) ([]eventstore.Event, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var (
		events []eventstore.Event
		ev     eventstore.Event
		schema int64
	)
	known := words{}
	into := []any{
		&ev.Position, fixed(ev.ID[:]), &ev.Stream,
		word{&ev.Type, known},
		&schema, &ev.OccurredAt, &ev.RecordedAt,
		word{&ev.Actor, known},
		&ev.Causation,
		word{&ev.Subject, known},
		&ev.Data, fixed(ev.Hash[:]),
	}
	for rows.Next() {
		ev = eventstore.Event{Connection: l.connection}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		ev.Schema = int(schema)
		if ev.OccurredAt == 0 {
			ev.OccurredAt = ev.RecordedAt
		}
		if len(events) == few {
			events = slices.Grow(events, max(min(limit, maxRoom)-few, 0))
		}
		events = append(events, ev)
	}
	return events, rows.Err()
}
