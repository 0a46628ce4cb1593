package postgres

import (
	"context"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

// insertSQL is the whole append in one statement: lock and move the head, then number the rows from where it stood.
// It looks nothing up: a look-up here would see what was there before the lock was waited for. All inserts hang on
// the head, so locks are always taken in that order.
const insertSQL = `WITH head AS (
  UPDATE log_head SET position = position + $3, recorded_at = GREATEST(recorded_at, $4)
   WHERE connection = $1 AND key_epoch = $2
  RETURNING position - $3 AS base, recorded_at
), events AS (
  INSERT INTO event (connection, position, id, stream, type, schema, occurred_at, recorded_at, actor, causation,
                     subject, data, key_hash, hash)
  SELECT $1, head.base + u.n, u.id, u.stream, u.type, u.schema, u.occurred_at, head.recorded_at, u.actor, u.causation,
         u.subject, u.data, u.key_hash, u.hash
    FROM head, unnest($5::bytea[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::text[], $11::bigint[],
                      $12::text[], $13::bytea[], $14::bytea[], $15::bytea[]) WITH ORDINALITY
         AS u(id, stream, type, schema, occurred_at, actor, causation, subject, data, key_hash, hash, n)
), keys AS (
  INSERT INTO append_key (connection, key, position)
  SELECT $1, u.key, head.base + u.n FROM head, unnest($16::bytea[]) WITH ORDINALITY AS u(key, n)
)`

// Variants: with the keys of subjects that appear for the first time, and with a notification.
const (
	withSubjects = `, subjects AS (
  INSERT INTO subject_key (connection, subject, master_id, wrapped)
  SELECT $1, u.subject, u.master_id, u.wrapped
    FROM head, unnest($17::text[], $18::text[], $19::bytea[]) AS u(subject, master_id, wrapped)
)`
	silently = ` SELECT base, recorded_at FROM head`
	// The channel is the database's, the payload the connection; PostgreSQL sends equal ones of a transaction once.
	loudly = ` SELECT base, recorded_at FROM head, pg_notify('duolog', $1)`
)

// Insert implements engine.Driver.
func (d *driver) Insert(ctx context.Context, q eventstore.Querier, b *engine.Batch) (
	base, recordedAt int64, err error,
) {
	if len(b.Rows) >= copyBatchFrom {
		return d.insertByCopy(ctx, q, b)
	}
	query, args := d.insertStatement(b)
	rows, err := q.Query(ctx, query, args...)
	heads, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (none struct{}, err error) {
		return none, r.Scan(&base, &recordedAt)
	})
	if err == nil && len(heads) == 0 {
		err = engine.ErrMoved
	}
	return base, recordedAt, err
}

func (d *driver) insertStatement(b *engine.Batch) (query string, args []any) {
	query, args = insertSQL, batchArgs(b)
	if len(b.NewKeys) > 0 {
		query += withSubjects
		args = append(args, subjectArgs(b.NewKeys)...)
	}
	if d.notify {
		return query + loudly, args
	}
	return query + silently, args
}

func batchArgs(b *engine.Batch) []any {
	n := len(b.Rows)
	ids, data, keyHashes, hashes, keys := bytesOf(n), bytesOf(n), bytesOf(n), bytesOf(n), bytesOf(n)
	streams, types, actors, subjects := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	schemas, occurred, causations := make([]int64, n), make([]int64, n), make([]int64, n)
	for i, row := range b.Rows {
		ev := row.Event
		ids[i], data[i], keyHashes[i], hashes[i], keys[i] = ev.ID[:], row.Data, row.KeyHash[:], row.Hash[:], row.Key
		streams[i], types[i], actors[i], subjects[i] = ev.Stream, ev.Type, ev.Actor, ev.Subject
		schemas[i], occurred[i], causations[i] = int64(ev.Schema), ev.OccurredAt, ev.Causation
	}
	return []any{
		b.Connection, b.KeyEpoch, int64(n), b.Now, ids, streams, types, schemas, occurred, actors, causations,
		subjects, data, keyHashes, hashes, keys,
	}
}

// bytesOf is a list that pgx encodes as it is; of a [][]byte it would reflect on every element.
func bytesOf(n int) pgtype.FlatArray[[]byte] { return make(pgtype.FlatArray[[]byte], n) }

func subjectArgs(keys []engine.KeyRow) []any {
	subjects, masters, wrapped := make([]string, len(keys)), make([]string, len(keys)), bytesOf(len(keys))
	for i, key := range keys {
		subjects[i], masters[i], wrapped[i] = key.Subject, key.MasterID, key.Wrapped
	}
	return []any{subjects, masters, wrapped}
}
