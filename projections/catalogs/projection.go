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
	return []projections.Table{
		{Name: "catalog_entry", Key: "catalog", Kind: eventstore.Text},
		{Name: "catalog_deal", Key: "record", Kind: eventstore.Text},
		{Name: "catalog_pull", Key: "name", Kind: eventstore.Text},
	}
}

// Apply loads the rows the page tells of, folds the page in memory and writes what changed.
func (Projection) Apply(ctx context.Context, q eventstore.Querier, page projections.Page) error {
	var told []input
	for _, e := range page.Events {
		in, ok, err := decode(e)
		if err != nil {
			return err
		}
		if ok {
			told = append(told, in)
		}
	}
	if len(told) == 0 {
		return nil
	}
	f := newFold(page.Vault)
	t := rows{q: q, connection: page.Connection, version: page.Version}
	if err := t.load(ctx, f, told); err != nil {
		return err
	}
	for _, in := range told {
		if err := f.apply(ctx, in); err != nil {
			return err
		}
	}
	return t.write(ctx, f)
}
