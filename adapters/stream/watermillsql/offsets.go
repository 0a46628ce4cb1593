package watermillsql

import (
	"time"

	"github.com/ThreeDotsLabs/watermill-sql/v3/pkg/sql"

	"github.com/duolog/duolog/adapters/stream/group"
)

// What cannot go on is said as a failed cast: a query is all an adapter has to say something with.

// refuse fails with the text when the topic is not this adapter's connection.
const refuse = `SELECT CASE WHEN $1::text = $2::text THEN 0
	ELSE ('subscribe to the topic ' || $2 || ', the connection of this adapter')::bigint END`

const insertConsumer = `INSERT INTO consumer (connection, name, kind, filter, lease, log_id, generation, epoch, created_at)
	SELECT connection, $2, $3, '{}', $4, log_id, generation, 0, $5 FROM log_head WHERE connection = $1
	ON CONFLICT DO NOTHING`

const insertPartition = `INSERT INTO consumer_partition (connection, consumer, partition, position, member, epoch, advanced_at)
	VALUES ($1, $2, 0, $3, '', 0, $4) ON CONFLICT DO NOTHING`

const checkKind = `SELECT CASE WHEN kind = $3 THEN 0
	ELSE ('the consumer ' || name || ' is of the kind ' || kind || ': take another name')::bigint END
	FROM consumer WHERE connection = $1 AND name = $2`

// BeforeSubscribingQueries make the consumer when there is none.
func (a *Adapter) BeforeSubscribingQueries(topic, consumer string) []sql.Query {
	now := time.Now().UnixMicro()
	return []sql.Query{
		{Query: refuse, Args: []any{topic, a.Connection}},
		{Query: insertConsumer, Args: []any{a.Connection, consumer, group.KindSQL, group.DefaultLease.Microseconds(), now}},
		{Query: checkKind, Args: []any{a.Connection, consumer, group.KindSQL}},
		{Query: insertPartition, Args: []any{a.Connection, consumer, a.After, now}},
	}
}

const nextOffset = `SELECT CASE WHEN c.log_id = h.log_id AND c.generation = h.generation THEN p.position
	ELSE ('the log was restored since, go on with: duolog consumers reset ' || c.name || ' --to POSITION')::bigint END
	FROM consumer_partition p
	JOIN consumer c ON c.connection = p.connection AND c.name = p.consumer
	JOIN log_head h ON h.connection = p.connection
	WHERE p.connection = $1 AND p.consumer = $2 AND p.partition = 0 FOR UPDATE OF p SKIP LOCKED`

// NextOffsetQuery returns the position acknowledged last, and locks it for the transaction. A subscriber that finds it
// locked stands by and does not wait.
func (a *Adapter) NextOffsetQuery(_, consumer string) sql.Query {
	return sql.Query{Query: nextOffset, Args: []any{a.Connection, consumer}}
}

// ack stores the position, and forgets what was asked for once more among the messages up to it.
const ack = `WITH handled AS (DELETE FROM consumer_parked WHERE connection = $1 AND consumer = $2 AND again = 1
		AND position <= $3 AND position = ANY(string_to_array($5::text, ',')::bigint[]))
	UPDATE consumer_partition SET position = $3, advanced_at = $4
	WHERE connection = $1 AND consumer = $2 AND partition = 0 AND position < $3`

// AckMessageQuery stores the position.
func (a *Adapter) AckMessageQuery(_ string, row sql.Row, consumer string) sql.Query {
	return sql.Query{Query: ack, Args: []any{a.Connection, consumer, row.Offset, time.Now().UnixMicro(), row.ExtraData["retried"]}}
}

// ConsumedMessageQuery is none.
func (a *Adapter) ConsumedMessageQuery(string, sql.Row, string, []byte) sql.Query { return sql.Query{} }
