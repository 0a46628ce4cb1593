// Package settings holds one connection's policy: directions, creation rules, mapping and conflict rules. Settings
// are versioned; a change is an act. The YAML people edit is read and written by cmd/internal/settingsfile.
package settings

import (
	"github.com/duolog/duolog/domain"
)

// Direction says which way values may flow. The stored words are these; arrows are accepted on reading.
type Direction string

// The directions. ToAloware is the document's inbound ←.
const (
	Both      Direction = "both"
	ToAloware Direction = "to_aloware"
	ToHubSpot Direction = "to_hubspot"
)

// Allows reports whether the direction lets a value flow into the system.
func (d Direction) Allows(target domain.System) bool {
	return d == Both || d == ToAloware && target == domain.Aloware || d == ToHubSpot && target == domain.HubSpot
}

// Winner is a conflict rule (hubspot, aloware, newest, review) or a first-value rule (those and fill_blanks).
type Winner string

// The winners.
const (
	HubSpotWins Winner = "hubspot"
	AlowareWins Winner = "aloware"
	NewestWins  Winner = "newest"
	Review      Winner = "review"
	FillBlanks  Winner = "fill_blanks"
)

// Overwrite says when a value of the target may be replaced.
type Overwrite string

// The overwrite rules.
const (
	OverwriteAlways  Overwrite = "always"
	OverwriteIfBlank Overwrite = "if_blank"
	OverwriteNever   Overwrite = "never"
)

// Blank says whether an emptied value empties the other side.
type Blank string

// The blank rules.
const (
	BlankKeep Blank = "keep"
	BlankSend Blank = "send"
)

// Settings is one version of a connection's policy, complete: nothing is left to a default.
type Settings struct {
	Version     int         `json:"version"`
	Preset      string      `json:"preset"`
	TimeZone    string      `json:"time_zone"`    // IANA name, for times people see and dates without a zone
	PhoneRegion string      `json:"phone_region"` // ISO 3166 code, how a national number is read
	Mode        domain.Mode `json:"mode"`
	Pilot       Pilot       `json:"pilot"`
	Contacts    Contacts    `json:"contacts"`
	Defaults    Rules       `json:"defaults"`
	// Record names properties of HubSpot that are read and kept although no field maps them.
	Record []string `json:"record,omitempty"`
	Fields []Field  `json:"fields"` // sorted by name
	Gate   string   `json:"gate"`   // what a fault switches off: field or sync
	Guards Guards   `json:"guards"`
	Limits Limits   `json:"limits"`
	Operations
}

// Pilot narrows mode pilot.
type Pilot struct {
	Filter           string `json:"filter"`
	MaxWritesPerHour int    `json:"max_writes_per_hour"`
}

// Guards pause the sync by itself when more happens than usual. Facts are still stored, and a person says how to go on.
type Guards struct {
	// MaxChangedShare is the percentage of all contacts that may be written to within an hour, MaxDeletedShare of those
	// that may be found deleted. New contacts do not count. 0: no such guard.
	MaxChangedShare int `json:"max_changed_share"`
	MaxDeletedShare int `json:"max_deleted_share"`
	// EmptiedSide is what happens when a sweep finds next to nothing of what a system had: pause or ignore.
	EmptiedSide string `json:"emptied_side"`
}

// Limits bound what Duolog asks of the systems.
type Limits struct {
	HubSpotShare     int     `json:"hubspot_share"`      // percent of the portal's limit
	AlowarePerSecond float64 `json:"aloware_per_second"` // requests
	BigJobs          string  `json:"big_jobs,omitempty"` // when one-time operations may run, "20:00-06:00"; empty: any time
}

// Rules are the five rules a field may set for itself; in Settings.Fields they are all filled in.
type Rules struct {
	Direction Direction `json:"direction"`
	Conflict  Winner    `json:"conflict"`
	Initial   Winner    `json:"initial"`
	Overwrite Overwrite `json:"overwrite"`
	Blank     Blank     `json:"blank"`
}
