package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/duolog/duolog/projections/lease"
)

// bell wakes everybody who listens. Whoever takes it before a look at the state misses nothing that comes after the look.
type bell struct {
	mu   sync.Mutex
	next chan struct{}
}

// heard is closed at the next ring.
func (b *bell) heard() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}

// lookForDue is how often the owner looks whether something is due though the connection's state has not moved.
const lookForDue = time.Second

// attend does an owner's chores whenever the connection's state has moved, and now and then, until ctx ends or the lease
// is lost. What fails is tried again.
func (e *engine) attend(ctx context.Context, what string, chores func() error) error {
	for ctx.Err() == nil {
		moved := e.moved.heard()
		err := chores()
		switch {
		case errors.Is(err, lease.ErrLost):
			return err
		case err != nil && ctx.Err() == nil:
			e.Logger.Warn(what+" will be looked at again", slog.Any("error", err))
			sleep(ctx, 4*lookForDue)
		case err == nil:
			rest(ctx, moved, lookForDue)
		}
	}
	return ctx.Err()
}

// rest waits so long, or until the bell rings.
func rest(ctx context.Context, moved <-chan struct{}, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-moved:
	}
}
