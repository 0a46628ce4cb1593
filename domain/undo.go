package domain

import "github.com/oklog/ulid/v2"

// Undo says which of what Duolog wrote is put back: what it decided within a time, for an operation, or under a version
// of the settings.
type Undo struct {
	// From and To bound when it was decided, µs UTC; no To: until the plan is made.
	From int64 `json:"from,omitempty"`
	To   int64 `json:"to,omitempty"`
	// Operation is the one it was decided for, Version that of the settings it was decided under.
	Operation ulid.ULID `json:"operation,omitzero"`
	Version   int       `json:"version,omitempty"`
	// Source: what the other side's value came from is put back as well.
	Source bool `json:"source,omitempty"`
}

// Valid reports that exactly one thing is to be undone.
func (u Undo) Valid() bool {
	n := 0
	for _, asked := range []bool{u.From != 0 || u.To != 0, !u.Operation.IsZero(), u.Version != 0} {
		if asked {
			n++
		}
	}
	return n == 1 && (u.To == 0 || u.From <= u.To) && u.Version >= 0
}

// Repair says which decisions are looked at again: those on inputs from one position to another, 0 for all. What is
// decided otherwise today since the planner is another one is put right; Unexplained: what differs otherwise as well.
type Repair struct {
	From        int64 `json:"from,omitempty"`
	To          int64 `json:"to,omitempty"`
	Unexplained bool  `json:"unexplained,omitempty"`
}

// PutBack is a value from before, and what its place must still hold for it to be put back. It names values by where in
// the log they stand and by keyed digests, and holds none.
type PutBack struct {
	Field  string `json:"field"`
	Record Record `json:"record"` // where it is put back
	// Holds is the digest of what that record shows.
	Holds string `json:"holds"`
	// Of is the record that showed the value; zero: Record itself.
	Of Record `json:"of,omitzero"`
	// Position is of the event that told the value from before, Digest the value's.
	Position int64  `json:"position"`
	Digest   string `json:"digest"`
}
