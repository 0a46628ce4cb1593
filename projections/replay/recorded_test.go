package replay

import (
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

// TestRecordedAreTakenByID: whichever decision is asked for is the one that is handed out, and the others stay.
func TestRecordedAreTakenByID(t *testing.T) {
	for first := range 3 {
		var r recorded
		for n := range 3 {
			r.add(eventstore.Event{ID: ulid.ULID{byte(n)}, Position: int64(n + 1)}, 10)
		}
		for n := range 3 {
			n = (first + n) % 3
			e, ok, err := r.take(ulid.ULID{byte(n)}, nil)
			if err != nil || !ok || e.Position != int64(n+1) {
				t.Fatalf("beginning with %d, asked for %d: %+v, %v, %v", first, n, e, ok, err)
			}
		}
	}
}
