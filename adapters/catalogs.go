package adapters

import (
	"context"

	"github.com/duolog/duolog/domain"
)

// Catalogs is a System that lists choices: statuses, outcomes, people, deals. Which ones it lists stands in
// Capabilities.
type Catalogs interface {
	System
	// Catalog lists all entries of a catalog, in pages, until fn returns an error or the end; ErrUnsupported for one
	// the public API has no list of.
	Catalog(ctx context.Context, c domain.Catalog, fn func(CatalogPage) error) error
}

// CatalogPage is a part of a catalog as it was listed.
type CatalogPage struct {
	Items []CatalogItem
	Clock int64 // the moment the request began, µs UTC
}

// CatalogItem is an entry as it is listed.
type CatalogItem struct {
	ID       string
	Entry    domain.CatalogEntry
	Contacts []domain.Record // whom a deal is about
}
