package adapters

import (
	"context"
	"time"
)

// Changes is a System that can be asked what changed: what a sweep begins with.
type Changes interface {
	System
	// Changed lists the records that were changed at since or later, as they stand now, in pages, until fn returns an
	// error or the end. It may miss what was changed within moments: ask again, with an overlap.
	Changed(ctx context.Context, since time.Time, properties []string, fn func([]Snapshot) error) error
}
