package httpapi

import (
	"time"

	"github.com/oklog/ulid/v2"
)

// Erasure is what an erasure takes, or took.
type Erasure struct {
	Contact string   `json:"contact" doc:"ULID"`
	Records []string `json:"records" doc:"Whose keys are destroyed: all that mean this person, merged ones included"`
	// Commands, Raw and Parked are what else is the person's and goes with it.
	Commands int `json:"commands" doc:"Writes and reads that wait, and are withdrawn"`
	Raw      int `json:"raw" doc:"Bodies that could not be read and name the person"`
	Parked   int `json:"parked" doc:"Items of another portal that name the person"`
	// Held says why it may not be erased; absent: it may.
	Held     string     `json:"held,omitempty" doc:"Why it is on hold"`
	DryRun   bool       `json:"dry_run,omitempty"`
	Position int64      `json:"position,omitempty" doc:"Of the act"`
	At       *time.Time `json:"at,omitempty"`
	Notes    []string   `json:"notes" doc:"What erasing here does not reach"`
}

// Hold is a contact that may not be erased.
type Hold struct {
	Contact  ulid.ULID `json:"contact"`
	Reason   string    `json:"reason"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
	Position int64     `json:"position"`
}

// Certificate says that somebody was erased, and names nobody.
type Certificate struct {
	Connection string    `json:"connection"`
	LogID      string    `json:"log_id"`
	Generation int64     `json:"generation"`
	Position   int64     `json:"position" doc:"Of the erasure in the log"`
	At         time.Time `json:"at"`
	// Records are keyed hashes: who holds the log can tell that a record is one of them, and nobody else.
	Records []string `json:"records"`
	// Head is signed, and speaks for the log with the erasure in it; Key checks it.
	Head string `json:"head"`
	Key  string `json:"key"`
}
