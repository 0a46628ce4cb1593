package postgres

import (
	"context"
	"fmt"
	"strings"
)

// Scrub vacuums the tables. PostgreSQL leaves those out, with a warning, that the role does not own: there autovacuum
// comes later.
func (d *driver) Scrub(ctx context.Context, tables []string) error {
	names := make([]string, len(tables))
	for i, table := range tables {
		names[i] = quoted(table)
	}
	if _, err := d.Exec(ctx, "VACUUM "+strings.Join(names, ", ")); err != nil {
		return fmt.Errorf("vacuum: %w", err)
	}
	return nil
}
