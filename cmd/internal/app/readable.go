package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// readableTail is how many of the last events are looked at before a log is served: what a newer program wrote stands at
// its end. Older events come to light where they are read.
const readableTail = 5000

// readable refuses a log whose end holds events this program cannot read: it would decide, and send, without them.
func (a *App) readable(ctx context.Context) error {
	rows, err := a.Store.Query(ctx, `SELECT DISTINCT type, schema FROM (SELECT type, schema FROM event WHERE connection = $1
		ORDER BY connection DESC, position DESC LIMIT $2) AS latest`, a.Connection, int64(readableTail))
	faults, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (error, error) {
		var kind string
		var schema int64
		if err := r.Scan(&kind, &schema); err != nil {
			return nil, err
		}
		return domain.Readable(kind, int(schema)), nil
	})
	if err != nil {
		return fmt.Errorf("look at the end of the log: %w", err)
	}
	if fault := errors.Join(faults...); fault != nil {
		return fmt.Errorf("%w: the log in %s holds events this program cannot read; start the version that wrote them, or a newer one: %w",
			ErrRefused, a.Database(), fault)
	}
	return nil
}
