package contacts

import (
	"time"

	"github.com/duolog/duolog/eventstore"
)

// Moment is a place in a log: a position, or a time, which stands for the last event recorded by then. Times of
// recording never fall along positions, so what was there at a time is told by an event alone, and nobody has to find
// the position. The zero value is the log's end.
type Moment struct {
	Position int64     `json:"position,omitempty"`
	Time     time.Time `json:"time,omitzero"`
}

// Now reports the log's end.
func (m Moment) Now() bool { return m.Position == 0 && m.Time.IsZero() }

// Covers reports an event that was there already.
func (m Moment) Covers(e eventstore.Event) bool {
	return (m.Position == 0 || e.Position <= m.Position) && (m.Time.IsZero() || e.RecordedAt <= m.Time.UnixMicro())
}
