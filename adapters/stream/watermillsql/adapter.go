// Package watermillsql lets a service on PostgreSQL that already uses stock watermill-sql/v3 read Duolog's events: a
// SchemaAdapter and an OffsetsAdapter over our own tables, by dense position. A topic is a connection, a consumer group a
// consumer of the kind sql, which duolog consumers lists like any other.
//
// watermill-sql holds a transaction, and the row of its consumer group, while handlers run: that suits short work in the
// same database. For calls to elsewhere, take stream/subscriber.
package watermillsql

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ThreeDotsLabs/watermill-sql/v3/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/opener"
)

// ErrReadOnly: nobody but Duolog appends.
var ErrReadOnly = errors.New("the log is read only here")

// Config says what is read. Connection is required.
type Config struct {
	// Connection is the one whose log is read; subscribe to it as the topic.
	Connection string
	// MasterKey opens what events hold. Without it messages have no data, only what happened to which record.
	MasterKey eventstore.MasterKey
	// Data is what of personal values messages hold: cloudevent.IDs, Masked or Full. Default IDs.
	Data string
	// Batch is how many events are read at a time. Default 1000.
	Batch int
	// After is the position a new consumer group begins after; below 0: the end. Default: everything.
	After int64
}

// Adapter is both adapters of a sql.SubscriberConfig.
type Adapter struct {
	Config
	enc    cloudevent.Encoder
	opener *opener.Opener // nil without a master key
}

var (
	_ sql.SchemaAdapter  = (*Adapter)(nil)
	_ sql.OffsetsAdapter = (*Adapter)(nil)
)

// New returns the adapters of a connection's log in db.
func New(ctx context.Context, db *stdsql.DB, c Config) (*Adapter, error) {
	if c.Connection == "" {
		return nil, errors.New("watermillsql: Connection is required")
	}
	if c.Batch <= 0 {
		c.Batch = 1000
	}
	if c.Data == "" {
		c.Data = cloudevent.IDs
	}
	var head eventstore.Head
	var id []byte
	err := db.QueryRowContext(ctx, `SELECT log_id, generation, position FROM log_head WHERE connection = $1`, c.Connection).
		Scan(&id, &head.Generation, &head.Position)
	if err != nil {
		return nil, fmt.Errorf("watermillsql: find the log of connection %s: %w", c.Connection, err)
	}
	copy(head.LogID[:], id)
	if c.After < 0 {
		c.After = head.Position
	}
	a := &Adapter{Config: c, enc: cloudevent.New(c.Connection, head, c.Data)}
	if !c.MasterKey.IsZero() {
		a.opener = opener.New(c.MasterKey, c.Connection)
	}
	return a, nil
}

// InsertQuery refuses.
func (a *Adapter) InsertQuery(string, message.Messages) (sql.Query, error) {
	return sql.Query{}, ErrReadOnly
}

// SchemaInitializingQueries are none: the tables are Duolog's.
func (a *Adapter) SchemaInitializingQueries(string) []sql.Query { return nil }

// SubscribeIsolationLevel is enough for positions: what is committed stays and what comes later lies behind it.
func (a *Adapter) SubscribeIsolationLevel() stdsql.IsolationLevel { return stdsql.LevelReadCommitted }

// selectEvents takes the lock once, in a part of its own: in a join it could be tried for each event, fail for the first
// and succeed for the next, when another subscriber commits meanwhile, and those would be lost. It names the end of the
// batch, which dense positions let it, as many further as events are put aside there: a planner that knows little of the
// tables would otherwise sort everything that is left, for each batch. Keys are looked up one by one for the same reason.
// What was put aside and is asked for once more comes first. Each row names those of them in the batch: they are
// forgotten when the batch is acknowledged.
const selectEvents = `WITH acked (position) AS MATERIALIZED (%[1]s),
parked (position, again) AS MATERIALIZED (SELECT position, again FROM consumer_parked WHERE connection = $1 AND consumer = $2),
retried (position) AS MATERIALIZED (SELECT position FROM parked
	WHERE again = 1 AND position <= (SELECT position FROM acked) ORDER BY position LIMIT %[2]d),
wanted AS (
	SELECT * FROM event WHERE connection = $1 AND position IN (SELECT position FROM retried)
	UNION ALL
	SELECT * FROM event WHERE connection = $1 AND position > (SELECT position FROM acked)
		AND position <= (SELECT position FROM acked) + %[2]d
			+ (SELECT count(*) FROM parked WHERE again = 0 AND position > (SELECT position FROM acked))
		AND position NOT IN (SELECT position FROM parked WHERE again = 0))
SELECT e.position, e.id, e.stream, e.type, e.schema, e.occurred_at, e.recorded_at, e.actor, e.causation,
	e.subject, e.data, (SELECT k.wrapped FROM subject_key k
		WHERE k.connection = e.connection AND k.subject = e.subject AND k.since < e.position),
	(SELECT string_agg(position::text, ',') FROM (SELECT position FROM retried
		UNION SELECT position FROM parked WHERE again = 1 AND position > (SELECT position FROM acked)) p)
FROM wanted e
ORDER BY e.position`

// SelectQuery reads the next batch by dense position. A group that another subscriber holds gives no rows.
func (a *Adapter) SelectQuery(topic, group string, offsets sql.OffsetsAdapter) sql.Query {
	next := offsets.NextOffsetQuery(topic, group)
	return sql.Query{Query: fmt.Sprintf(selectEvents, next.Query, a.Batch), Args: next.Args}
}

// UnmarshalMessage makes a message of a row: the event as CloudEvents 1.0, with the event's id.
func (a *Adapter) UnmarshalMessage(row sql.Scanner) (sql.Row, error) {
	e := eventstore.Event{Connection: a.Connection}
	var id, sealed, wrapped []byte
	var retried stdsql.NullString
	err := row.Scan(&e.Position, &id, &e.Stream, &e.Type, &e.Schema, &e.OccurredAt, &e.RecordedAt, &e.Actor, &e.Causation,
		&e.Subject, &sealed, &wrapped, &retried)
	if err != nil {
		return sql.Row{}, fmt.Errorf("read an event: %w", err)
	}
	copy(e.ID[:], id)
	if e.OccurredAt == 0 {
		e.OccurredAt = e.RecordedAt
	}
	e.Erased = len(wrapped) == 0
	if a.opener != nil {
		if err := a.opener.Open(&e, wrapped, sealed); err != nil {
			return sql.Row{}, err
		}
	}
	m := message.NewMessage(e.ID.String(), a.enc.Line(nil, e))
	m.Metadata = message.Metadata{
		"type": e.Type, "stream": e.Stream, "position": fmt.Sprint(e.Position), "content_type": cloudevent.ContentType,
	}
	if slices.Contains(strings.Split(retried.String, ","), m.Metadata["position"]) {
		m.Metadata["again"] = "true"
	}
	return sql.Row{
		Offset: e.Position, UUID: []byte(m.UUID), Payload: m.Payload, Msg: m, ExtraData: map[string]any{"retried": retried.String},
	}, nil
}
