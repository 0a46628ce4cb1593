package engine

import (
	"context"
	"errors"

	"github.com/duolog/duolog/eventstore"
)

func (l *Log) batch(rows []*Row, epoch int64, newKeys []KeyRow) *Batch {
	return &Batch{
		Connection: l.connection, KeyEpoch: epoch, Now: l.store.now(), Rows: rows, NewKeys: newKeys,
	}
}

// storeFast stores calls without a look at what is there: a key that exists fails the whole.
func (l *Log) storeFast(ctx context.Context, calls []*call) error {
	var rows []*Row
	for _, c := range calls {
		rows = append(rows, c.rows...)
	}
	at, newKeys := l.vault.waiting(everyKey)
	if stale(calls, at) {
		return ErrMoved
	}
	b := l.batch(rows, at.epoch, newKeys)
	base, recordedAt, err := l.insert(ctx, b)
	if err != nil {
		return l.moved(ctx, err)
	}
	l.vault.settled(newKeys, at)
	for _, c := range calls {
		base = c.stored(base, recordedAt)
	}
	l.landed(calls, base)
	return answerAll(calls)
}

// appendFast stores a call in a transaction without a look at what is there, under the head's lock for one statement and
// the commit. The function it returns is called once that is done.
func (l *Log) appendFast(ctx context.Context, q eventstore.Querier, c *call) (landed func(), err error) {
	at, newKeys := l.vault.waiting(keysOf(c))
	if c.at != at {
		return nil, ErrMoved
	}
	base, recordedAt, err := l.store.driver.Insert(ctx, q, l.batch(c.rows, at.epoch, newKeys))
	if err != nil {
		return nil, err
	}
	head := c.stored(base, recordedAt)
	return func() {
		l.vault.settled(newKeys, at)
		l.landed([]*call{c}, head)
	}, nil
}

func (l *Log) insert(ctx context.Context, b *Batch) (base, recordedAt int64, err error) {
	if l.store.driver.Traits().OneStatement {
		base, recordedAt, err = l.store.driver.Insert(ctx, l.store.driver, b)
		return base, recordedAt, l.store.wrote(err)
	}
	err = l.store.driver.Write(ctx, func(q eventstore.Querier) (err error) {
		base, recordedAt, err = l.store.driver.Insert(ctx, q, b)
		return err
	})
	return base, recordedAt, l.store.wrote(err)
}

// moved learns the present epoch when a batch was refused for it.
func (l *Log) moved(ctx context.Context, err error) error {
	if errors.Is(err, ErrMoved) {
		if _, failure := l.Head(ctx); failure != nil {
			return failure
		}
	}
	return err
}

// storeLocked stores the calls behind the head lock, each judged on its own.
func (l *Log) storeLocked(ctx context.Context, calls []*call) error {
	var landed func()
	err := l.store.write(ctx, func(q eventstore.Querier) (err error) {
		landed, err = l.appendLocked(ctx, q, calls)
		return err
	})
	if err != nil {
		return err
	}
	landed()
	return answerAll(calls)
}

// landed makes known what is committed.
func (l *Log) landed(calls []*call, head int64) {
	for _, c := range calls {
		if c.err == nil {
			l.recent.put(c)
		}
	}
	l.reached(head)
	l.bell.ring()
}

func answerAll(calls []*call) error {
	for _, c := range calls {
		c.answer(c.result, c.err)
	}
	return nil
}
