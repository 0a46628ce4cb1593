package outbox

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

// Settle removes the commands an attempt brought to an end, in the transaction that appends their outcomes or facts.
// It returns those it removed: a command that is missing was settled or withdrawn by someone else, and nothing may be
// appended for it.
func Settle(ctx context.Context, tx eventstore.Tx, connection string, attempt ulid.ULID, ids []ulid.ULID,
) (map[ulid.ULID]bool, error) {
	rows, err := tx.QueryKeys(ctx, `DELETE FROM outbox
		WHERE connection = $1 AND attempt = $2 AND command IN ($keys) RETURNING command`,
		texts(ids), connection, attempt.String())
	removed, err := set(rows, err)
	if err != nil {
		return nil, fmt.Errorf("settle %d commands: %w", len(ids), err)
	}
	gone := make(map[ulid.ULID]bool, len(removed))
	for _, id := range ids {
		if removed[id.String()] {
			gone[id] = true
		}
	}
	return gone, nil
}

// inLine is the next_at of a row that is due at a moment.
func inLine(at string) string {
	return "CASE WHEN urgent = 1 AND " + at + " < " + strconv.FormatInt(never, 10) + " THEN 0 ELSE " + at + " END"
}

// Deferral says what becomes of a row whose try failed.
type Deferral struct {
	Command ulid.ULID
	NextAt  time.Time
	Error   string // "<class>: <detail>", without personal values
	Free    bool   // the try does not count: the system was not reached, or refused everyone
	Unsent  bool   // nothing of it can have arrived
	Bury    bool   // no further try: a dead letter
}

// Defer puts the rows of a failed attempt back, or among the dead letters; rows settled or withdrawn since stay so.
func Defer(ctx context.Context, tx eventstore.Tx, connection string, attempt ulid.ULID, deferrals []Deferral) error {
	type change struct {
		state, text       string
		next, count, sent int64
	}
	groups := map[change][]ulid.ULID{}
	for _, d := range deferrals {
		c := change{state: Waiting, text: d.Error, next: d.NextAt.UnixMicro()}
		if d.Free {
			c.count = -1
		}
		if d.Unsent {
			c.sent = -1
		}
		if d.Bury {
			c.state, c.next = Dead, never
		}
		groups[c] = append(groups[c], d.Command)
	}
	for c, ids := range groups {
		rows, err := tx.QueryKeys(ctx, `UPDATE outbox SET state = $3, error = $5, attempts = attempts + $6, sent = sent + $7,
				deadline = CASE WHEN urgent = 1 THEN $4 ELSE deadline END,
				next_at = `+inLine("$4")+`
			WHERE connection = $1 AND attempt = $2 AND state = 'sending' AND command IN ($keys) RETURNING command`,
			texts(ids), connection, attempt.String(), c.state, c.next, c.text, c.count, c.sent)
		if _, err := set(rows, err); err != nil {
			return fmt.Errorf("put %d commands back: %w", len(ids), err)
		}
	}
	return nil
}

// Adopt makes the attempts of earlier owners unresolved until the deadline, counted from now by this owner's own
// clock. No request of theirs can still be under way then: each was sent while its owner held the lease, and given no
// longer than an attempt may take.
func Adopt(ctx context.Context, tx eventstore.Tx, connection string, epoch int64, deadline time.Time) (int64, error) {
	n, err := tx.Exec(ctx, `UPDATE outbox SET deadline = $1, next_at = `+inLine("$1")+`, epoch = $2
		WHERE connection = $3 AND state = 'sending' AND epoch < $2`, deadline.UnixMicro(), epoch, connection)
	if err != nil {
		return 0, fmt.Errorf("adopt attempts: %w", err)
	}
	return n, nil
}

// Withdraw removes the commands, unless an attempt of theirs is unresolved, and returns what it removed, sealed. The
// caller appends one outcome for each in the same transaction.
func Withdraw(ctx context.Context, tx eventstore.Tx, connection string, ids ...ulid.ULID) ([]Entry, error) {
	rows, err := tx.QueryKeys(ctx, `DELETE FROM outbox
		WHERE connection = $1 AND state <> 'sending' AND command IN ($keys) RETURNING `+selected,
		texts(ids), connection)
	return sorted(rows, err)
}

// WithdrawPage is how many commands a withdrawal of many takes in one transaction, at most: a stop that comes meanwhile
// must not wait for all of them.
const WithdrawPage = 500

// inDoubt is a create that may have been sent: how that ended is not known. One that was carried out must not count as
// never sent, or the same person would be made a second time, so it is not withdrawn.
const (
	inDoubt = "(kind = 'create' AND sent > 0)"
	sure    = " AND NOT " + inDoubt
)

// WithdrawWaiting removes commands that wait, but for urgent ones, creates in doubt and dead letters: a pause. Like
// Withdraw, a page of them; there may be more when it is full.
func WithdrawWaiting(ctx context.Context, tx eventstore.Tx, connection string) ([]Entry, error) {
	return withdrawPage(ctx, tx, connection, "state = 'waiting' AND urgent = 0"+sure)
}

// WithdrawWrites removes writes that wait, creates in doubt and dead letters excepted: mode observe knows no write. Like
// WithdrawWaiting.
func WithdrawWrites(ctx context.Context, tx eventstore.Tx, connection string) ([]Entry, error) {
	return withdrawPage(ctx, tx, connection, "state = 'waiting' AND kind IN ('create', 'update')"+sure)
}

// WithdrawDecidedBefore removes writes that wait and were decided on an input before the position, but for urgent ones
// and dead letters: the mode has changed there. Like WithdrawWaiting.
func WithdrawDecidedBefore(position int64) func(context.Context, eventstore.Tx, string) ([]Entry, error) {
	return func(ctx context.Context, tx eventstore.Tx, connection string) ([]Entry, error) {
		return withdrawPage(ctx, tx, connection,
			"state = 'waiting' AND urgent = 0 AND kind IN ('create', 'update') AND input < $2"+sure, position)
	}
}

// WithdrawAll removes every command, in doubt or not: the log was put back to an earlier time, and what became of them is
// not known any more. Like WithdrawWaiting.
func WithdrawAll(ctx context.Context, tx eventstore.Tx, connection string) ([]Entry, error) {
	return withdrawPage(ctx, tx, connection, "kind <> ''")
}

func withdrawPage(ctx context.Context, tx eventstore.Tx, connection, which string, args ...any) ([]Entry, error) {
	rows, err := tx.Query(ctx, fmt.Sprintf(`DELETE FROM outbox WHERE connection = $1 AND %[1]s AND command IN (
		SELECT command FROM outbox WHERE connection = $1 AND %[1]s LIMIT %[2]d) RETURNING `, which, WithdrawPage)+selected,
		append([]any{connection}, args...)...)
	return sorted(rows, err)
}
