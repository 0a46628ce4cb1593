package bench

import (
	"context"
	"fmt"

	"github.com/duolog/duolog/eventstore"
	logbench "github.com/duolog/duolog/eventstore/bench"
)

// table has the columns and the indexes of the log's event table, and nothing that orders or protects it.
const table = "bench_ingest"

func makeTable(ctx context.Context, db eventstore.DB) error {
	if err := dropTable(ctx, db); err != nil {
		return err
	}
	types := map[eventstore.Kind]string{eventstore.Int: "BIGINT", eventstore.Text: "TEXT", eventstore.Bytes: "BYTEA"}
	if db.Backend() == "sqlite" {
		types[eventstore.Bytes] = "BLOB"
	}
	ddl := "CREATE TABLE " + table + " ("
	for _, c := range logbench.EventColumns {
		ddl += c.Name + " " + types[c.Kind] + " NOT NULL, "
	}
	for _, stmt := range []string{
		ddl + "PRIMARY KEY (connection, position))",
		"CREATE INDEX bench_ingest_stream ON " + table + " (connection, stream, position)",
	} {
		if _, err := db.Exec(ctx, stmt); err != nil {
			return fmt.Errorf("make the baseline's table: %w", err)
		}
	}
	return nil
}

func dropTable(ctx context.Context, db eventstore.DB) error {
	if _, err := db.Exec(ctx, "DROP TABLE IF EXISTS "+table); err != nil {
		return fmt.Errorf("drop the baseline's table: %w", err)
	}
	return nil
}

// baseline writes the rows of the measured log once more, in bulk and in transactions of one webhook each, by as
// many writers as there were senders.
func (c Config) baseline(ctx context.Context, log eventstore.Log) (float64, error) {
	batches := make([][][]any, c.Batches)
	for i := range batches {
		events, err := log.Read(ctx, int64(i*c.Size), c.Size)
		if err != nil {
			return 0, err
		}
		for _, e := range events {
			batches[i] = append(batches[i], row(e))
		}
	}
	op := eventstore.BulkOp{Mode: eventstore.Insert, Table: table, Columns: logbench.EventColumns, Key: 2}
	took, err := c.inParallel(func(i int) error {
		return c.Store.InTx(ctx, func(tx eventstore.Tx) error { return tx.Bulk(ctx, op, batches[i]) })
	})
	return c.rate(took), err
}

// sealing is how many bytes an event's nonce and tag add to its data.
const sealing = 28

func row(e eventstore.Event) []any {
	return []any{
		e.Connection, e.Position, e.ID[:], e.Stream, e.Type, int64(e.Schema), e.OccurredAt, e.RecordedAt, e.Actor,
		e.Causation, e.Subject, append(make([]byte, sealing), e.Data...), e.Hash[:], e.Hash[:],
	}
}
