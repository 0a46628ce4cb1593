package contacts

import (
	"context"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

// Name of the projection.
const Name = "contacts"

// Projection folds a connection's log into the contact tables.
type Projection struct{}

var _ projections.Projection = Projection{}

// Name returns the projection's name.
func (Projection) Name() string { return Name }

// Fold returns the number of this code.
func (Projection) Fold() int { return 1 }

// Tables lists what it writes.
func (Projection) Tables() []projections.Table {
	return []projections.Table{contactTable, recordTable, fieldTable, keyTable, policyTable}
}

// Apply loads the rows the page touches, folds the page in memory and writes what changed.
func (Projection) Apply(ctx context.Context, q eventstore.Querier, page projections.Page) error {
	inputs := make([]input, len(page.Events))
	for i, e := range page.Events {
		in, err := decode(e)
		if err != nil {
			return err
		}
		inputs[i] = in
	}
	t := rows{q: q, connection: page.Connection, version: page.Version}
	f := newFold(page.Vault)
	var err error
	if f.policies, err = t.policies(ctx, page.Events[0].Position); err != nil {
		return err
	}
	if err := t.load(ctx, f, want(inputs)); err != nil {
		return err
	}
	for _, in := range inputs {
		if err := f.apply(ctx, in); err != nil {
			return err
		}
	}
	return t.write(ctx, f)
}
