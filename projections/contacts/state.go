package contacts

import (
	"encoding/json"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// order places a decision's effect: by the position of its input, then by its own.
type order struct {
	Input    int64 `json:"input"`
	Position int64 `json:"position"`
}

func (o order) after(p order) bool {
	return o.Input > p.Input || o.Input == p.Input && o.Position > p.Position
}

// value is what a record shows under one property.
type value struct {
	Value    json.RawMessage `json:"value"`
	Position int64           `json:"position"` // of the event that brought it
	Occurred int64           `json:"occurred"` // clock at which it was first seen so, µs UTC
	Clock    int64           `json:"clock"`    // clock at which it was last seen so, µs UTC
	By       string          `json:"by,omitempty"`
}

// record is a row of contact_record.
type record struct {
	stream   string
	contact  string
	link     planner.LinkState
	linked   order
	position int64

	values byName[value]
	keys   []string // blind, those it is found by
	tabled []string // those that stand in contact_key
	sealed []byte   // the values as loaded
	coded  []byte   // the values as held in memory, while nobody has read them
	opened bool     // values holds what sealed held
	erased bool

	keysAt int64           // the keys are those of the policy in force at this position; 0: not known
	watch  map[string]bool // the properties that give keys
	rekey  bool            // the event being folded changed one of them

	stored  bool // the table has the row
	dirty   bool // the row must be written
	changed bool // by the event being folded
}

// member is a record's place in its contact.
type member struct {
	State  planner.LinkState `json:"state"`
	Reason string            `json:"reason,omitempty"`
	Order  order             `json:"order"`
	// Reading is the read the decision waits for, Done the one answered last; they meet in either order.
	Reading ulid.ULID `json:"reading,omitzero"`
	Done    ulid.ULID `json:"done,omitzero"`
}

// waits reports a read that has no answer yet.
func (m member) waits() bool { return !m.Reading.IsZero() && m.Reading != m.Done }

// field is how a field of a contact stands.
type field struct {
	State    string `json:"state"`
	Reason   string `json:"reason,omitempty"`
	Position int64  `json:"position"` // of the decision or outcome that left it so
	Order    order  `json:"order"`    // of the decision
	Write    write  `json:"write,omitzero"`
}

// write is the write the decision waits for, and what became of it.
type write struct {
	System   domain.System `json:"system"`
	Command  ulid.ULID     `json:"command"`
	Result   string        `json:"result,omitempty"`
	Reason   string        `json:"reason,omitempty"`
	Position int64         `json:"position,omitempty"` // of the outcome
}

// head is the part of a contact that is not about one field.
type head struct {
	planner.HeadState
	Order order `json:"order"`
}

// contactBody is what a contact's row holds as JSON.
type contactBody struct {
	Members byName[member] `json:"members,omitempty"`
	Fields  byName[field]  `json:"fields,omitempty"`
	Head    head           `json:"head"`
}

// contact is a row of contact.
type contact struct {
	id       string
	aliasOf  string
	body     contactBody
	created  int64
	updated  int64
	position int64

	// hasRow: the table has the row, and contact_field those of the fields stored.
	hasRow bool
	stored byName[fieldRow]
	dirty  bool
}

// fieldRow is a row of contact_field: a field that is not in step.
type fieldRow struct {
	state    string
	reason   string
	position int64
}

// touch notes an event about the contact.
func (c *contact) touch(position, recordedAt int64) {
	c.dirty = true
	if c.created == 0 || recordedAt < c.created {
		c.created = recordedAt
	}
	if position > c.position {
		c.position, c.updated = position, recordedAt
	}
}

// system of a record's stream.
func systemOf(stream string) domain.System {
	rec, err := domain.ParseRecord(stream)
	if err != nil {
		return ""
	}
	return rec.System
}
