package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// Claim takes rows that are due, whole lanes at a time, and records the attempt before anything is sent.
type Claim struct {
	Connection string
	System     domain.System
	Epoch      int64
	Limit      int // most requests in a batch: lanes of writes, or single reads
	Tries      int // a row that was tried as often and got no answer is buried
	UrgentOnly bool
	First      bool // only what is urgent: it stands in front of all others
	ReadsOnly  bool // no write may leave: mode observe
	// Since, when not 0, keeps writes here that were decided on an input before it and wait: the mode has changed since, and
	// they are to be planned again. Urgent ones leave, and so do creates in doubt.
	Since    int64
	Now      time.Time
	Deadline time.Time
	// Attempt makes the id of a batch's attempt.
	Attempt func() ulid.ULID
	// Busy names lanes that this process still has in hand, whatever the deadline says.
	Busy func(lane string) bool
	// Fence keeps another owner out until the claim is committed.
	Fence func(context.Context, eventstore.Tx) error
}

// Batch is what leaves together: all writes or all reads, in lanes, each in its order. No record stands in two lanes.
type Batch struct {
	System  domain.System
	Attempt ulid.ULID
	Reads   bool
	Lanes   [][]*Entry
}

// Entries lists the rows of all lanes.
func (b Batch) Entries() []*Entry {
	var all []*Entry
	for _, lane := range b.Lanes {
		all = append(all, lane...)
	}
	return all
}

// Take returns a batch, without lanes when nothing is due. A lane whose last attempt is unresolved, or waits for its
// next try, is left alone. A row in state sending whose deadline has passed is due again: writing it twice does no
// harm, and its answer never came. due tells whether anything is, also when none of it could be claimed.
func (c Claim) Take(ctx context.Context, db eventstore.DB) (batch Batch, due bool, err error) {
	first, err := c.due(ctx, db, start, 1)
	if err != nil || len(first) == 0 {
		return Batch{}, err != nil, err
	}
	err = db.InTx(ctx, func(tx eventstore.Tx) error {
		if err := c.Fence(ctx, tx); err != nil {
			return err
		}
		p, err := c.pick(ctx, tx)
		if err != nil {
			return err
		}
		if err := c.buryUnanswered(ctx, tx, p.spent); err != nil {
			return err
		}
		batch, err = c.mark(ctx, tx, p.batch)
		return err
	})
	if err != nil {
		return Batch{}, true, fmt.Errorf("claim for %s: %w", c.System, err)
	}
	return batch, true, nil
}

// mark records the attempt durably and drops rows that were withdrawn meanwhile.
func (c Claim) mark(ctx context.Context, tx eventstore.Tx, b Batch) (Batch, error) {
	if len(b.Lanes) == 0 {
		return b, nil
	}
	b.System, b.Attempt = c.System, c.Attempt()
	rows, err := tx.QueryKeys(ctx, `UPDATE outbox SET state = 'sending', attempts = attempts + 1, sent = sent + 1,
		attempt = $2, epoch = $3, deadline = $4, next_at = `+inLine("$4")+`
		WHERE connection = $1 AND state <> 'dead' AND command IN ($keys) RETURNING command`,
		commands(b.Entries()), c.Connection, b.Attempt.String(), c.Epoch, c.Deadline.UnixMicro())
	taken, err := set(rows, err)
	if err != nil {
		return Batch{}, fmt.Errorf("record the attempt: %w", err)
	}
	return b.only(taken), nil
}

// buryUnanswered gives up on rows whose every try ended without an answer, such as those that kill the process.
func (c Claim) buryUnanswered(ctx context.Context, tx eventstore.Tx, spent []*Entry) error {
	if len(spent) == 0 {
		return nil
	}
	rows, err := tx.QueryKeys(ctx, `UPDATE outbox SET state = 'dead', next_at = $2, error = $3
		WHERE connection = $1 AND state = 'sending' AND command IN ($keys) RETURNING command`,
		commands(spent), c.Connection, int64(never), "retry: no answer in "+fmt.Sprint(c.Tries)+" tries")
	_, err = set(rows, err)
	return err
}

// only narrows the batch to the commands taken, and counts the attempt that was just recorded.
func (b Batch) only(taken map[string]bool) Batch {
	var lanes [][]*Entry
	for _, lane := range b.Lanes {
		var kept []*Entry
		for _, e := range lane {
			if taken[e.Command.String()] {
				e.State, e.Attempt, e.Attempts, e.Sent = Sending, b.Attempt, e.Attempts+1, e.Sent+1
				kept = append(kept, e)
			}
		}
		if len(kept) > 0 {
			lanes = append(lanes, kept)
		}
	}
	b.Lanes = lanes
	return b
}

func commands(entries []*Entry) []string {
	all := make([]string, len(entries))
	for i, e := range entries {
		all[i] = e.Command.String()
	}
	return all
}

// set reads one column of commands.
func set(rows eventstore.Rows, err error) (map[string]bool, error) {
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (string, error) {
		var s string
		return s, r.Scan(&s)
	})
	found := make(map[string]bool, len(all))
	for _, s := range all {
		found[s] = true
	}
	return found, err
}
