package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/duolog/duolog/eventstore"
)

// appendLocked locks the head, stores the subject keys of the calls that wait, looks up in new statements what is
// there, inserts what survives, and leaves in each call its result or its own error. The function it returns is called
// once the transaction q is committed. An error is about all calls: nothing was stored.
//
// The look-up must be a statement after the lock: one that waited for the lock still sees what was there before. And
// it must come after the keys: under a key that another process was faster with, the same event would look like
// another one.
func (l *Log) appendLocked(ctx context.Context, q eventstore.Querier, calls []*call) (func(), error) {
	p := &plan{log: l, q: q, byKey: map[string]stored{}, lastOf: map[string]int64{}}
	epoch, err := p.lock(ctx)
	if err != nil {
		return nil, err
	}
	l.vault.sawEpoch(epoch)
	at, settle, err := l.vault.flush(ctx, q, keysOf(calls...))
	if err != nil {
		return nil, err
	}
	if stale(calls, at) {
		return nil, ErrMoved
	}
	if err := p.lookUp(ctx, calls); err != nil {
		return nil, err
	}
	for _, c := range calls {
		c.result, c.err = nil, nil // of an earlier try
		if err := p.judge(ctx, c); err != nil {
			return nil, err
		}
	}
	if err := p.insert(ctx, epoch, calls); err != nil {
		return nil, err
	}
	return func() {
		settle()
		l.landed(calls, p.base+int64(len(p.rows)))
	}, nil
}

// plan is a batch being worked out behind the head lock.
type plan struct {
	log    *Log
	q      eventstore.Querier
	base   int64             // the head's position before
	byKey  map[string]stored // dedupe keys stored, and those of rows
	lastOf map[string]int64  // last positions of streams that rows go to
	rows   []*Row            // the survivors, in order
}

func (p *plan) lock(ctx context.Context) (epoch int64, err error) {
	query := "SELECT position, key_epoch FROM log_head WHERE connection = $1" + p.log.store.driver.Traits().Lock
	rows, err := p.q.Query(ctx, query, p.log.connection)
	heads, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (none struct{}, err error) {
		return none, r.Scan(&p.base, &epoch)
	})
	if err == nil && len(heads) == 0 {
		err = fmt.Errorf("log %s has no head", p.log.connection)
	}
	return epoch, err
}

func (p *plan) lookUp(ctx context.Context, calls []*call) error {
	var keys [][]byte
	for _, c := range calls {
		for _, row := range c.rows {
			keys = append(keys, row.Key)
		}
	}
	rows, err := p.q.QueryKeys(ctx, p.log.store.sql.LookUp, keys, p.log.connection)
	_, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (none struct{}, err error) {
		var s stored
		var key, id, hash []byte
		if err := r.Scan(&key, &s.Position, &id, &s.RecordedAt, &hash); err != nil {
			return none, err
		}
		copy(s.ID[:], id)
		copy(s.hash[:], hash)
		p.byKey[string(key)] = s
		return none, nil
	})
	if err != nil {
		return fmt.Errorf("look up dedupe keys: %w", err)
	}
	return nil
}

// judge works out one call's results, or its error, and takes its new rows on when it has none. The error returned is
// the database's.
func (p *plan) judge(ctx context.Context, c *call) error {
	c.result = make([]eventstore.Appended, len(c.rows))
	mine := map[string]stored{} // counts for this call only, until it is taken on
	var rows []*Row
	for i, row := range c.rows {
		s, seen := p.byKey[string(row.Key)]
		if !seen {
			s, seen = mine[string(row.Key)]
		}
		if seen {
			if !c.accept(i, s) {
				return nil
			}
			continue
		}
		holds, err := p.holds(ctx, row.Event)
		if err != nil {
			return err
		}
		if !holds {
			c.err = fmt.Errorf("append to %s, stream %s after %d: %w",
				p.log.connection, row.Event.Stream, *row.Event.ExpectLast, eventstore.ErrExpectation)
			return nil
		}
		rows = append(rows, row)
		s.Position, s.ID, s.hash = p.base+int64(len(p.rows)+len(rows)), row.Event.ID, row.Hash
		mine[string(row.Key)], c.result[i] = s, s.Appended
	}
	p.takeOn(rows, mine)
	return nil
}

func (p *plan) takeOn(rows []*Row, keys map[string]stored) {
	for _, row := range rows {
		p.rows = append(p.rows, row)
		p.lastOf[row.Event.Stream] = p.base + int64(len(p.rows))
	}
	for key, s := range keys {
		p.byKey[key] = s
	}
}

// holds tells whether an event's expectation holds: against the log and the calls before its own.
func (p *plan) holds(ctx context.Context, ev *eventstore.NewEvent) (bool, error) {
	if ev.ExpectLast == nil {
		return true, nil
	}
	if last, ok := p.lastOf[ev.Stream]; ok {
		return last <= *ev.ExpectLast, nil
	}
	rows, err := p.q.Query(ctx, p.log.store.sql.Beyond, p.log.connection, ev.Stream, *ev.ExpectLast)
	beyond, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (n int64, err error) { return n, r.Scan(&n) })
	if err != nil {
		return false, fmt.Errorf("look up stream: %w", err)
	}
	return len(beyond) == 0, nil
}

// insert stores the survivors; the keys they are sealed with are there.
func (p *plan) insert(ctx context.Context, epoch int64, calls []*call) error {
	if len(p.rows) == 0 {
		return nil
	}
	base, recordedAt, err := p.log.store.driver.Insert(ctx, p.q, p.log.batch(p.rows, epoch, nil))
	if err != nil {
		return err
	}
	if base != p.base {
		return fmt.Errorf("head of %s is at %d, was locked at %d", p.log.connection, base, p.base)
	}
	for _, c := range calls {
		for i := range c.result {
			if c.err == nil && c.result[i].Position > base {
				c.result[i].RecordedAt = recordedAt
			}
		}
	}
	return nil
}

// stale tells whether a call was sealed before keys were last forgotten.
func stale(calls []*call, at stamp) bool {
	return slices.ContainsFunc(calls, func(c *call) bool { return c.at != at })
}
