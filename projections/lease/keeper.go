package lease

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// Keeper acquires leases and keeps them alive.
type Keeper struct {
	DB     eventstore.DB
	Now    func() time.Time // nil: time.Now; must carry a monotonic reading
	Logger *slog.Logger     // nil: slog.Default
}

// Run calls fn whenever this process owns the connection, until ctx ends or fn returns by itself. fn's context ends
// with ctx, or with cause ErrLost when the lease is lost; the lease is renewed until fn has returned, so that fn can
// finish what is under way. owner must be unique to this run of the process. Run returns fn's error, or ctx's.
func (k *Keeper) Run(ctx context.Context, connection, owner string, fn func(context.Context, *Handle) error) error {
	for {
		h, err := k.acquire(ctx, connection, owner)
		if err != nil {
			return err
		}
		log := k.logger().With(slog.String("connection", connection), slog.Int64("epoch", h.epoch))
		log.Info("connection owned", slog.String("owner", owner))
		lost, err := k.hold(ctx, h, fn)
		if ctx.Err() != nil || !lost {
			return err
		}
		log.Warn("lease lost", slog.String("owner", owner))
	}
}

// hold runs fn while the lease is renewed, and gives the lease back when it was not lost.
func (k *Keeper) hold(ctx context.Context, h *Handle, fn func(context.Context, *Handle) error) (bool, error) {
	own, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	renewal, stop := context.WithCancel(context.WithoutCancel(ctx))
	renewed := make(chan bool, 1)
	go func() { renewed <- k.keep(renewal, h, func() { h.lose(); cancel(ErrLost) }) }()
	err := fn(own, h)
	stop()
	if lost := <-renewed; lost {
		return true, err
	}
	if e := h.release(context.WithoutCancel(ctx)); e != nil {
		k.warn("lease not given back; it runs out by itself", h.connection, e)
	}
	return false, err
}

// keep renews until ctx ends (false) or the lease is lost (true, after calling lost).
func (k *Keeper) keep(ctx context.Context, h *Handle, lost func()) bool {
	tick := time.NewTicker(Renew)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		over, err := h.renew(ctx)
		switch {
		case over:
			lost()
			return true
		case err != nil && ctx.Err() == nil:
			k.warn("lease not renewed", h.connection, err)
		}
	}
}

// acquire waits until the connection is free and takes it.
func (k *Keeper) acquire(ctx context.Context, connection, owner string) (*Handle, error) {
	watch := watch{sqlite: k.DB.Backend() == "sqlite"}
	tick := time.NewTicker(Renew / 4)
	defer tick.Stop()
	for {
		h, err := k.try(ctx, &watch, connection, owner)
		if h != nil {
			return h, nil
		}
		if err != nil && ctx.Err() == nil {
			k.warn("lease not read", connection, err)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

// try takes the lease when it is free; no handle and no error means that another owns it.
func (k *Keeper) try(ctx context.Context, w *watch, connection, owner string) (*Handle, error) {
	ctx, cancel := context.WithTimeout(ctx, TTL) // a dead connection must not keep us waiting for ever
	defer cancel()
	seen, err := load(ctx, k.DB, connection)
	if err != nil {
		return nil, err
	}
	began := k.now()
	if !w.free(seen, began) {
		return nil, nil
	}
	until := max(began.Add(TTL).UnixMicro(), seen.Until+1)
	n, err := k.DB.Exec(ctx, `UPDATE lease SET owner = $1, epoch = epoch + 1, until = $2
		WHERE connection = $3 AND epoch = $4 AND until = $5`, owner, until, connection, seen.Epoch, seen.Until)
	if err != nil || n == 0 {
		return nil, err
	}
	return &Handle{
		db: k.DB, now: k.now, connection: connection, owner: owner, epoch: seen.Epoch + 1,
		lost: make(chan struct{}), began: began, until: until,
	}, nil
}

// watch measures how long a lease has stood still.
type watch struct {
	sqlite bool
	last   row
	since  time.Time
}

func (w *watch) free(seen row, now time.Time) bool {
	if seen.Owner == "" || w.sqlite && seen.Until < now.UnixMicro() {
		return true
	}
	if w.since.IsZero() || seen != w.last {
		w.last, w.since = seen, now
		return false
	}
	return now.Sub(w.since) >= TTL
}

func (k *Keeper) now() time.Time {
	if k.Now != nil {
		return k.Now()
	}
	return time.Now()
}

func (k *Keeper) warn(what, connection string, err error) {
	k.logger().Warn(what, slog.String("connection", connection), slog.Any("error", err))
}

func (k *Keeper) logger() *slog.Logger {
	if k.Logger != nil {
		return k.Logger
	}
	return slog.Default()
}
