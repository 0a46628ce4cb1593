package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/transfer"
	"github.com/duolog/duolog/projections/lease"
	"github.com/duolog/duolog/projections/outbound"
)

// ErrServed: the database to be moved is in use.
var ErrServed = errors.New("it is being served: end duolog serve there first")

// CopyOptions say what goes along with a move.
type CopyOptions struct {
	By       httpapi.By
	Progress Progress
	// Again copies logs that were moved before.
	Again bool
}

// Move copies everything into an empty database, of whichever backend, and closes the logs here: they go on there, at
// the same positions, with the same hashes and heads. The most is copied while the source is served; for the rest it must
// not be. One that was killed is gone on with.
func Move(ctx context.Context, from, to Config, o CopyOptions, logger *slog.Logger) (done Transferred, err error) {
	m := &move{CopyOptions: o, fromConfig: from, toConfig: to, logger: logger}
	if err := m.keys(); err != nil {
		return done, err
	}
	if m.from, err = from.open(ctx, m.key); err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, m.from.Close()) }()
	if m.to, err = to.open(ctx, m.own); err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, m.to.Close()) }()
	if done, err = m.run(ctx); err != nil {
		err = fmt.Errorf("copy: %w", err)
	}
	return done, err
}

// move is a copy under way.
type move struct {
	CopyOptions
	fromConfig, toConfig Config
	from, to             eventstore.Store
	key, own             eventstore.MasterKey
	logger               *slog.Logger
}

// keys loads both: the target's is made where there is none.
func (m *move) keys() (err error) {
	for _, c := range []Config{m.fromConfig, m.toConfig} {
		if err := c.Validate(); err != nil {
			return err
		}
	}
	if m.fromConfig.DatabaseURL == m.toConfig.DatabaseURL {
		return fmt.Errorf("%w: source and target are the same database", ErrConfig)
	}
	if m.key, err = eventstore.LoadMasterKey(m.fromConfig.MasterKeyFile); err != nil {
		return err
	}
	m.own, err = m.toConfig.masterKey()
	return err
}

func (m *move) run(ctx context.Context) (Transferred, error) {
	if err := whole(ctx, m.from); err != nil {
		return Transferred{}, err
	}
	state, _, err := transfer.Read(ctx, m.to)
	if err != nil {
		return Transferred{}, err
	}
	if state == transfer.Own {
		if err := m.allowed(ctx); err != nil {
			return Transferred{}, err
		}
	}
	c := transfer.Copy{From: m.from, To: m.to, Key: m.key, NewKey: m.own, Clock: m.fromConfig.now, Progress: m.Progress.of("copy")}
	if _, err := c.Run(ctx); err != nil {
		return Transferred{}, err
	}
	if err := m.close(ctx); err != nil {
		return Transferred{}, err
	}
	c.Progress = m.Progress.of("copy the rest")
	sum, err := c.Run(ctx)
	if err != nil {
		return Transferred{}, err
	}
	if err := compared(ctx, m.from, m.to, m.own, sum, m.Progress); err != nil {
		return Transferred{}, err
	}
	for _, l := range sum.Logs {
		if err := m.refill(ctx, l.Connection); err != nil {
			return Transferred{}, fmt.Errorf("connection %s: %w", l.Connection, err)
		}
	}
	return told(sum, m.own), transfer.Set(ctx, m.to, transfer.Own, sum.At)
}

// allowed refuses logs that went on elsewhere already: two that go on are two logs of one name.
func (m *move) allowed(ctx context.Context) error {
	names, err := m.open(ctx)
	if err != nil || m.Again {
		return err
	}
	all, err := m.from.Connections(ctx)
	if err == nil && len(names) < len(all) {
		err = fmt.Errorf("%w; --again copies it all the same, when that one is lost for good", eventstore.ErrClosed)
	}
	return err
}

// open are the logs that still take events here.
func (m *move) open(ctx context.Context) ([]string, error) {
	rows, err := m.from.Query(ctx, "SELECT connection FROM log_head WHERE closed = 0 ORDER BY connection")
	return eventstore.Scan(rows, err, func(r eventstore.Rows) (s string, err error) { return s, r.Scan(&s) })
}

// close ends the logs of the source: the last event of each says that it goes on elsewhere.
func (m *move) close(ctx context.Context) error {
	names, err := m.open(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		alive, err := lease.Alive(ctx, m.from, name)
		if err == nil && alive {
			err = fmt.Errorf("%w: connection %s of %s", ErrServed, name, m.fromConfig.Database())
		}
		if err != nil {
			return err
		}
	}
	for _, name := range names {
		a, err := m.fromConfig.For(name).asIs(ctx, m.from, m.key, m.logger)
		if err != nil {
			return err
		}
		if err := a.closeLog(ctx, m.toConfig.Database(), m.By); err != nil {
			return fmt.Errorf("close the log of %s: %w", name, err)
		}
	}
	return nil
}

// notMoved refuses a log that goes on in another database.
func (a *App) notMoved(ctx context.Context) error {
	rows, err := a.Store.Query(ctx, "SELECT closed FROM log_head WHERE connection = $1 AND closed = 1", a.Connection)
	closed, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (n int64, err error) { return n, r.Scan(&n) })
	if err == nil && len(closed) > 0 {
		err = fmt.Errorf("%w: %w", ErrRefused, a.whither(ctx, eventstore.ErrClosed))
	}
	return err
}

// whither adds to an error that the log was moved where it goes on: its last event tells.
func (a *App) whither(ctx context.Context, err error) error {
	if !errors.Is(err, eventstore.ErrClosed) {
		return err
	}
	head, wrong := a.Log.Head(ctx)
	if wrong != nil {
		return err
	}
	last, wrong := a.Log.Read(ctx, head.Position-1, 1)
	var moved domain.Act
	if wrong != nil || len(last) == 0 || last[0].Type != domain.LogMoved || domain.Decode(last[0].Type, last[0].Schema, last[0].Data, &moved) != nil {
		return err
	}
	return fmt.Errorf("%w, %s, since %s: look and act there", eventstore.ErrClosed, moved.Name,
		time.UnixMicro(last[0].RecordedAt).UTC().Format("2006-01-02 15:04 UTC"))
}

func (a *App) closeLog(ctx context.Context, to string, by httpapi.By) error {
	moved, err := a.act(domain.LogMoved, streamConnection, domain.Act{Reason: by.Reason, Name: to}, by)
	if err != nil {
		return err
	}
	return a.Store.InTx(ctx, func(tx eventstore.Tx) error {
		if _, err := tx.Append(ctx, a.Log, moved); err != nil {
			return err
		}
		// The head's row is locked already, and nothing else of the transaction follows.
		_, err := tx.Exec(ctx, "UPDATE log_head SET closed = 1 WHERE connection = $1", a.Connection)
		return err
	})
}

// refill makes what is read of a log, over there.
func (m *move) refill(ctx context.Context, connection string) error {
	a, err := m.toConfig.For(connection).asIs(ctx, m.to, m.own, m.logger)
	if err != nil {
		return err
	}
	if err := outbound.Rebuild(ctx, a.Store, a.Log, m.Progress.of("rebuild "+connection)); err != nil {
		return err
	}
	return errors.Join(a.CatchUp(ctx), a.keepErasures(ctx))
}
