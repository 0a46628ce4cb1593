package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

// baseline inserts rows of the size and shape of sealed events into tables like the log's, at positions taken from a
// counter.
type baseline struct {
	store      eventstore.Store
	opts       Options
	connection string // as long as the measured log's: it stands in every row and every index
	position   atomic.Int64
	data       []byte // of every row: what is stored is random in any case
}

func newBaseline(ctx context.Context, store eventstore.Store, connection string, o Options) (*baseline, error) {
	const sealing = 12 + 16 // nonce and tag
	b := &baseline{store: store, opts: o, connection: connection, data: make([]byte, len(payload(o.Size))+sealing)}
	_, _ = rand.Read(b.data)
	statements := []string{
		"CREATE TABLE bench_event (LIKE event INCLUDING ALL)", "CREATE TABLE bench_key (LIKE append_key INCLUDING ALL)",
	}
	if store.Backend() == "sqlite" {
		var err error
		if statements, err = copiesOfTables(ctx, store); err != nil {
			return nil, err
		}
	}
	for _, statement := range statements {
		if _, err := store.Exec(ctx, statement); err != nil {
			return nil, fmt.Errorf("make the baseline's tables: %w", err)
		}
	}
	return b, nil
}

// copiesOfTables is what LIKE does elsewhere.
func copiesOfTables(ctx context.Context, store eventstore.Store) ([]string, error) {
	rows, err := store.Query(ctx, `SELECT sql FROM sqlite_master
		WHERE tbl_name IN ('event', 'append_key') AND type <> 'trigger' AND sql IS NOT NULL ORDER BY type DESC`)
	return eventstore.Scan(rows, err, func(r eventstore.Rows) (text string, err error) {
		err = r.Scan(&text)
		text = strings.NewReplacer("TABLE event", "TABLE bench_event", "TABLE append_key", "TABLE bench_key",
			"INDEX event_", "INDEX bench_event_", "ON event", "ON bench_event").Replace(text)
		return text, err
	})
}

func (b *baseline) drop(ctx context.Context) error {
	for _, table := range []string{"bench_event", "bench_key"} {
		if _, err := b.store.Exec(ctx, "DROP TABLE "+table); err != nil {
			return fmt.Errorf("drop the baseline's tables: %w", err)
		}
	}
	return nil
}

func (b *baseline) insert(ctx context.Context, _ int64) error {
	if b.store.Backend() == "sqlite" {
		return b.insertRows(ctx)
	}
	return b.insertArrays(ctx)
}

const insertArrays = `WITH keys AS (
  INSERT INTO bench_key (connection, key, position)
  SELECT $6, u.id, u.position FROM unnest($1::bigint[], $2::bytea[]) AS u(position, id)
)
INSERT INTO bench_event (connection, position, id, stream, type, schema, occurred_at, recorded_at, actor, causation,
                         subject, data, key_hash, hash)
SELECT $6, u.position, u.id, u.stream, 'record.updated', 1, 1, 1, 'hubspot', 0, u.stream, u.data, $5, $5
  FROM unnest($1::bigint[], $2::bytea[], $3::text[], $4::bytea[]) AS u(position, id, stream, data)`

// insertArrays is one statement and one commit.
func (b *baseline) insertArrays(ctx context.Context) error {
	n := b.opts.Batch
	positions, ids, streams, data := make([]int64, n), make([][]byte, n), make([]string, n), make([][]byte, n)
	for i := range n {
		id := ulid.Make()
		positions[i], ids[i], data[i] = b.position.Add(1), id[:], b.data
		streams[i] = stream(int(positions[i] % int64(b.opts.Records)))
	}
	_, err := b.store.Exec(ctx, insertArrays, positions, ids, streams, data, b.data[:32], b.connection)
	return err
}

// EventColumns are those of the log's event table, for baselines to write rows of its shape.
var EventColumns = engine.EventColumns

var (
	eventRows = eventstore.BulkOp{Table: "bench_event", Key: 2, Columns: EventColumns}
	keyRows   = eventstore.BulkOp{Table: "bench_key", Key: 2, Columns: []eventstore.Column{
		{Name: "connection", Kind: eventstore.Text}, {Name: "key", Kind: eventstore.Bytes}, {Name: "position"},
	}}
)

// insertRows is one transaction of prepared statements.
func (b *baseline) insertRows(ctx context.Context) error {
	events, keys := make([][]any, b.opts.Batch), make([][]any, b.opts.Batch)
	for i := range events {
		id, position := ulid.Make(), b.position.Add(1)
		record := stream(int(position % int64(b.opts.Records)))
		events[i] = []any{
			b.connection, position, id[:], record, "record.updated", int64(1), int64(1), int64(1), "hubspot", int64(0),
			record, b.data, b.data[:32], b.data[:32],
		}
		keys[i] = []any{b.connection, id[:], position}
	}
	return b.store.InTx(ctx, func(tx eventstore.Tx) error {
		if err := tx.Bulk(ctx, eventRows, events); err != nil {
			return err
		}
		return tx.Bulk(ctx, keyRows, keys)
	})
}
