package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/transfer"
)

// RestoreOptions say how a backup is put back.
type RestoreOptions struct {
	// KeyFile holds the key the backup opens with; empty: the configured one.
	KeyFile  string
	By       httpapi.By
	Progress Progress
}

// Restore fills the configured database, which must be empty, from a backup. The logs come back in a new generation,
// paused, and with nothing waiting to be sent. One that was killed is gone on with.
func Restore(ctx context.Context, c Config, file string, o RestoreOptions, logger *slog.Logger) (done Transferred, err error) {
	if err := c.Validate(); err != nil {
		return done, err
	}
	key, err := c.backupKey(o.KeyFile)
	if err != nil {
		return done, err
	}
	from, err := c.openBackup(ctx, file, key)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	own, err := c.placeKey(key, o.KeyFile)
	if err != nil {
		return done, err
	}
	to, err := c.open(ctx, own)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	r := &restoring{Config: c, RestoreOptions: o, from: from, to: to, key: key, own: own, logger: logger}
	if done, err = r.run(ctx); err != nil {
		err = fmt.Errorf("restore: %w", err)
	}
	return done, err
}

// backupKey loads the key a backup is to be opened with; it is never made.
func (c Config) backupKey(file string) (eventstore.MasterKey, error) {
	if file == "" {
		file = c.MasterKeyFile
	}
	key, err := eventstore.LoadMasterKey(file)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: a backup opens with the master key of its database, which it does not hold: %w", eventstore.ErrMasterKey, err)
	}
	return key, err
}

// placeKey returns the configured key. Where there is none the one of the backup becomes it.
func (c Config) placeKey(key eventstore.MasterKey, file string) (eventstore.MasterKey, error) {
	own, err := eventstore.LoadMasterKey(c.MasterKeyFile)
	if file == "" || !errors.Is(err, fs.ErrNotExist) {
		return own, err
	}
	return key, key.Save(c.MasterKeyFile)
}

// restoring is a restore under way.
type restoring struct {
	Config
	RestoreOptions
	from, to eventstore.Store
	key, own eventstore.MasterKey
	logger   *slog.Logger
}

func (r *restoring) run(ctx context.Context) (Transferred, error) {
	_, taken, err := transfer.Read(ctx, r.from)
	if err != nil {
		return Transferred{}, err
	}
	state, _, err := transfer.Read(ctx, r.to)
	if err != nil {
		return Transferred{}, err
	}
	if state != transfer.Filled {
		if err := r.fill(ctx); err != nil {
			return Transferred{}, err
		}
	}
	done := Transferred{At: taken, Key: r.own.ID()}
	names, err := r.from.Connections(ctx)
	if err != nil {
		return done, err
	}
	for _, name := range names {
		l, err := r.takeUp(ctx, name, taken.UnixMicro())
		if err != nil {
			return done, fmt.Errorf("connection %s: %w", name, err)
		}
		done.Logs = append(done.Logs, l)
	}
	return done, transfer.Set(ctx, r.to, transfer.Own, taken)
}

// fill copies the rows and verifies them.
func (r *restoring) fill(ctx context.Context) error {
	sum, err := transfer.Copy{
		From: r.from, To: r.to, Key: r.key, NewKey: r.own, Clock: r.now, Progress: r.Progress.of("copy"),
		Generation: func(l transfer.Log) int64 { return nextGeneration(l.Generation, r.now()) },
	}.Run(ctx)
	if err == nil {
		err = compared(ctx, r.from, r.to, r.own, sum, r.Progress)
	}
	if err != nil {
		return err
	}
	return transfer.Set(ctx, r.to, transfer.Filled, sum.At)
}

// nextGeneration is the moment of a restore, written as a number that a person can read. A count would come again when
// the same backup, or an older one, is put back a second time, and a consumer of the first would not hear of it.
func nextGeneration(last int64, now time.Time) int64 {
	at, err := strconv.ParseInt(now.UTC().Format("20060102150405"), 10, 64)
	if err != nil {
		return last + 1
	}
	return max(last+1, at)
}

// takeUp makes a log that was copied one that goes on.
func (r *restoring) takeUp(ctx context.Context, connection string, taken int64) (TransferredLog, error) {
	log, err := r.from.Log(ctx, connection)
	if err != nil {
		return TransferredLog{}, err
	}
	kept, err := log.Head(ctx)
	if err != nil {
		return TransferredLog{}, err
	}
	a, err := r.For(connection).asIs(ctx, r.to, r.own, r.logger)
	if err != nil {
		return TransferredLog{}, err
	}
	now, err := a.Log.Head(ctx)
	if err != nil {
		return TransferredLog{}, err
	}
	what := domain.Restored{Generation: now.Generation, Kept: kept.Position, TakenAt: taken}
	return TransferredLog{connection, kept.LogID.String(), what.Generation, kept.Position}, a.takeUp(ctx, what, r.By, r.Progress)
}

// asIs is the App of a connection whose log is there.
func (c Config) asIs(ctx context.Context, store eventstore.Store, key eventstore.MasterKey, logger *slog.Logger) (*App, error) {
	log, err := store.Log(ctx, c.Connection)
	if err != nil {
		return nil, err
	}
	return c.over(ctx, store, key, log, logger)
}

// whole refuses a database that is no service's: one that is being filled, or a backup.
func whole(ctx context.Context, store eventstore.Store) error {
	state, _, err := transfer.Read(ctx, store)
	switch {
	case err != nil:
		return err
	case state == transfer.Backup:
		return fmt.Errorf("%w: this file is a backup, and stays as it is: duolog restore FILE puts it back into an empty database", ErrRefused)
	case state != transfer.Own:
		return fmt.Errorf("%w: what is copied into this database is not whole yet: give the same command again, it goes on", ErrRefused)
	}
	return nil
}
