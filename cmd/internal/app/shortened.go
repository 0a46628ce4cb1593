package app

import (
	"context"
	"fmt"
	"time"

	"github.com/duolog/duolog/eventstore/seal"
)

// shortened says how much a log lacks of what its last head spoke for, nil for nothing.
func (a *App) shortened(ctx context.Context) (*ShortError, error) {
	log, err := a.Log.Head(ctx)
	if err != nil {
		return nil, err
	}
	last, found, err := a.heads().Head(log.LogID)
	if err != nil || !found || last.Generation < log.Generation {
		return nil, err
	}
	short := &ShortError{
		Connection: a.Connection, Position: log.Position, Head: last.Size, Generation: last.Generation, At: time.UnixMicro(last.At).UTC(),
	}
	if last.Generation > log.Generation || last.Size > log.Position {
		return short, nil
	}
	root, err := seal.NewTree(a.Store, a.Connection).Root(ctx, last.Size)
	if err == nil && root != last.Root {
		return short, nil
	}
	return nil, nil // what is not folded into the tree yet is no less for that
}

// ShortError is a log that is not what its last signed head, kept outside the database, says of it.
type ShortError struct {
	Connection                 string
	Position, Head, Generation int64 // where it ends, how many events the head speaks for, and of which generation
	At                         time.Time
}

func (e *ShortError) Error() string {
	return fmt.Sprintf("the log of %s ends at #%d, and is not the one whose head of %d events was signed on %s: the database was put "+
		"back to an earlier time; duolog recover has it go on from there", e.Connection, e.Position, e.Head, e.At.Format(time.RFC3339))
}

// notShortened refuses a log that was put back behind our back: what it forgot would be done again, and its next events be
// taken for those that are lost.
func (a *App) notShortened(ctx context.Context) error {
	short, err := a.shortened(ctx)
	if err == nil && short != nil {
		err = fmt.Errorf("%w: %w", ErrRefused, short)
	}
	return err
}
