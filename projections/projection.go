package projections

import (
	"context"

	"github.com/duolog/duolog/eventstore"
)

// Page is a run of one connection's events to fold.
type Page struct {
	Connection string
	// Version is the filling the rows belong to: the second key column of every table of a projection.
	Version int64
	Events  []eventstore.Event // in position order, opened; Erased ones without data
	Vault   eventstore.Vault
}

// Projection is a named fold of events into tables. Its rows must come out the same however the events are cut into
// pages, and, event by event of one key in order, whenever a parked event is applied late.
type Projection interface {
	Name() string
	// Fold is the number of the code that folds. Raise it when the same events must give other rows: a runner that
	// finds rows of another fold rebuilds them.
	Fold() int
	// Tables lists what Apply writes, so that an old version can be removed.
	Tables() []Table
	// Apply writes the page's effects. It runs inside the transaction that moves the checkpoint.
	Apply(ctx context.Context, q eventstore.Querier, page Page) error
}

// Table is a projection's table. Its key, the first Key columns, begins with connection and version, and old rows are
// removed in chunks by the column after them: a text or bytes there is never empty, a number never negative.
type Table struct {
	Name    string
	Columns []eventstore.Column
	Key     int
}

// Op is a set-wise write to the table.
func (t Table) Op(mode eventstore.BulkMode) eventstore.BulkOp {
	return eventstore.BulkOp{Mode: mode, Table: t.Name, Columns: t.Columns, Key: t.Key}
}

// Int, Text and Bytes make columns.
func Int(name string) eventstore.Column { return eventstore.Column{Name: name, Kind: eventstore.Int} }

// Text makes a column of texts.
func Text(name string) eventstore.Column { return eventstore.Column{Name: name, Kind: eventstore.Text} }

// Bytes makes a column of bytes.
func Bytes(name string) eventstore.Column {
	return eventstore.Column{Name: name, Kind: eventstore.Bytes}
}

// Keyed is a projection whose order is kept per something other than the event's stream.
type Keyed interface {
	Key(event eventstore.Event) string
}

// Fault is an error whose text is a constant of the program, so it may be stored: it holds no personal value.
type Fault string

// Error returns the text.
func (f Fault) Error() string { return string(f) }

func keyOf(p Projection, e eventstore.Event) string {
	if k, ok := p.(Keyed); ok {
		return k.Key(e)
	}
	return e.Stream
}
