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

// Table is a projection's table. Its key begins with connection, version and the column Key, by which old rows are
// removed in chunks. A text or bytes key is never empty, a number never negative.
type Table struct {
	Name string
	Key  string
	Kind eventstore.Kind // of Key
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
