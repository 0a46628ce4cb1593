package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

// Name of the projection.
const Name = "history"

// ownerConnection owns the acts that concern every contact.
const ownerConnection = "connection"

// Projection folds a connection's log into the table history_entry.
type Projection struct{}

var _ projections.Projection = Projection{}

// Name returns the projection's name.
func (Projection) Name() string { return Name }

// Fold returns the number of this code.
func (Projection) Fold() int { return 1 }

// Tables lists what it writes.
func (Projection) Tables() []projections.Table {
	return []projections.Table{entryTable}
}

var entryTable = projections.Table{
	Name: "history_entry", Key: 4, Columns: []eventstore.Column{
		projections.Text("connection"), projections.Int("version"), projections.Text("owner"), projections.Int("position"),
		projections.Text("type"), projections.Int("input"),
	},
}

// Decode returns the event's owners.
func (Projection) Decode(e *projections.Event) (any, error) {
	list, err := owners(e)
	if err != nil {
		return nil, fmt.Errorf("read %s at %d: %w", e.Type, e.Position, err)
	}
	return list, nil
}

// Open returns a folder.
func (Projection) Open(v projections.Version) projections.Folder { return &folder{version: v} }

// rowCost is about what a row takes in memory, its texts included.
const rowCost = 120

// entry is a row of history_entry.
type entry struct {
	owner    string
	position int64
	kind     string
	input    int64
}

// folder collects a row for every owner of every event.
type folder struct {
	version projections.Version
	rows    []entry
}

func (f *folder) Fold(_ context.Context, _ eventstore.Querier, page []projections.Input) error {
	for _, in := range page {
		list, _ := in.Decoded.([]string)
		for _, owner := range list {
			f.rows = append(f.rows, entry{owner, in.Position, in.Type, in.Causation})
		}
	}
	return nil
}

func (f *folder) Waiting() (int, bool) { return len(f.rows), len(f.rows)*rowCost >= f.version.Memory/4 }

// writeChunk is the number of rows made, and then written, at once.
const writeChunk = 5000

// Write inserts the rows in the order of the table's key: who has many of them then has them in few places of its index.
func (f *folder) Write(ctx context.Context, q eventstore.Querier) error {
	slices.SortFunc(f.rows, func(a, b entry) int {
		return cmp.Or(strings.Compare(a.owner, b.owner), cmp.Compare(a.position, b.position))
	})
	return projections.WriteBatches(ctx, q, func(_ context.Context, emit func(...projections.Batch) error) error {
		for chunk := range slices.Chunk(f.rows, writeChunk) {
			if err := emit(projections.Batch{Op: entryTable.Op(eventstore.Insert), Rows: f.cells(chunk)}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *folder) cells(chunk []entry) [][]any {
	const width = 6
	var connection, version any = f.version.Connection, f.version.Number
	cells, out := make([]any, width*len(chunk)), make([][]any, len(chunk))
	for i, e := range chunk {
		row := cells[width*i : width*(i+1) : width*(i+1)]
		row[0], row[1], row[2], row[3], row[4], row[5] = connection, version, e.owner, e.position, e.kind, e.input
		out[i] = row
	}
	return out
}

func (f *folder) Written() {
	clear(f.rows)
	f.rows = f.rows[:0]
}
