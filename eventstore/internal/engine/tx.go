package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/duolog/duolog/eventstore"
)

// tx is an open transaction of InTx.
type tx struct {
	eventstore.Querier
	store   *Store
	derived bool
	look    bool // appends look at what is there before they store
	after   []func()
}

// errTaken: an append that did not look met a dedupe key, or a subject's, that is there. The transaction is lost and
// runs again, with a look.
var errTaken = errors.New("stored before")

// Append appends inside the transaction: the head is locked from here to the commit.
func (t *tx) Append(ctx context.Context, log eventstore.Log, events ...eventstore.NewEvent,
) ([]eventstore.Appended, error) {
	l, ok := log.(*Log)
	if !ok || l.store != t.store {
		return nil, errors.New("append in a transaction: the log belongs to another store")
	}
	if len(events) == 0 {
		return nil, nil
	}
	if t.derived {
		return nil, errors.New("append in a transaction for what is derived: it might not last")
	}
	c, err := l.newCall(ctx, events)
	if err != nil {
		return nil, err
	}
	if !t.look && !l.mustLook([]*call{c}) {
		landed, err := l.appendFast(ctx, t.Querier, c)
		if err == nil {
			t.after = append(t.after, landed)
			return c.result, nil
		}
		if l.store.driver.Classify(err) == Unique {
			return nil, fmt.Errorf("%w: %w", errTaken, err)
		}
		if !errors.Is(err, ErrMoved) {
			return nil, err
		}
	}
	return t.appendLooking(ctx, l, c)
}

// appendLooking stores what is not there yet.
func (t *tx) appendLooking(ctx context.Context, l *Log, c *call) (_ []eventstore.Appended, err error) {
	// Once per epoch that can have moved between the reading of the keys and the lock: the second time the lock is
	// held already.
	for range 3 {
		var landed func()
		if landed, err = l.appendLocked(ctx, t.Querier, []*call{c}); err == nil {
			t.after = append(t.after, landed)
			return c.result, c.err
		}
		if !errors.Is(err, ErrMoved) {
			return nil, err
		}
		if err := l.reseal(ctx, c); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("append in a transaction: %w", err)
}

func (t *tx) committed() {
	for _, landed := range t.after {
		landed()
	}
}
