package sqlite

import (
	"errors"
	"strings"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

// translate marks errors that mean the file cannot be worked with now.
func translate(err error) error {
	return engine.MarkUnavailable(engine.MarkDisk(engine.MarkClosed(err), disk), unavailable)
}

// disk tells errors of a file that cannot be written: no room on the file system, a quota, a limit, no right to.
func disk(err error) bool {
	var se *sqlite.Error
	if !errors.As(err, &se) {
		return false
	}
	switch se.Code() {
	case lib.SQLITE_IOERR_WRITE, lib.SQLITE_IOERR_FSYNC, lib.SQLITE_IOERR_TRUNCATE, lib.SQLITE_IOERR_SHMSIZE:
		return true
	}
	return se.Code()&0xff == lib.SQLITE_FULL || se.Code()&0xff == lib.SQLITE_READONLY
}

func unavailable(err error) bool {
	var se *sqlite.Error
	if errors.As(err, &se) {
		switch se.Code() & 0xff {
		case lib.SQLITE_IOERR, lib.SQLITE_FULL, lib.SQLITE_CANTOPEN, lib.SQLITE_READONLY:
			return true
		}
		return false
	}
	// database/sql has no value for a pool that was closed.
	return strings.Contains(err.Error(), "sql: database is closed") ||
		strings.Contains(err.Error(), "sql: connection is already closed")
}

func (d *driver) Classify(err error) engine.Class {
	if errors.Is(err, eventstore.ErrUnavailable) {
		return engine.Unavailable
	}
	if errors.Is(err, eventstore.ErrClosed) {
		return engine.Other
	}
	var se *sqlite.Error
	if !errors.As(err, &se) {
		return engine.Other
	}
	switch {
	case se.Code() == lib.SQLITE_CONSTRAINT_PRIMARYKEY, se.Code() == lib.SQLITE_CONSTRAINT_UNIQUE,
		se.Code() == lib.SQLITE_CONSTRAINT_TRIGGER: // of the triggers against INSERT OR REPLACE
		return engine.Unique
	case se.Code()&0xff == lib.SQLITE_BUSY, se.Code()&0xff == lib.SQLITE_LOCKED:
		return engine.Retry
	}
	return engine.Other
}
