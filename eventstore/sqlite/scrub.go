package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// vacuumUpTo bounds the files that are written anew, bytes: nobody else writes meanwhile. secure_delete has overwritten
// what was deleted in any.
const vacuumUpTo = 256 << 20

// ErrReaders: somebody read on for so long that the log of writes could not be emptied.
var ErrReaders = errors.New("the log of writes is being read and could not be emptied; closing the database does it, too")

// Scrub writes a small file anew, and empties the log of writes: that holds what was overwritten.
func (d *driver) Scrub(ctx context.Context, _ []string) error {
	if err := d.writer.take(ctx); err != nil {
		return err
	}
	defer d.writer.give()
	defer d.writer.called()()
	d.writer.forget() // VACUUM waits for no statement
	var size int64
	err := d.writer.conn.QueryRowContext(ctx, `SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`).Scan(&size)
	if err == nil && size <= vacuumUpTo {
		_, err = d.writer.conn.ExecContext(ctx, "VACUUM")
	}
	if err != nil {
		return fmt.Errorf("vacuum: %w", translate(err))
	}
	for range scrubTries {
		busy, err := truncate(ctx, d.writer.conn)
		if err != nil || !busy {
			return translate(err)
		}
		time.Sleep(scrubPause)
	}
	return ErrReaders
}

// Readers end with each page they read, so the log of writes is free before long.
const (
	scrubTries = 50
	scrubPause = 20 * time.Millisecond
)

func truncate(ctx context.Context, conn *sql.Conn) (busy bool, err error) {
	var all, done int64
	err = conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &all, &done)
	return busy, err
}
