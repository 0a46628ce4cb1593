package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// ErrTarget: the database to copy into holds something else.
var ErrTarget = errors.New("the target is not empty")

// Copy brings a database to where another one stands. From, To, Key and NewKey are required.
type Copy struct {
	From, To eventstore.DB
	// Key opens the wrapped keys of From, NewKey wraps those of To. Keys that NewKey wrapped stay as they are.
	Key, NewKey eventstore.MasterKey
	// Generation, when not nil, gives a log another generation there, which a run that goes on keeps.
	Generation func(Log) int64
	Clock      func() time.Time // time.Now
	Page       int              // rows read and written at a time: 1000
	// Progress, when not nil, hears how many of the logs' rows are there.
	Progress func(done, total int64)
}

// Log is one that was copied.
type Log struct {
	Connection string
	eventstore.Head
}

// Summary says what To holds after a run.
type Summary struct {
	Logs []Log
	At   time.Time // when From was looked at
}

// Rows is how many events there are in all.
func (s Summary) Rows() (n int64) {
	for _, l := range s.Logs {
		n += l.Position
	}
	return n
}

// Run copies what To does not hold yet. What it writes counts for nothing until Finish says that it is whole.
func (c Copy) Run(ctx context.Context) (Summary, error) {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	c.Page = cmp.Or(c.Page, 1000)
	if c.Progress == nil {
		c.Progress = func(int64, int64) {}
	}
	r := &run{Copy: c}
	if err := r.begin(ctx); err != nil {
		return Summary{}, err
	}
	if err := c.From.ReadTx(ctx, func(q eventstore.Querier) error { return r.snapshot(ctx, q) }); err != nil {
		return Summary{}, fmt.Errorf("copy: %w", err)
	}
	for _, l := range r.sum.Logs {
		if err := r.log(ctx, l); err != nil {
			return Summary{}, fmt.Errorf("copy log %s: %w", l.Connection, err)
		}
	}
	return r.sum, nil
}

// run is a Copy under way.
type run struct {
	Copy
	sum         Summary
	done, total int64
}

func (r *run) add(n int) {
	r.done += int64(n)
	r.Progress(min(r.done, r.total), r.total)
}

// snapshot reads where each log ends and, as it was at that moment, what changes in place.
func (r *run) snapshot(ctx context.Context, q eventstore.Querier) error {
	r.sum.At = r.Clock()
	names, err := connections(ctx, q)
	if err != nil {
		return err
	}
	for _, name := range names {
		rows, err := q.Query(ctx, heads.selected(), name)
		found, err := eventstore.Scan(rows, err, heads.scan)
		if err != nil {
			return err
		}
		there, err := one(ctx, r.To, "SELECT COALESCE(MAX(generation), 0) FROM log_head WHERE connection = $1", name)
		if err != nil {
			return err
		}
		l, row, err := r.head(name, found[0], there)
		if err != nil {
			return err
		}
		if err := r.fits(ctx, l); err != nil {
			return err
		}
		if err := r.write(ctx, heads, eventstore.Upsert, [][]any{row}); err != nil {
			return err
		}
		for _, t := range small {
			if err := r.replace(ctx, q, t, name); err != nil {
				return err
			}
		}
		r.sum.Logs = append(r.sum.Logs, l)
	}
	r.total = 2 * r.sum.Rows()
	return nil
}

func connections(ctx context.Context, q eventstore.Querier) ([]string, error) {
	rows, err := q.Query(ctx, "SELECT connection FROM log_head ORDER BY connection")
	return eventstore.Scan(rows, err, func(r eventstore.Rows) (name string, err error) { return name, r.Scan(&name) })
}

