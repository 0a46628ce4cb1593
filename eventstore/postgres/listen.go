package postgres

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// listen keeps one connection that hears of appends of other processes. It is a hint: whatever goes wrong here is
// tried again later, and polling finds the events meanwhile. It goes on until stop, or ctx ends.
func (d *driver) listen(ctx context.Context, c Config, wake func(connection string)) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		for pause := time.Second; ctx.Err() == nil; pause = min(2*pause, time.Minute) {
			if heardAny := hear(ctx, c, wake); heardAny {
				pause = time.Second
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
		}
	})
	d.stop = func() {
		cancel()
		done.Wait()
	}
}

// hear listens until something fails and reports whether it ever began to.
func hear(ctx context.Context, c Config, wake func(connection string)) bool {
	config, err := c.pool()
	if err != nil {
		return false
	}
	// Nothing is asked for here, so silence says nothing; the keep-alive tells a dead connection from a quiet log.
	config.ConnConfig.DialFunc = (&net.Dialer{KeepAliveConfig: keepAlive}).DialContext
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return false
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(end)
	}()
	if _, err := conn.Exec(ctx, "LISTEN duolog"); err != nil {
		return false
	}
	wake("") // what was missed until now
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return true
		}
		wake(n.Payload)
	}
}
