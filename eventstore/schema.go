package eventstore

import (
	"errors"
	"time"
)

// ErrSchema: the database's schema is not the one this program works with.
var ErrSchema = errors.New("database schema does not fit")

// Migration is a step of the schema.
type Migration struct {
	Version   int64
	Name      string
	Applied   bool
	AppliedAt time.Time // zero when not applied
}
