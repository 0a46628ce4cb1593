package catalogs

import (
	"context"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

// Name of the projection.
const Name = "catalogs"

// Projection folds a connection's log into the catalog tables.
type Projection struct{}

var _ projections.Projection = Projection{}

// Name returns the projection's name.
func (Projection) Name() string { return Name }

// Fold returns the number of this code.
func (Projection) Fold() int { return 1 }

// Tables lists what it writes.
func (Projection) Tables() []projections.Table {
	return []projections.Table{sealedEntries(), sealedDeals(), pullTable}
}

// Decode returns what the event says about catalogs, nil for nothing.
func (Projection) Decode(e *projections.Event) (any, error) {
	in, ok, err := decode(e.Event)
	if err != nil || !ok {
		return nil, err
	}
	return in, nil
}

// Open returns a folder.
func (Projection) Open(v projections.Version) projections.Folder {
	return &folder{version: v, fold: newFold(v.Vault)}
}

// rowCost is about what a row takes in memory, in bytes.
const rowCost = 600

// folder holds the rows that changed since the last write; what else the inputs touch it reads again.
type folder struct {
	version projections.Version
	fold    *fold
}

func (f *folder) rows(q eventstore.Querier) rows {
	return rows{q: q, connection: f.version.Connection, version: f.version.Number}
}

// Fold loads the rows the page tells of, unless they are held, and folds the page into them.
func (f *folder) Fold(ctx context.Context, q eventstore.Querier, page []projections.Input) error {
	var told []input
	for _, e := range page {
		if in, ok := e.Decoded.(input); ok {
			told = append(told, in)
		}
	}
	if len(told) == 0 {
		return nil
	}
	if err := f.rows(q).load(ctx, f.fold, told); err != nil {
		return err
	}
	for _, in := range told {
		if err := f.fold.apply(ctx, in); err != nil {
			return err
		}
	}
	return nil
}

// Waiting counts the rows held: about as many as changed.
func (f *folder) Waiting() (int, bool) {
	n := len(f.fold.entries) + len(f.fold.deals) + len(f.fold.pulls) + len(f.fold.forgotten)
	return n, n*rowCost >= f.version.Memory/2
}

// Write stores what changed.
func (f *folder) Write(ctx context.Context, q eventstore.Querier) error {
	return f.rows(q).write(ctx, f.fold)
}

// Written forgets what is stored now.
func (f *folder) Written() { f.fold = newFold(f.version.Vault) }
