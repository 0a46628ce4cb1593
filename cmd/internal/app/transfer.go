package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/seal"
	"github.com/duolog/duolog/eventstore/transfer"
	"github.com/duolog/duolog/eventstore/treehead"
)

// ErrDamaged: what was copied, or is to be copied, does not verify.
var ErrDamaged = errors.New("the log does not verify")

// Transferred says what was copied from where.
type Transferred struct {
	Logs []TransferredLog `json:"logs"`
	// At is when the source was looked at: what came after it is not there.
	At time.Time `json:"at"`
	// Key names the master key that opens it.
	Key string `json:"master_key"`
	// Erased counts the erasures that were made again.
	Erased int `json:"erased_again"`
}

// TransferredLog is a log as it stands in the copy.
type TransferredLog struct {
	Connection string `json:"connection"`
	LogID      string `json:"log_id"`
	Generation int64  `json:"generation"`
	Position   int64  `json:"position"`
}

// Events counts those of all logs.
func (t Transferred) Events() (n int64) {
	for _, l := range t.Logs {
		n += l.Position
	}
	return n
}

// Progress hears what is being done, and how far it is.
type Progress func(what string, done, total int64)

func (p Progress) of(what string) func(done, total int64) {
	if p == nil {
		return func(int64, int64) {}
	}
	return func(done, total int64) { p(what, done, total) }
}

func told(sum transfer.Summary, key eventstore.MasterKey) Transferred {
	t := Transferred{At: sum.At.UTC(), Key: key.ID()}
	for _, l := range sum.Logs {
		t.Logs = append(t.Logs, TransferredLog{l.Connection, l.LogID.String(), l.Generation, l.Position})
	}
	return t
}

// compared verifies each log of a copy by itself, and against the source.
func compared(ctx context.Context, from, to eventstore.Store, key eventstore.MasterKey, sum transfer.Summary, p Progress) error {
	for _, l := range sum.Logs {
		if err := verified(ctx, to, key, l.Connection, p); err != nil {
			return err
		}
		if err := transfer.Compare(ctx, from, to, l.Connection, l.Position); err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return nil
}

// verified checks a log as verify does, its signed heads included.
func verified(ctx context.Context, store eventstore.Store, key eventstore.MasterKey, connection string, p Progress) error {
	log, err := store.Log(ctx, connection)
	if err != nil {
		return err
	}
	sealer, err := seal.New(seal.Config{DB: store, Log: log, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	signer, err := treehead.Verifier(sealer.Public())
	if err != nil {
		return err
	}
	report, err := eventstore.Check{
		DB: store, Connection: connection, Master: key, Verifiers: []note.Verifier{signer}, Progress: p.of("verify " + connection),
	}.Run(ctx)
	if err != nil || report.OK() {
		return err
	}
	f := report.Faults[0]
	return fmt.Errorf("%w: %s: %d faults, the first at position %d: %s: %s", ErrDamaged, connection,
		int64(len(report.Faults))+report.MoreFaults, f.Position, f.Kind, f.Detail)
}
