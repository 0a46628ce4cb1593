package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

// A large batch goes by COPY, which writes a page of rows at a time where a statement writes a row. What is sent is laid
// out before the head is locked: behind the lock only positions and the recording time are put in.
const (
	// copyBatchFrom is the number of events from which that is worth its round trips.
	copyBatchFrom = 1000
	// batchEvents is large, for the head stays locked until the commit is on the disk: that is waited for once.
	batchEvents = 4000
)

const moveHeadSQL = `UPDATE log_head SET position = position + $3, recorded_at = GREATEST(recorded_at, $4)
 WHERE connection = $1 AND key_epoch = $2 RETURNING position - $3 AS base, recorded_at`

// insertByCopy is Insert for many rows.
func (d *driver) insertByCopy(ctx context.Context, q eventstore.Querier, b *engine.Batch) (
	base, recordedAt int64, err error,
) {
	events, keys := layOut(b)
	if tx, ok := inTx(q); ok {
		return d.copyBatch(ctx, tx, b, events, keys)
	}
	if q != eventstore.Querier(d) { // its transaction would not be ours, and would wait for the head that it has locked
		return 0, 0, fmt.Errorf("append %d events: a %T is no transaction of this store", len(b.Rows), q)
	}
	err = transact(ctx, d.pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(q eventstore.Querier) (err error) {
		tx, _ := inTx(q)
		base, recordedAt, err = d.copyBatch(ctx, tx, b, events, keys)
		return err
	})
	return base, recordedAt, err
}

// inTx is the transaction a Querier runs in, also when it is wrapped.
func inTx(q eventstore.Querier) (pgx.Tx, bool) {
	for {
		outer, ok := q.(interface{ Unwrap() eventstore.Querier })
		if !ok {
			break
		}
		q = outer.Unwrap()
	}
	own, ok := q.(querier)
	if !ok {
		return nil, false
	}
	tx, ok := own.on.(pgx.Tx)
	return tx, ok
}

func (d *driver) copyBatch(ctx context.Context, tx pgx.Tx, b *engine.Batch, events, keys *layout) (
	base, recordedAt int64, err error,
) {
	rows, err := querier{tx}.Query(ctx, moveHeadSQL, b.Connection, b.KeyEpoch, int64(len(b.Rows)), b.Now)
	heads, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (none struct{}, err error) {
		return none, r.Scan(&base, &recordedAt)
	})
	if err == nil && len(heads) == 0 {
		err = engine.ErrMoved
	}
	if err != nil {
		return 0, 0, err
	}
	events.number(base, recordedAt)
	keys.number(base, recordedAt)
	for _, l := range []*layout{events, keys} {
		if _, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(l.sent), l.query); err != nil {
			return 0, 0, fmt.Errorf("append %d events: %w", len(b.Rows), translate(err))
		}
	}
	return base, recordedAt, d.finish(ctx, tx, b)
}

// finish stores new subjects' keys and rings the bell.
func (d *driver) finish(ctx context.Context, tx pgx.Tx, b *engine.Batch) error {
	if len(b.NewKeys) > 0 {
		if err := (querier{tx}).Bulk(ctx, engine.InsertSubjects, engine.SubjectRows(b.Connection, b.NewKeys)); err != nil {
			return err
		}
	}
	if !d.notify {
		return nil
	}
	_, err := querier{tx}.Exec(ctx, "SELECT pg_notify('duolog', $1)", b.Connection)
	return err
}

// layout is a table's rows in COPY's binary format, but for the numbers that are not known yet.
type layout struct {
	query    string
	sent     []byte
	position []int // where each row's position goes
	recorded []int // where its recording time goes, if it has one
}

const (
	copyEvents = `COPY event (connection, position, id, stream, type, schema, occurred_at, recorded_at, actor, causation,
 subject, data, key_hash, hash) FROM STDIN (FORMAT binary)`
	copyKeys = `COPY append_key (connection, key, position) FROM STDIN (FORMAT binary)`
)

func layOut(b *engine.Batch) (events, keys *layout) {
	size, n := 0, len(b.Rows)
	for _, row := range b.Rows {
		ev := row.Event
		size += len(row.Data) + 2*len(ev.Subject) + len(ev.Stream) + len(ev.Type) + len(ev.Actor)
	}
	const perRow = 2 + 14*4 + 5*8 + 16 + 2*32
	events = newLayout(copyEvents, size+n*(perRow+len(b.Connection)), n)
	keys = newLayout(copyKeys, n*(2+3*4+8+32+len(b.Connection)), n)
	for _, row := range b.Rows {
		events.event(b.Connection, row)
		keys.key(b.Connection, row.Key)
	}
	events.end()
	keys.end()
	return events, keys
}

func newLayout(query string, size, rows int) *layout {
	l := &layout{query: query, sent: make([]byte, 0, size+len(copyHeader)+2), position: make([]int, 0, rows)}
	l.sent = append(l.sent, copyHeader...)
	return l
}

func (l *layout) event(connection string, row *engine.Row) {
	ev := row.Event
	l.sent = binary.BigEndian.AppendUint16(l.sent, uint16(len(engine.EventColumns)))
	l.text(connection)
	l.position = append(l.position, l.later())
	l.bytes(ev.ID[:])
	l.text(ev.Stream)
	l.text(ev.Type)
	l.number64(int64(ev.Schema))
	l.number64(ev.OccurredAt)
	l.recorded = append(l.recorded, l.later())
	l.text(ev.Actor)
	l.number64(ev.Causation)
	l.text(ev.Subject)
	l.bytes(row.Data)
	l.bytes(row.KeyHash[:])
	l.bytes(row.Hash[:])
}

func (l *layout) key(connection string, key []byte) {
	l.sent = binary.BigEndian.AppendUint16(l.sent, 3)
	l.text(connection)
	l.bytes(key)
	l.position = append(l.position, l.later())
}

func (l *layout) text(s string) {
	l.sent = append(binary.BigEndian.AppendUint32(l.sent, uint32(len(s))), s...)
}

func (l *layout) bytes(v []byte) {
	l.sent = append(binary.BigEndian.AppendUint32(l.sent, uint32(len(v))), v...)
}

func (l *layout) number64(n int64) {
	l.sent = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(l.sent, 8), uint64(n))
}

// later leaves room for a number and tells where.
func (l *layout) later() int {
	l.number64(0)
	return len(l.sent) - 8
}

func (l *layout) end() { l.sent = binary.BigEndian.AppendUint16(l.sent, 0xffff) }

func (l *layout) number(base, recordedAt int64) {
	for i, at := range l.position {
		binary.BigEndian.PutUint64(l.sent[at:], uint64(base+int64(i)+1))
	}
	for _, at := range l.recorded {
		binary.BigEndian.PutUint64(l.sent[at:], uint64(recordedAt))
	}
}
