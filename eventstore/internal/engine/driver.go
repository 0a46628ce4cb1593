// Package engine is what both backends share: the log with its group commit, the vault of keys, and transactions
// that append. A backend brings a Driver.
package engine

import (
	"context"
	"errors"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/envelope"
)

// Driver is a database as the engine sees it. Its Querier methods run outside any transaction.
type Driver interface {
	eventstore.Querier
	Traits() Traits
	// Write runs fn in one read-write transaction at READ COMMITTED or above, once.
	Write(ctx context.Context, fn func(eventstore.Querier) error) error
	// ReadTx runs fn in one read-only snapshot.
	ReadTx(ctx context.Context, fn func(eventstore.Querier) error) error
	// WriteKeys is Write for callers that may be inside a transaction of this store. When it would have to wait for one
	// that does not get on, for that may be the caller's own, it has not run fn and names that transaction by a number
	// other than 0. One that is known to be so is not waited for again while it lasts.
	WriteKeys(ctx context.Context, known int64, fn func(eventstore.Querier) error) (stalled int64, err error)
	// Insert moves the head on by the batch's rows and stores them, the dedupe keys and the new subject keys. It
	// returns the head's position before, and the recording time. ErrMoved: no head with that key epoch.
	Insert(ctx context.Context, q eventstore.Querier, b *Batch) (base, recordedAt int64, err error)
	Classify(err error) Class
	// Scrub is the store's.
	Scrub(ctx context.Context, tables []string) error
	Close() error
}

// Traits are a backend's differences.
type Traits struct {
	Backend string
	// Lock is appended to a SELECT that locks its rows.
	Lock string
	// OneStatement: Insert needs no transaction around it.
	OneStatement bool
	// BatchEvents bounds the events of one group commit; 0 takes maxBatchEvents.
	BatchEvents int
	Statements  Statements
}

// Batch is what one transaction appends.
type Batch struct {
	Connection string
	KeyEpoch   int64
	Now        int64 // µs UTC
	Rows       []*Row
	NewKeys    []KeyRow
}

// Row is an event ready to be stored.
type Row struct {
	Event *eventstore.NewEvent
	Key   []byte
	envelope.Sealed
}

// KeyRow is a row of subject_key.
type KeyRow struct {
	Subject  string
	MasterID string
	Wrapped  []byte // empty: destroyed
	// Since is the position up to which the subject's events were sealed under a key that was destroyed.
	Since int64
}

// Class says what an error of the database means for the engine.
type Class int

// The classes of errors.
const (
	// Other: the statement is at fault, or something in it.
	Other Class = iota
	// Unique: a key exists.
	Unique
	// Retry: a serialization failure, a deadlock or a busy database; running again may help.
	Retry
	// Unavailable: the database cannot be reached; whether a commit under way happened is unknown.
	Unavailable
)

// ErrMoved: the key epoch is not the one the batch was sealed under.
var ErrMoved = errors.New("key epoch has moved")

// errKeyRace: another process made the key of one of our subjects first.
var errKeyRace = errors.New("subject key was made by another process")

// EventColumns are those of the event table, as Insert writes them.
var EventColumns = []eventstore.Column{
	{Name: "connection", Kind: eventstore.Text},
	{Name: "position", Kind: eventstore.Int},
	{Name: "id", Kind: eventstore.Bytes},
	{Name: "stream", Kind: eventstore.Text},
	{Name: "type", Kind: eventstore.Text},
	{Name: "schema", Kind: eventstore.Int},
	{Name: "occurred_at", Kind: eventstore.Int},
	{Name: "recorded_at", Kind: eventstore.Int},
	{Name: "actor", Kind: eventstore.Text},
	{Name: "causation", Kind: eventstore.Int},
	{Name: "subject", Kind: eventstore.Text},
	{Name: "data", Kind: eventstore.Bytes},
	{Name: "key_hash", Kind: eventstore.Bytes},
	{Name: "hash", Kind: eventstore.Bytes},
}

var (
	insertEvents = eventstore.BulkOp{Table: "event", Columns: EventColumns, Key: 2}
	insertKeys   = eventstore.BulkOp{Table: "append_key", Key: 2, Columns: []eventstore.Column{
		{Name: "connection", Kind: eventstore.Text},
		{Name: "key", Kind: eventstore.Bytes},
		{Name: "position", Kind: eventstore.Int},
	}}
	// InsertSubjects inserts SubjectRows.
	InsertSubjects = eventstore.BulkOp{Table: "subject_key", Key: 2, Columns: []eventstore.Column{
		{Name: "connection", Kind: eventstore.Text},
		{Name: "subject", Kind: eventstore.Text},
		{Name: "master_id", Kind: eventstore.Text},
		{Name: "wrapped", Kind: eventstore.Bytes},
	}}
)

const moveHead = `UPDATE log_head
   SET position = position + $3, recorded_at = CASE WHEN recorded_at > $4 THEN recorded_at ELSE $4 END
 WHERE connection = $1 AND key_epoch = $2
 RETURNING position - $3, recorded_at`

// InsertPlain is Insert in portable statements; q is a transaction.
func InsertPlain(ctx context.Context, q eventstore.Querier, b *Batch) (base, recordedAt int64, err error) {
	rows, err := q.Query(ctx, moveHead, b.Connection, b.KeyEpoch, int64(len(b.Rows)), b.Now)
	heads, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (int64, error) {
		return base, r.Scan(&base, &recordedAt)
	})
	if err != nil {
		return 0, 0, err
	}
	if len(heads) == 0 {
		return 0, 0, ErrMoved
	}
	events, keys := make([][]any, len(b.Rows)), make([][]any, len(b.Rows))
	for i, row := range b.Rows {
		ev, position := row.Event, base+int64(i)+1
		events[i] = []any{
			b.Connection, position, ev.ID[:], ev.Stream, ev.Type, int64(ev.Schema), ev.OccurredAt, recordedAt,
			ev.Actor, ev.Causation, ev.Subject, row.Data, row.KeyHash[:], row.Hash[:],
		}
		keys[i] = []any{b.Connection, row.Key, position}
	}
	if err := q.Bulk(ctx, insertEvents, events); err != nil {
		return 0, 0, err
	}
	if err := q.Bulk(ctx, insertKeys, keys); err != nil {
		return 0, 0, err
	}
	return base, recordedAt, q.Bulk(ctx, InsertSubjects, SubjectRows(b.Connection, b.NewKeys))
}

// SubjectRows are the rows of new keys.
func SubjectRows(connection string, keys []KeyRow) [][]any {
	rows := make([][]any, len(keys))
	for i, key := range keys {
		rows[i] = []any{connection, key.Subject, key.MasterID, key.Wrapped}
	}
	return rows
}
