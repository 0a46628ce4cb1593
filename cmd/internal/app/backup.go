package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/sqlite"
	"github.com/duolog/duolog/eventstore/transfer"
)

// Backup writes all logs of the database to a new file, and verifies it. Others may write meanwhile: the file holds each
// log up to where it ended when the backup began. The file appears whole or not at all.
func (a *App) Backup(ctx context.Context, path string, p Progress) (Transferred, error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return Transferred{}, errors.Join(fmt.Errorf("back up to %s: %w", path, fs.ErrExist), err)
	}
	if err := a.keepErasures(ctx); err != nil {
		a.Logger.Warn("a backup is put back with the list of erasures, which cannot be written", slog.Any("error", err))
	}
	part := path + ".part"
	if err := removeDatabase(part); err != nil { // of a backup that was killed
		return Transferred{}, fmt.Errorf("back up: %w", err)
	}
	done, err := a.backUp(ctx, part, p)
	if err == nil {
		err = settle(part, path)
	}
	if err != nil {
		return Transferred{}, errors.Join(fmt.Errorf("back up: %w", err), removeDatabase(part))
	}
	return done, nil
}

func (a *App) backUp(ctx context.Context, path string, p Progress) (done Transferred, err error) {
	to, err := sqlite.Open(ctx, sqlite.Config{Path: path, MasterKey: a.key, Migrate: true, Clock: a.Clock})
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	sum, err := transfer.Copy{
		From: a.Store, To: to, Key: a.key, NewKey: a.key, Clock: a.now, Progress: p.of("copy"),
	}.Run(ctx)
	if err != nil {
		return done, err
	}
	if err := compared(ctx, a.Store, to, a.key, sum, p); err != nil {
		return done, err
	}
	return told(sum, a.key), transfer.Set(ctx, to, transfer.Backup, sum.At)
}

// settle gives a closed database its name, durably.
func settle(part, path string) error {
	if _, err := os.Stat(part + "-wal"); err == nil {
		return fmt.Errorf("%s is still open somewhere", part)
	}
	if err := os.Link(part, path); err != nil { // never over a file that came meanwhile
		return err
	}
	return errors.Join(removeDatabase(part), syncFolder(path))
}

// openBackup opens a file that Backup wrote, and tells when it was taken.
func (c Config) openBackup(ctx context.Context, path string, key eventstore.MasterKey) (eventstore.Store, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open the backup: %w", err)
	}
	store, err := sqlite.Open(ctx, sqlite.Config{Path: path, MasterKey: key, Migrate: true, Clock: c.Clock})
	if err != nil {
		return nil, fmt.Errorf("open the backup: %w", err)
	}
	state, _, err := transfer.Read(ctx, store)
	if err == nil && state != transfer.Backup {
		err = fmt.Errorf("%w: %s is no file that duolog backup wrote; duolog copy takes databases", ErrRefused, path)
	}
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}
