package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/duolog/duolog/eventstore"
)

// Bounds of one transaction of the group commit, unless its driver names another. A single call may be larger.
const (
	maxBatchEvents = 1000
	maxBatchBytes  = 16 << 20
)

// Append stores events through group commit.
func (l *Log) Append(ctx context.Context, events ...eventstore.NewEvent) ([]eventstore.Appended, error) {
	if len(events) == 0 {
		return nil, nil
	}
	c, err := l.newCall(ctx, events)
	if err != nil {
		return nil, err
	}
	if result, err, ok := l.known(c); ok {
		return result, err
	}
	if !l.enqueue(c) {
		return nil, fmt.Errorf("append to %s: %w: closed", l.connection, eventstore.ErrUnavailable)
	}
	select {
	case <-c.done:
		return c.result, c.err
	case <-ctx.Done():
		return nil, fmt.Errorf("append to %s: %w", l.connection, ctx.Err())
	}
}

// enqueue starts a worker when none runs: the first call waits for nothing, and those that come while it commits
// make up the next batch. Where the database itself lines transactions up, a second worker brings the next full batch
// to the head's lock while the first one commits.
func (l *Log) enqueue(c *call) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	full := l.queued+len(c.events) > maxBatchEvents && l.store.driver.Traits().OneStatement
	if l.workers == 0 || l.workers == 1 && full {
		if !l.store.begin() {
			return false
		}
		l.workers++
		go l.work(l.store.ctx)
	}
	l.queue = append(l.queue, c)
	l.queued += len(c.events)
	return true
}

// work commits until nothing is queued. Its ctx is the store's: a batch outlives the caller who brought it.
func (l *Log) work(ctx context.Context) {
	defer l.store.active.Done()
	for {
		batch, more := l.take()
		if !more {
			return
		}
		l.commit(ctx, batch, false)
	}
}

// take cuts a batch off the queue, or ends the worker.
func (l *Log) take() (batch []*call, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		l.workers--
		return nil, false
	}
	events, size, n := 0, 0, 0
	most := cmp.Or(l.most, maxBatchEvents)
	for _, c := range l.queue {
		events, size = events+len(c.events), size+c.size
		if n > 0 && (events > most || size > maxBatchBytes) {
			break
		}
		n++
		if c.ctx.Err() == nil { // who has given up is not waited for, nor stored
			batch = append(batch, c)
		}
	}
	for _, c := range l.queue[:n] {
		l.queued -= len(c.events)
	}
	l.queue = append([]*call(nil), l.queue[n:]...)
	return batch, true
}

// commit stores the calls and answers each. The locked way looks at what is there; the other does not, and fails as a
// whole when it should have.
func (l *Log) commit(life context.Context, calls []*call, locked bool) {
	ctx, cancel := context.WithTimeout(life, l.store.opts.WriteTimeout)
	defer cancel()
	var err error
	for try := 0; try < maxTries; try++ {
		calls = l.ready(ctx, calls)
		if len(calls) == 0 {
			return
		}
		if locked = locked || l.mustLook(calls); locked {
			err = l.storeLocked(ctx, calls)
		} else {
			err = l.storeFast(ctx, calls)
		}
		if err == nil {
			return
		}
		again, wait := l.judge(err)
		if !again {
			break
		}
		// Also after a lost connection: the commit may have happened, and only looking tells.
		locked = true
		if wait && pause(ctx, try+1) != nil {
			break
		}
	}
	l.failed(life, calls, err)
}

// judge says whether a batch's failure is worth another try, and whether to pause before.
func (l *Log) judge(err error) (again, wait bool) {
	if errors.Is(err, ErrMoved) || errors.Is(err, errKeyRace) {
		return true, false
	}
	switch l.store.driver.Classify(err) {
	case Unique:
		return true, false
	case Retry, Unavailable:
		return true, true
	case Other:
	}
	return false, false
}

// failed answers a batch that could not be stored. One call's fault must not be its neighbours', so they are tried
// one by one.
func (l *Log) failed(life context.Context, calls []*call, err error) {
	if len(calls) > 1 && l.store.driver.Classify(err) == Other && !errors.Is(err, context.DeadlineExceeded) {
		for _, c := range calls {
			l.commit(life, []*call{c}, true)
		}
		return
	}
	if l.store.driver.Classify(err) == Retry || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, context.Canceled) {
		err = fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
	}
	for _, c := range calls {
		c.answer(nil, fmt.Errorf("append to %s: %w", l.connection, err))
	}
}

// ready answers calls that memory or a destroyed key decides, and seals again those whose keys may be stale.
func (l *Log) ready(ctx context.Context, calls []*call) []*call {
	left := calls[:0:0]
	for _, c := range calls {
		if err := l.reseal(ctx, c); err != nil {
			c.answer(nil, err)
			continue
		}
		if result, err, ok := l.known(c); ok {
			c.answer(result, err)
			continue
		}
		left = append(left, c)
	}
	return left
}

// mustLook tells whether a batch cannot do without a look: expectations, or keys known or repeated.
func (l *Log) mustLook(calls []*call) bool {
	seen := make(map[string]bool, len(calls))
	for _, c := range calls {
		if c.expects {
			return true
		}
		for _, row := range c.rows {
			key := string(row.Key)
			if _, known := l.recent.get(row.Key); known || seen[key] {
				return true
			}
			seen[key] = true
		}
	}
	return false
}
