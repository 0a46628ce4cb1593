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
	after   []func()
}

// Append appends inside the transaction, behind the head lock.
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
