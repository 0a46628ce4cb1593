package engine

import (
	"errors"
	"fmt"
	"strings"

	"github.com/duolog/duolog/eventstore"
)

// What the backends' drivers have in common.

// NewerError: a later program has been at the database.
type NewerError struct{ Found, Known int64 }

func (e NewerError) Error() string {
	return fmt.Sprintf("schema version %d is newer than %d, the latest this program knows: use a newer duolog",
		e.Found, e.Known)
}

// CheckVersion fails unless the schema version found is the latest. The error is eventstore.ErrSchema.
func CheckVersion(database string, found, latest int64) error {
	switch {
	case found > latest:
		return fmt.Errorf("open %s: %w: %w", database, eventstore.ErrSchema, NewerError{found, latest})
	case found < latest:
		return fmt.Errorf("open %s: %w: schema version %d is older than %d; run: duolog migrate up",
			database, eventstore.ErrSchema, found, latest)
	}
	return nil
}

// MarkUnavailable makes an error eventstore.ErrUnavailable when the backend says it is one.
func MarkUnavailable(err error, unavailable func(error) bool) error {
	if err == nil || errors.Is(err, eventstore.ErrUnavailable) || !unavailable(err) {
		return err
	}
	return fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
}

// MarkDisk makes an error eventstore.ErrDisk, and thereby ErrUnavailable, when the backend says it is one.
func MarkDisk(err error, disk func(error) bool) error {
	if err == nil || errors.Is(err, eventstore.ErrDisk) || !disk(err) {
		return err
	}
	return fmt.Errorf("%w: %w: %w", eventstore.ErrUnavailable, eventstore.ErrDisk, err)
}

// MarkClosed makes an error eventstore.ErrClosed when the trigger on the log's head is what it tells of.
func MarkClosed(err error) error {
	if err == nil || errors.Is(err, eventstore.ErrClosed) || !strings.Contains(err.Error(), "log is closed") {
		return err
	}
	return fmt.Errorf("%w: %w", eventstore.ErrClosed, err)
}

// OnConflict is the end of an INSERT into the columns named: what becomes of a row whose key is there.
func OnConflict(op eventstore.BulkOp, names []string) string {
	if op.Mode == eventstore.Insert {
		return ""
	}
	conflict := " ON CONFLICT (" + strings.Join(names[:op.Key], ", ") + ") DO "
	if op.Mode == eventstore.InsertNew || op.Key == len(names) {
		return conflict + "NOTHING"
	}
	sets := make([]string, 0, len(names)-op.Key)
	for _, name := range names[op.Key:] {
		sets = append(sets, name+" = excluded."+name)
	}
	return conflict + "UPDATE SET " + strings.Join(sets, ", ")
}
