// Package outbox holds the commands that wait for a system. It is operational, not a projection: a row is inserted
// only by the live planner's transaction and removed by the one that appends the outcome (or, for a read, the facts
// that answer it). A rebuild has no type with which to insert one.
package outbox

import (
	"encoding/json"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// Row is a command to carry out.
type Row struct {
	Command ulid.ULID
	Contact ulid.ULID
	Kind    string // domain.Kind…
	System  domain.System
	Record  domain.Record // the target; zero for a create and for a look-up
	Source  domain.Record // whose values the command carries, or for whose sake it looks up; its key seals Payload
	Input   int64         // position of the input the decision was made on: the order within a lane
	Urgent  bool          // overtakes other lanes and is sent while paused: a do-not-call, an opt-out
	Payload Payload
}

// Lane is what rows keep their order in: the target record, or, while there is none, the contact.
func (r Row) Lane() string {
	if r.Record.IsZero() {
		return string(r.System) + "/of/" + r.Contact.String()
	}
	return r.Record.Stream()
}

// Reads reports whether the command asks for something instead of writing it.
func (r Row) Reads() bool { return r.Kind == domain.KindRead || r.Kind == domain.KindLookup }

// Payload is the sealed part of a row: the personal values.
type Payload struct {
	// Values to write, by the target's write names, rendered for it.
	Values map[string]json.RawMessage `json:"values,omitempty"`
	// Expects is what the target must still show for a value to go over it, by write name.
	Expects map[string]planner.Expected `json:"expects,omitempty"`
	// Phone by which the target is found where it knows no other key (Aloware), E.164.
	Phone string `json:"phone,omitempty"`
	// By and Value say what to read: "id", "email" or "phone".
	By    string `json:"by,omitempty"`
	Value string `json:"value,omitempty"`
	// Properties to read back.
	Properties []string `json:"properties,omitempty"`
}
