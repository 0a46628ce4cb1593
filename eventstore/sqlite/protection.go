package sqlite

import (
	"context"
	"fmt"

	"github.com/duolog/duolog/eventstore"
)

// Protection says what keeps the log as it is, in words, and whether nothing is missing.
func Protection(ctx context.Context, q eventstore.Querier) (string, bool, error) {
	rows, err := q.Query(ctx, `SELECT COUNT(*) FROM sqlite_master
		WHERE type = 'trigger' AND tbl_name IN ('event', 'append_key') AND sql LIKE '%RAISE(ABORT%'`)
	triggers, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (n int64, err error) { return n, r.Scan(&n) })
	switch {
	case err != nil:
		return "", false, fmt.Errorf("look at the log's protection: %w", err)
	case triggers[0] < 6:
		return fmt.Sprintf("only %d of 6 triggers refuse changes to events and their keys", triggers[0]), false, nil
	}
	return "triggers refuse changes; whoever may write the file could take them off", true, nil
}
