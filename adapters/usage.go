package adapters

import (
	"time"

	"github.com/duolog/duolog/domain/settings"
)

// Usage is how much of a system's request limits was used up, by everybody, when an answer told last.
type Usage struct {
	At    time.Time `json:"at"`
	Used  int       `json:"used"`  // within ten seconds
	Limit int       `json:"limit"` // of them
	Share int       `json:"share"` // percent of the limit that is ours
	// Day and DayLimit are those of a day; 0 where the system does not tell.
	Day      int `json:"day,omitempty"`
	DayLimit int `json:"day_limit,omitempty"`
}

// Metered is a System that is told how much of its limits is used; false while it was not told yet.
type Metered interface{ Usage() (Usage, bool) }

// Adjustable is a System that follows the settings: how often it may be asked, and how it reads numbers. A change holds from
// the next request on.
type Adjustable interface{ Adjust(s settings.Settings) }
