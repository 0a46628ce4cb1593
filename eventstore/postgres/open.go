package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

// Open connects to the database.
func Open(ctx context.Context, c Config) (eventstore.Store, error) { return openWrapped(ctx, c, nil) }

// openWrapped puts wrap, when there is one, around the driver.
func openWrapped(ctx context.Context, c Config, wrap func(engine.Driver) engine.Driver) (eventstore.Store, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	if c.Migrate {
		if _, err := Migrate(ctx, c); err != nil {
			return nil, err
		}
	} else if err := checkSchema(ctx, c); err != nil {
		return nil, err
	}
	d := &driver{notify: !c.NoNotify}
	var err error
	if d.pool, err = newPool(ctx, c, c.MaxConns); err != nil {
		return nil, err
	}
	if d.keyPool, err = newPool(ctx, c, 2); err != nil {
		d.pool.Close()
		return nil, err
	}
	var outer engine.Driver = d
	if wrap != nil {
		outer = wrap(d)
	}
	store := engine.New(outer, c.engine())
	if d.notify {
		d.listen(context.WithoutCancel(ctx), c, store.Wake)
	}
	return store, nil
}

func newPool(ctx context.Context, c Config, conns int) (*pgxpool.Pool, error) {
	config, err := c.pool()
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(conns)
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error { return c.setSession(ctx, conn) }
	config.PingTimeout = 5 * time.Second
	config.ConnConfig.DialFunc = attentive(c.SilenceLimit)
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", translate(err))
	}
	return pool, nil
}

// setSession sets what the promises rest on, whatever the server's, database's or role's defaults are.
func (c Config) setSession(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, fmt.Sprintf("SET synchronous_commit = on; "+
		"SET default_transaction_isolation = 'read committed'; "+
		"SET idle_in_transaction_session_timeout = %d", c.IdleTimeout.Milliseconds()), pgx.QueryExecModeSimpleProtocol)
	return err
}
