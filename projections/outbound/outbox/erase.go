package outbox

import (
	"context"

	"github.com/duolog/duolog/eventstore"
)

// Erase removes the commands whose values lie under the subjects, and returns what it removed: the caller appends one
// outcome for each in the same transaction. Those that are left may be on their way this moment.
func Erase(ctx context.Context, tx eventstore.Tx, connection string, subjects []string) (removed, left []Entry, err error) {
	rows, err := tx.QueryKeys(ctx, `DELETE FROM outbox
		WHERE connection = $1 AND state <> 'sending' AND subject IN ($keys) RETURNING `+selected, subjects, connection)
	if removed, err = sorted(rows, err); err != nil {
		return nil, nil, err
	}
	rows, err = tx.QueryKeys(ctx, "SELECT "+selected+" FROM outbox WHERE connection = $1 AND subject IN ($keys)", subjects, connection)
	left, err = sorted(rows, err)
	return removed, left, err
}
