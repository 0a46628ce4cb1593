package engine

import (
	"fmt"
	"sync"

	"github.com/duolog/duolog/eventstore"
)

// recentKeys is how many dedupe keys a log remembers; redeliveries mostly come within minutes.
const recentKeys = 1 << 15

// stored is what lies under a dedupe key.
type stored struct {
	eventstore.Appended
	hash [32]byte
}

// answer tells what appending the row again means. Another event under the same key is a redelivery, translated
// anew; the same event with other content is a fault of the caller's.
func (s stored) answer(row *Row) (eventstore.Appended, error) {
	if s.ID == row.Event.ID && s.hash != row.Hash {
		return eventstore.Appended{}, fmt.Errorf("append %s: %w: position %d",
			row.Event.ID, eventstore.ErrDedupeMismatch, s.Position)
	}
	again := s.Appended
	again.Duplicate = true
	return again, nil
}

// recent remembers dedupe keys that were committed, so that most redeliveries cost no statement.
type recent struct {
	mu   sync.Mutex
	keys *cache[string, stored]
}

func newRecent() *recent { return &recent{keys: newCache[string, stored](recentKeys)} }

func (r *recent) get(key []byte) (stored, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys.get(string(key))
}

func (r *recent) put(c *call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, row := range c.rows {
		if !c.result[i].Duplicate {
			r.keys.put(string(row.Key), stored{Appended: c.result[i], hash: row.Hash})
		}
	}
}
