package domain

import (
	"fmt"
	"strings"
)

// System names one of the two systems Duolog keeps in step.
type System string

// The two systems. In everything a person reads Aloware stands left and HubSpot right.
const (
	Aloware System = "aloware"
	HubSpot System = "hubspot"
)

// Systems lists both, Aloware first.
var Systems = [2]System{Aloware, HubSpot}

// Other returns the system on the far side.
func (s System) Other() System {
	if s == HubSpot {
		return Aloware
	}
	return HubSpot
}

// Title returns the name as people write it.
func (s System) Title() string {
	if s == HubSpot {
		return "HubSpot"
	}
	return "Aloware"
}

// Valid reports whether s is one of the two systems.
func (s System) Valid() bool { return s == HubSpot || s == Aloware }

// Record addresses one contact in one system. It is comparable and never holds a phone or an email.
type Record struct {
	System System `json:"system"`
	ID     string `json:"id"`
}

// Stream returns the record's stream id, which is its subject too: "hubspot/contact/512". The zero record has none.
func (r Record) Stream() string {
	if r.ID == "" {
		return ""
	}
	return string(r.System) + "/contact/" + r.ID
}

// IsZero reports whether r addresses nothing.
func (r Record) IsZero() bool { return r.ID == "" }

// String returns the short form people type: "hubspot:512".
func (r Record) String() string { return string(r.System) + ":" + r.ID }

// Less orders records by system, then id, as text.
func (r Record) Less(o Record) bool {
	if r.System != o.System {
		return r.System < o.System
	}
	return r.ID < o.ID
}

// MarshalText makes a record a map key and a short JSON string: its stream id.
func (r Record) MarshalText() ([]byte, error) { return []byte(r.Stream()), nil }

// UnmarshalText reads what MarshalText wrote; the empty text is the zero record.
func (r *Record) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*r = Record{}
		return nil
	}
	got, err := ParseRecord(string(b))
	if err == nil {
		*r = got
	}
	return err
}

// ParseRecord reads a stream id such as "hubspot/contact/512" or the short form "hubspot:512".
func ParseRecord(s string) (Record, error) {
	sys, id, ok := strings.Cut(s, "/contact/")
	if !ok {
		sys, id, ok = strings.Cut(s, ":")
	}
	if !ok || !System(sys).Valid() || id == "" || strings.ContainsAny(id, "/ ") {
		return Record{}, fmt.Errorf("%q is not a record (hubspot:ID or aloware:ID)", s)
	}
	return Record{System: System(sys), ID: id}, nil
}
