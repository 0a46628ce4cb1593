package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/kept"
	"github.com/duolog/duolog/eventstore/transfer"
)

// RestoreOptions say how a backup is put back.
type RestoreOptions struct {
	// KeyFile holds the key the backup opens with; empty: the configured one.
	KeyFile  string
	Erasures Lists
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
	r := &restoring{Config: c, RestoreOptions: o, from: from, key: key, logger: logger}
	if err = r.forgot(ctx); err != nil {
		return done, fmt.Errorf("restore: %w", err)
	}
	if r.own, err = c.placeKey(key, o.KeyFile); err != nil {
		return done, err
	}
	if r.to, err = c.open(ctx, r.own); err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, r.to.Close()) }()
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
	names    []string                // of the connections
	lost     map[string][]kept.Entry // erasures, by connection
}

// forgot finds who was erased since the backup was made, before anything is copied.
func (r *restoring) forgot(ctx context.Context) (err error) {
	if r.names, err = logs(ctx, r.from); err != nil {
		return err
	}
	r.lost = map[string][]kept.Entry{}
	for _, name := range r.names {
		a, err := r.For(name).asIs(ctx, r.from, r.key, r.logger)
		if err != nil {
			return err
		}
		if r.lost[name], err = a.lost(ctx, r.Erasures); err != nil {
			return fmt.Errorf("connection %s: %w", name, err)
		}
	}
	return nil
}

// logs are the connections of a database, without those that measurements left.
func logs(ctx context.Context, store eventstore.Store) ([]string, error) {
	names, err := store.Connections(ctx)
	return slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, BenchPrefix) }), err
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
	for _, name := range r.names {
		l, err := r.takeUp(ctx, name, taken.UnixMicro())
		if err != nil {
			return done, fmt.Errorf("connection %s: %w", name, err)
		}
		done.Logs, done.Erased = append(done.Logs, l), done.Erased+len(r.lost[name])
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
	return TransferredLog{connection, kept.LogID.String(), what.Generation, kept.Position}, a.takeUp(ctx, what, r.lost[connection], r.By, r.Progress)
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
	case state == transfer.Recovering:
		return fmt.Errorf("%w: what duolog recover began is not done yet: give the command again, it goes on", ErrRefused)
	case state != transfer.Own:
		return fmt.Errorf("%w: what is copied into this database is not whole yet: give the same command again, it goes on", ErrRefused)
	}
	return nil
}
