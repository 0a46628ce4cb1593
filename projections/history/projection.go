package history

import (
	"context"
	"maps"
	"slices"

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
	return owners(e)
}

// Open returns a folder.
func (Projection) Open(v projections.Version) projections.Folder { return &folder{version: v, numbers: map[string]uint32{}} }

// rowCost is about what a row takes in memory, its texts included.
const rowCost = 120

// entry is a row of history_entry.
type entry struct {
	owner    uint32 // by number
	position int64
	kind     string
	input    int64
}

// folder collects a row for every owner of every event.
type folder struct {
	version projections.Version
	numbers map[string]uint32 // of the owners
	owners  []string          // by number
	rows    []entry           // by position
}

func (f *folder) Fold(_ context.Context, _ eventstore.Querier, page []projections.Input) error {
	for _, in := range page {
		list, _ := in.Decoded.([]string)
		for _, owner := range list {
			f.rows = append(f.rows, entry{f.number(owner), in.Position, in.Type, in.Causation})
		}
	}
	return nil
}

func (f *folder) number(owner string) uint32 {
	n, ok := f.numbers[owner]
	if !ok {
		n = uint32(len(f.owners))
		f.numbers[owner], f.owners = n, append(f.owners, owner)
	}
	return n
}

func (f *folder) Waiting() (int, bool) { return len(f.rows), len(f.rows)*rowCost >= f.version.Memory/4 }

// sorted lists the rows in the order of the table's key: owners by name, and what each has as it came.
func (f *folder) sorted() []*entry {
	next := make([]int, len(f.owners)) // where each owner's next row goes
	for i := range f.rows {
		next[f.rows[i].owner]++
	}
	at := 0
	for _, owner := range slices.Sorted(maps.Keys(f.numbers)) {
		n := f.numbers[owner]
		at, next[n] = at+next[n], at
	}
	all := make([]*entry, len(f.rows))
	for i := range f.rows {
		e := &f.rows[i]
		all[next[e.owner]] = e
		next[e.owner]++
	}
	return all
}

// writeChunk is the number of rows made, and then written, at once.
const writeChunk = 5000

// Write inserts the rows in the order of the table's key: who has many of them then has them in few places of its index.
func (f *folder) Write(ctx context.Context, q eventstore.Querier) error {
	return projections.WriteBatches(ctx, q, func(_ context.Context, emit func(...projections.Batch) error) error {
		for chunk := range slices.Chunk(f.sorted(), writeChunk) {
			if err := emit(projections.Batch{Op: entryTable.Op(eventstore.Insert), Rows: f.cells(chunk)}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *folder) cells(chunk []*entry) [][]any {
	const width = 6
	var connection, version any = f.version.Connection, f.version.Number
	cells, out := make([]any, width*len(chunk)), make([][]any, len(chunk))
	for i, e := range chunk {
		row := cells[width*i : width*(i+1) : width*(i+1)]
		row[0], row[1], row[2], row[3], row[4], row[5] = connection, version, f.owners[e.owner], e.position, e.kind, e.input
		out[i] = row
	}
	return out
}

func (f *folder) Written() {
	clear(f.rows)
	clear(f.owners)
	clear(f.numbers)
	f.rows, f.owners = f.rows[:0], f.owners[:0]
}