// head makes the target's row of one of the source; there is the generation that the target has already, or 0.
func (r *run) head(name string, row []any, there int64) (Log, []any, error) {
	l := Log{Connection: name}
	for i, c := range heads.columns {
		n, _ := row[i].(int64)
		switch c.Name {
		case "log_id":
			id, _ := row[i].([]byte)
			copy(l.LogID[:], id)
		case "generation":
			l.Generation = n
			if r.Generation != nil && there == 0 {
				row[i] = r.Generation(l)
			} else if r.Generation != nil {
				row[i] = there
			}
		case "position":
			l.Position = n
		case "recorded_at":
			l.RecordedAt = n
		case "key_epoch":
			l.KeyEpoch = n
		}
	}
	last := len(row)
	return l, row, r.rewrap(eventstore.SecretPurpose(name), row[last-2:last])
}

// fits refuses a target that holds another log under the name, or other events.
func (r *run) fits(ctx context.Context, l Log) error {
	rows, err := r.To.Query(ctx, "SELECT log_id FROM log_head WHERE connection = $1", l.Connection)
	ids, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (id []byte, err error) { return id, r.Scan(&id) })
	if err != nil {
		return err
	}
	if len(ids) > 0 && string(ids[0]) != string(l.LogID[:]) {
		return fmt.Errorf("%w: a copy of another log was begun there under the name %s", ErrTarget, l.Connection)
	}
	last, err := one(ctx, r.To, "SELECT COALESCE(MAX(position), 0) FROM event WHERE connection = $1", l.Connection)
	if err == nil && last > l.Position {
		err = fmt.Errorf("%w: log %s ends there at %d, here at %d", ErrTarget, l.Connection, last, l.Position)
	}
	return err
}

func one(ctx context.Context, q eventstore.Querier, query string, args ...any) (n int64, err error) {
	rows, err := q.Query(ctx, query, args...)
	_, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (none struct{}, err error) { return none, r.Scan(&n) })
	return n, err
}

// rewrap puts what NewKey wrapped in the place of what another key did; cells are a master's id and what it wrapped.
func (r *run) rewrap(purpose string, cells []any) error {
	id, now := cells[0], r.NewKey.ID()
	sealed, _ := cells[1].([]byte)
	if id == now || len(sealed) == 0 {
		return nil
	}
	secret, err := r.Key.Unwrap(purpose, sealed)
	if err != nil {
		return fmt.Errorf("it was made with master key %s, this one is %s: %w", id, r.Key.ID(), eventstore.ErrMasterKey)
	}
	cells[0], cells[1] = r.NewKey.Wrap(purpose, secret)
	return nil
}

// replace copies a small table as it stands in the snapshot.
func (r *run) replace(ctx context.Context, q eventstore.Querier, t table, connection string) error {
	if _, err := r.To.Exec(ctx, "DELETE FROM "+t.name+" WHERE connection = $1", connection); err != nil {
		return err
	}
	rows, err := q.Query(ctx, t.selected(), connection)
	return r.stream(ctx, t, eventstore.Insert, rows, err)
}

// stream writes rows as they are read.
func (r *run) stream(ctx context.Context, t table, mode eventstore.BulkMode, rows eventstore.Rows, err error) error {
	var held [][]any
	_, err = eventstore.Scan(rows, err, func(from eventstore.Rows) (none struct{}, err error) {
		row, err := t.scan(from)
		if held = append(held, row); err != nil || len(held) < r.Page {
			return none, err
		}
		err = r.write(ctx, t, mode, held)
		held = nil
		return none, err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	return r.write(ctx, t, mode, held)
}

// write stores rows. A server that dies may lose the last of them, but none before one that it keeps.
func (r *run) write(ctx context.Context, t table, mode eventstore.BulkMode, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	op := eventstore.BulkOp{Mode: mode, Table: t.name, Columns: t.columns, Key: t.key}
	err := r.To.InTx(eventstore.Derived(ctx), func(tx eventstore.Tx) error { return tx.Bulk(ctx, op, rows) })
	if err != nil {
		return fmt.Errorf("write %s: %w", t.name, err)
	}
	return nil
}
