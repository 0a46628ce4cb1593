package outbox

import (
	"context"
	"fmt"

	"github.com/duolog/duolog/eventstore"
)

// Erase removes the commands whose values lie under the subjects, and returns what it removed: the caller appends one
// outcome for each in the same transaction. busy counts those that stay, for they may be on their way this moment.
func Erase(ctx context.Context, tx eventstore.Tx, connection string, subjects []string) (removed []Entry, busy int, err error) {
	rows, err := tx.QueryKeys(ctx, `DELETE FROM outbox
		WHERE connection = $1 AND state <> 'sending' AND subject IN ($keys) RETURNING `+selected, subjects, connection)
	if removed, err = sorted(rows, err); err != nil {
		return nil, 0, err
	}
	rows, err = tx.QueryKeys(ctx, "SELECT command FROM outbox WHERE connection = $1 AND subject IN ($keys)", subjects, connection)
	left, err := set(rows, err)
	if err != nil {
		return nil, 0, fmt.Errorf("read the outbox: %w", err)
	}
	return removed, len(left), nil
}
