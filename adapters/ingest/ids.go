package ingest

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// NewIDs returns a source of ULIDs that rise within a millisecond. It may be called concurrently.
func NewIDs(now func() time.Time) func() ulid.ULID {
	var mu sync.Mutex
	entropy := ulid.Monotonic(rand.Reader, 0)
	return func() ulid.ULID {
		mu.Lock()
		defer mu.Unlock()
		ms := ulid.Timestamp(now())
		id, err := ulid.New(ms, entropy)
		if err != nil { // the millisecond's range is used up: start it afresh
			entropy = ulid.Monotonic(rand.Reader, 0)
			id = ulid.MustNew(ms, entropy)
		}
		return id
	}
}
