package bench

import (
	"errors"

	"github.com/duolog/duolog/eventstore"
)

// Unsealed has a log made for a measurement store events without keys, encryption and hashes.
func Unsealed(log eventstore.Log) error {
	l, ok := log.(interface{ Unsealed() })
	if !ok {
		return errors.New("bench: this log cannot do without sealing")
	}
	l.Unsealed()
	return nil
}
