package explain

import (
	"encoding/json"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history"
)

// Question is a field of a contact, and all there is to know about both at a moment.
type Question struct {
	Field   string // its name, or either system's property
	At      contacts.Moment
	Contact contacts.Contact // as it stood
	Entries []history.Entry  // its timeline up to then
	Sync    history.Sync
	Env     settings.Env // what values are read through
	// Waiting are the contact's commands that have not ended, Hooked the properties of HubSpot of which a webhook ever
	// told (nil: not known). Both are of now and of no other moment.
	Waiting []Waiting
	Hooked  map[string]bool
	Live    map[domain.System]Live // as read just now; empty when nobody asked for that
}

// Waiting is a command that waits for a system.
type Waiting struct {
	Command  ulid.ULID
	System   domain.System
	Kind     string
	Sending  bool
	Dead     bool // tries ran out
	Attempts int
	Next     time.Time
	Error    string // of the last try
	Before   int64  // commands that wait for the same system, all contacts'
}

// Live is what a system shows now.
type Live struct {
	Value   json.RawMessage `json:"value,omitempty"`
	At      time.Time       `json:"at"`
	Gone    bool            `json:"gone,omitempty"`    // it does not find the record
	Lacks   bool            `json:"lacks,omitempty"`   // it has no such property
	Error   string          `json:"error,omitempty"`   // it could not be asked
	Differs bool            `json:"differs,omitempty"` // from what Duolog was told last
}

// Answer is why.
type Answer struct {
	Contact  ulid.ULID       `json:"contact"`
	Field    string          `json:"field"`
	At       contacts.Moment `json:"at,omitzero" doc:"As it stood then; absent: now"`
	Settings int             `json:"settings" doc:"Version in force"`
	Cause    Cause           `json:"cause" doc:"One word for why"`
	Says     string          `json:"says" doc:"The same in a sentence"`
	Sides    []Side          `json:"sides" doc:"Aloware first"`
	About    string          `json:"about,omitempty" doc:"What the reasons explain"`
	Because  []Reason        `json:"because" doc:"What was heard, allowed, decided and sent, in this order"`
	Do       []Advice        `json:"do"`
}

// Side is the field as one system shows it.
type Side struct {
	System   domain.System   `json:"system"`
	Record   string          `json:"record,omitempty"`
	Property string          `json:"property,omitempty"`
	Told     bool            `json:"told" doc:"False: no fact ever carried it"`
	Value    json.RawMessage `json:"value,omitempty"`
	Since    time.Time       `json:"since,omitzero"`
	By       string          `json:"by,omitempty"`
	Position int64           `json:"position,omitempty"`
	Live     *Live           `json:"live,omitempty"`

	text string // canonical
	bad  bool   // not of the field's type
}

// Reason is one link of the chain from what was heard to what was sent.
type Reason struct {
	Step     string    `json:"step" enum:"heard,allowed,decided,sent"`
	Says     string    `json:"says"`
	At       time.Time `json:"at,omitzero"`
	Position int64     `json:"position,omitempty"`
}

// Advice is something to do, and the command that does it; without one, it is done by hand.
type Advice struct {
	Says    string `json:"says"`
	Command string `json:"command,omitempty"`
}
