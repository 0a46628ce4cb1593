package projections

import (
	"context"
	"errors"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// ErrPaused: the rebuild rests until a person lets it go on.
var ErrPaused = errors.New("the rebuild is paused")

// ErrCancelled: a person gave the rebuild up while it ran.
var ErrCancelled = errors.New("the rebuild was cancelled")

// ErrNoRebuild: none is under way.
var ErrNoRebuild = errors.New("no rebuild is under way: duolog rebuild begins one")

// Beat is how often a rebuild gives a sign of life and looks whether it should go on; one that gave none for Lost is
// nobody's, since its process was killed.
const (
	Beat = time.Second
	Lost = 30 * time.Second
)

// Task is a rebuild as every process sees it: whoever fills a version writes there how far it is, and reads there whether
// to go on.
type Task struct {
	DB         eventstore.DB
	Connection string
	Name       string // of the projection
	Now        func() int64
}

// TaskState is what stands there.
type TaskState struct {
	Name    string
	Version int64
	Paused  bool
	Diff    bool  // compared before it is swapped in
	RunAt   int64 // when whoever fills it began to, µs UTC
	RunFrom int64
	Reached int64
	BeatAt  int64
}

var taskOp = eventstore.BulkOp{
	Mode: eventstore.Upsert, Table: "rebuild", Key: 2,
	Columns: []eventstore.Column{
		Text("connection"), Text("name"), Int("version"), Int("paused"), Int("diff"), Int("run_at"), Int("run_from"),
		Int("reached"), Int("beat_at"),
	},
}

// Tasks lists a connection's rebuilds under way.
func Tasks(ctx context.Context, q eventstore.Querier, connection string) ([]TaskState, error) {
	rows, err := q.Query(ctx, `SELECT name, version, paused, diff, run_at, run_from, reached, beat_at FROM rebuild
		WHERE connection = $1 ORDER BY connection, name`, connection)
	return eventstore.Scan(rows, err, func(row eventstore.Rows) (TaskState, error) {
		var s TaskState
		var paused, diff int64
		err := row.Scan(&s.Name, &s.Version, &paused, &diff, &s.RunAt, &s.RunFrom, &s.Reached, &s.BeatAt)
		s.Paused, s.Diff = paused != 0, diff != 0
		return s, err
	})
}

// Read returns the task of a version, false when there is none.
func (t Task) Read(ctx context.Context, q eventstore.Querier, version int64) (TaskState, bool, error) {
	all, err := Tasks(ctx, q, t.Connection)
	for _, s := range all {
		if s.Name == t.Name && s.Version == version {
			return s, true, err
		}
	}
	return TaskState{}, false, err
}

// Release has the rebuild go on when it is paused. diff says whether it is to be compared before it is swapped in.
func (t Task) Release(ctx context.Context, diff bool) error {
	_, err := t.DB.Exec(ctx, `UPDATE rebuild SET paused = 0, diff = $1 WHERE connection = $2 AND name = $3`,
		flag(diff), t.Connection, t.Name)
	return err
}

// Start notes that this process fills the version from a position on. ErrPaused when it must not, which is so, too, when
// somebody else is to compare it first.
func (t Task) Start(ctx context.Context, q eventstore.Querier, version, from int64, diff bool) error {
	now := t.Now()
	n, err := q.Exec(ctx, `UPDATE rebuild SET run_at = $1, run_from = $2, reached = $3, beat_at = $4
		WHERE connection = $5 AND name = $6 AND version = $7 AND paused = 0 AND diff = $8`,
		now, from, from, now, t.Connection, t.Name, version, flag(diff))
	if err != nil || n > 0 {
		return err
	}
	if _, there, err := t.Read(ctx, q, version); err != nil || there {
		return errors.Join(err, ErrPaused)
	}
	return q.Bulk(ctx, taskOp, [][]any{{t.Connection, t.Name, version, int64(0), flag(diff), now, from, from, now}})
}

// Beat is a sign of life, with how far the filling is. ErrPaused when it is to rest; gone when it was ended.
func (t Task) Beat(ctx context.Context, version, reached int64) (gone bool, err error) {
	n, err := t.DB.Exec(ctx, `UPDATE rebuild SET reached = $1, beat_at = $2
		WHERE connection = $3 AND name = $4 AND version = $5 AND paused = 0`,
		reached, t.Now(), t.Connection, t.Name, version)
	if err != nil || n > 0 {
		return false, err
	}
	if _, there, err := t.Read(ctx, t.DB, version); err != nil || !there {
		return true, err
	}
	return false, ErrPaused
}

// Rest notes that nobody fills the version any more.
func (t Task) Rest(ctx context.Context, version int64) error {
	_, err := t.DB.Exec(context.WithoutCancel(ctx), `UPDATE rebuild SET beat_at = 0
		WHERE connection = $1 AND name = $2 AND version = $3`, t.Connection, t.Name, version)
	return err
}

// Claim takes a task nobody works at; false when another process did, or it is to rest.
func (t Task) Claim(ctx context.Context, s TaskState) (bool, error) {
	n, err := t.DB.Exec(ctx, `UPDATE rebuild SET beat_at = $1
		WHERE connection = $2 AND name = $3 AND version = $4 AND beat_at = $5 AND paused = 0 AND diff = 0`,
		t.Now(), t.Connection, t.Name, s.Version, s.BeatAt)
	return n > 0, err
}

// Pause has the rebuild rest: what it folded is written first.
func (t Task) Pause(ctx context.Context) error {
	n, err := t.DB.Exec(ctx, `UPDATE rebuild SET paused = 1 WHERE connection = $1 AND name = $2`, t.Connection, t.Name)
	if err == nil && n == 0 {
		return ErrNoRebuild
	}
	return err
}

// End removes the task. With going, only one that is not paused; false when it is.
func (t Task) End(ctx context.Context, q eventstore.Querier, version int64, going bool) (bool, error) {
	only := ""
	if going {
		only = " AND paused = 0"
	}
	n, err := q.Exec(ctx, `DELETE FROM rebuild WHERE connection = $1 AND name = $2 AND version = $3`+only,
		t.Connection, t.Name, version)
	return n > 0, err
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
