package contacts

import (
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
func (Projection) Fold() int { return 2 }

// Tables lists what it writes.
func (Projection) Tables() []projections.Table {
	return []projections.Table{contactTable, sealedRecords(), fieldTable, keyTable, policyTable}
}

// Decode reads the event's payload.
func (Projection) Decode(e *projections.Event) (any, error) { return decode(e) }

// Open returns a folder.
func (Projection) Open(v projections.Version) projections.Folder { return openFolder(v) }
