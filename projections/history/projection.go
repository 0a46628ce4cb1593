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
func (Projection) Open(v projections.Version) projections.Folder {
	return &folder{version: v, numbers: map[string]uint32{}}
}

// rowCost is about what a row takes in memory, its share of the texts included.
const rowCost = 80

// entry is a row of history_entry; its texts are told by their numbers.
type entry struct {
	owner, kind     uint32
	position, input int64
}

// folder collects a row for every owner of every event.
type folder struct {
	version projections.Version
	numbers map[string]uint32 // of the texts
	texts   []any             // by number, as cells
	rows    []entry           // by position
}

func (f *folder) Fold(_ context.Context, _ eventstore.Querier, page []projections.Input) error {
	for _, in := range page {
		list, _ := in.Decoded.([]string)
		for _, owner := range list {
			f.rows = append(f.rows, entry{f.number(owner), f.number(in.Type), in.Position, in.Causation})
		}
	}
	return nil
}

func (f *folder) number(text string) uint32 {
	n, ok := f.numbers[text]
	if !ok {
		n = uint32(len(f.texts))
		f.numbers[text], f.texts = n, append(f.texts, text)
	}
	return n
}

func (f *folder) Waiting() (int, bool) { return len(f.rows), len(f.rows)*rowCost >= f.version.Memory/4 }

// sorted lists the rows in the order of the table's key: owners by name, and what each has as it came.
func (f *folder) sorted() []*entry {
	next := make([]int, len(f.texts)) // where each owner's next row goes
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
		row[0], row[1], row[2], row[3], row[4], row[5] = connection, version, f.texts[e.owner], e.position, f.texts[e.kind], e.input
		out[i] = row
	}
	return out
}

func (f *folder) Written() {
	clear(f.numbers)
	clear(f.texts)
	f.texts, f.rows = f.texts[:0], f.rows[:0]
}
