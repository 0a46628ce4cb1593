package lease

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// Handle is a connection that is owned. All methods may be called concurrently.
type Handle struct {
	db         eventstore.DB
	now        func() time.Time
	connection string
	owner      string
	epoch      int64
	lost       chan struct{}

	mu    sync.Mutex
	began time.Time // when the last successful renewal began
	until int64
	gone  bool
}

// Connection names what is owned.
func (h *Handle) Connection() string { return h.connection }

// Epoch is the number every transaction of this owner is fenced by.
func (h *Handle) Epoch() int64 { return h.epoch }

// Lost is closed once the lease is known to be lost.
func (h *Handle) Lost() <-chan struct{} { return h.lost }

// Held reports whether nobody else can own the connection yet; ask right before each send. Both clocks must agree:
// the monotonic one cannot be set, but stands still while a machine sleeps.
func (h *Handle) Held() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.gone && h.left(h.now()) > 0
}

// left is the time until the owner must stop by itself.
func (h *Handle) left(now time.Time) time.Duration {
	passed := max(now.Sub(h.began), now.Round(0).Sub(h.began.Round(0)))
	return TTL - margin - passed
}

// Fence is Fence for this handle's connection and epoch.
func (h *Handle) Fence(ctx context.Context, tx eventstore.Tx) error {
	return Fence(ctx, tx, h.connection, h.epoch)
}

// renew moves the row. It reports whether the lease is over: taken by another, or not renewed in time.
func (h *Handle) renew(ctx context.Context) (over bool, err error) {
	began := h.now()
	h.mu.Lock()
	until, left := max(began.Add(TTL).UnixMicro(), h.until+1), h.left(began)
	h.mu.Unlock()
	if left <= 0 {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	n, err := h.db.Exec(ctx, "UPDATE lease SET until = $1 WHERE connection = $2 AND epoch = $3 AND owner = $4",
		until, h.connection, h.epoch, h.owner)
	if err != nil {
		return !h.Held(), fmt.Errorf("renew the lease: %w", err)
	}
	if n == 0 {
		return true, nil
	}
	h.mu.Lock()
	h.began, h.until = began, until
	h.mu.Unlock()
	return false, nil
}

func (h *Handle) lose() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.gone {
		h.gone = true
		close(h.lost)
	}
}

// release gives the connection back, so that the next owner need not wait.
func (h *Handle) release(ctx context.Context) error {
	h.mu.Lock()
	h.gone = true
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, TTL)
	defer cancel()
	_, err := h.db.Exec(ctx, `UPDATE lease SET owner = '', until = 0
		WHERE connection = $1 AND epoch = $2 AND owner = $3`, h.connection, h.epoch, h.owner)
	if err != nil {
		return fmt.Errorf("give the lease back: %w", err)
	}
	return nil
}
