package planner

import (
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

// Version is the planner version written into every decision. It rises with every change that could make a
// decision come out differently, together with the golden files; it covers the version of the phone metadata.
const Version = 9

// Decision is the payload of decision.made: what was decided for one contact on one input. It holds no personal
// value, only references and keyed digests, so the why survives an erasure and the what does not.
type Decision struct {
	Planner  int         `json:"planner"`
	Settings int         `json:"settings"`
	Mode     domain.Mode `json:"mode"`
	Input    int64       `json:"input"`   // position of the input
	At       int64       `json:"at"`      // when the input was recorded, µs UTC
	Trigger  string      `json:"trigger"` // its event type
	// Operation is what it was decided for, zero for the rules of every day.
	Operation ulid.ULID `json:"operation,omitzero"`
	Contact   ulid.ULID `json:"contact"`
	// Considered lists every record looked at, sorted.
	Considered []domain.Record `json:"considered,omitempty"`
	// Links and Aliases are effects on records and contacts, Head on the contact, Fields on its fields.
	Links   []Link     `json:"links,omitempty"`
	Aliases []Alias    `json:"aliases,omitempty"`
	Head    *HeadState `json:"head,omitempty"`
	// Whole says what happened to the contact as such: created, linked, held …; empty when only fields were decided.
	Whole  *Whole    `json:"whole,omitempty"`
	Fields []Verdict `json:"fields,omitempty"`
	// Counts is what it adds for the guards, Guard the one that tripped on it.
	Counts *Counts      `json:"counts,omitempty"`
	Guard  *domain.Trip `json:"guard,omitempty"`
	// Commands that follow, in order.
	Commands []Command `json:"commands,omitempty"`
}

// LinkState says how a record belongs to its contact.
type LinkState string

// The link states. Only an unlinked record that was never linked may be created from.
const (
	Linked     LinkState = "linked"
	Unlinked   LinkState = "unlinked"
	Absorbed   LinkState = "absorbed" // the other contact's record after a merge: shown, never sent
	Merged     LinkState = "merged"   // an id that was merged away: an alias for ever
	Deleted    LinkState = "deleted"
	Held       LinkState = "held"
	Excluded   LinkState = "excluded"
	Suppressed LinkState = "suppressed"
)

// Link is an effect on a record: which contact it belongs to and how.
type Link struct {
	Record  domain.Record `json:"record"`
	Contact ulid.ULID     `json:"contact"`
	State   LinkState     `json:"state"`
	// Reason says why, in a word or two: "email", "phone", "unique key", "created", "first seen" …
	Reason string `json:"reason,omitempty"`
	// Ever is true once the record was linked to a counterpart.
	Ever bool `json:"ever,omitempty"`
	// Reading is the read command whose answer is awaited, zero for none.
	Reading ulid.ULID `json:"reading,omitzero"`
}

// Alias says that a contact id now means another contact, for ever.
type Alias struct {
	From ulid.ULID `json:"from"`
	To   ulid.ULID `json:"to"`
}

// Whole is a verdict on the contact as a whole.
type Whole struct {
	Result Result        `json:"result"`
	Rule   string        `json:"rule,omitempty"`
	System domain.System `json:"system,omitempty"` // where something is made or missing
	// Others are the records that stand in the way or were linked.
	Others  []domain.Record `json:"others,omitempty"`
	Command ulid.ULID       `json:"command,omitzero"`
}

// Result is what became of a change or of a contact.
type Result string

// The results.
const (
	Sent       Result = "sent"
	Echo       Result = "echo"
	Unchanged  Result = "unchanged"
	Agreed     Result = "agreed" // both sides were found to hold the same
	Stale      Result = "stale"
	Blocked    Result = "blocked by direction"
	Kept       Result = "kept" // not sent by the blank, overwrite or first-value rule
	LostIt     Result = "lost a conflict"
	Invalid    Result = "invalid"
	Refused    Result = "rejected"
	HeldBack   Result = "held for review"
	Withheld   Result = "withheld by mode"
	Impossible Result = "impossible there"
	Waiting    Result = "waiting" // for a read, an outcome, or the sync to open
	Creating   Result = "created"
	LinkedUp   Result = "linked"
	OutOfScope Result = "excluded"
	Gone       Result = "deleted"
	Restored   Result = "restored" // it came back after it was deleted
	Absorbing  Result = "absorbed"
	Looking    Result = "looked up first"
	Reading    Result = "read first"
	Parked     Result = "parked"
	Parted     Result = "parted"
	Skipped    Result = "skipped" // by an operation
	Undone     Result = "undone"  // put back to what it was: what the other side holds is not sent again
	Erased     Result = "erased"
	Lifted     Result = "lifted" // an erasure no longer keeps the person out
)

// Verdict is what was decided about one field, with the state it leaves the field in.
type Verdict struct {
	Field  string        `json:"field"`
	Result Result        `json:"result"`
	Rule   string        `json:"rule,omitempty"`
	From   domain.System `json:"from,omitempty"` // whose value counted
	// Value and Loser say where the values stand: never the values.
	Value *Ref `json:"value,omitempty"`
	Loser *Ref `json:"loser,omitempty"`
	// Command is the write that follows, or that is told back.
	Command ulid.ULID `json:"command,omitzero"`
	// After is the field's state from this input on.
	After FieldState `json:"after"`
}

// Ref names a value without holding it.
type Ref struct {
	Record   domain.Record `json:"record"`
	Property string        `json:"property"`
	Position int64         `json:"position"`
	Digest   string        `json:"digest"`
}

// Command is one outbound write or read as decided. Its values lie sealed in the outbox and in the outcome.
type Command struct {
	ID     ulid.ULID     `json:"id"`
	Kind   string        `json:"kind"` // domain.Kind…
	System domain.System `json:"system"`
	Record domain.Record `json:"record,omitzero"` // the target; zero for creates and look-ups
	Source domain.Record `json:"source,omitzero"` // whose values it carries
	// Digests of the values to write, by the target's write name.
	Digests map[string]string `json:"digests,omitempty"`
	// By says what a read asks by: "id", "email", "phone".
	By string `json:"by,omitempty"`
	// Urgent: it overtakes the queue, and is sent also while the sync is paused.
	Urgent bool `json:"urgent,omitempty"`
}

// HeadState is the decided part of a contact that is not about one field.
type HeadState struct {
	// Dirty: inputs came while the sync was off, paused or shut; it is planned when that ends.
	Dirty bool `json:"dirty,omitempty"`
	// Parked: an input could not be decided; until a person has the planner try again, later ones are only taken in.
	Parked bool `json:"parked,omitempty"`
	// Standing: the sync went live while a read of it was needed. What that tells was there before, and is not sent.
	Standing bool `json:"standing,omitempty"`
	// CountedAt is when the contact was counted last as one that was written to, µs UTC.
	CountedAt int64 `json:"counted_at,omitempty"`
	// Creation of the missing counterpart.
	Creation Creation `json:"creation,omitzero"`
	// Lookups awaited before a create.
	Lookups []Lookup `json:"lookups,omitempty"`
	// Review, when not empty, says what a person is asked, and Others about which records.
	Review string          `json:"review,omitempty"`
	Others []domain.Record `json:"others,omitempty"`
}

// Creation is how far the making of a counterpart has come.
type Creation struct {
	System domain.System `json:"system,omitempty"`
	// Command is the create that was issued last.
	Command ulid.ULID `json:"command,omitzero"`
	// Result and Rule of the last decision about it.
	Result Result `json:"result,omitempty"`
	Rule   string `json:"rule,omitempty"`
}

// Lookup is a look-up made before a create.
type Lookup struct {
	Command ulid.ULID `json:"command"`
	By      string    `json:"by"`
	Digest  string    `json:"digest"` // of the value asked for
}

// FieldStatus is the state a field is in.
type FieldStatus string

// The field states.
const (
	InStep  FieldStatus = "agreed"
	Pending FieldStatus = "pending"
	Apart   FieldStatus = "apart"
	Dirty   FieldStatus = "dirty"
)

// FieldState is the decided part of a linked field: a base pair and what is on its way.
type FieldState struct {
	// Base holds, per system, the digest of the value on which the last decision was made; absent: none yet.
	Base map[domain.System]string `json:"base,omitempty"`
	// Pending is the write on its way, if any.
	Pending *PendingWrite `json:"pending,omitempty"`
	State   FieldStatus   `json:"state"`
	// Result and Rule say why a field is apart.
	Result Result `json:"result,omitempty"`
	Rule   string `json:"rule,omitempty"`
	// From is the system whose value was sent or tried last.
	From domain.System `json:"from,omitempty"`
	// Since is the clock of what HubSpot showed when a write to it was decided last, µs UTC.
	Since int64 `json:"since,omitempty"`
	// Meanwhile is what Aloware told while a write to it was under way, if any: the outcome will show what became of it.
	Meanwhile *Meanwhile `json:"meanwhile,omitempty"`
	// Restated is a side's own value on its way back to it, since a write of ours went over it there or may still do so.
	Restated *PendingWrite `json:"restated,omitempty"`
	// Recent are digests sent lately, and those Aloware held lately, newest last: an old body delivered again, or a
	// write of ours that lands late, looks like one of them.
	Recent []HeldValue `json:"recent,omitempty"`
}

// PendingWrite is a value on its way to a system.
type PendingWrite struct {
	System  domain.System `json:"system"`
	Command ulid.ULID     `json:"command"`
	Digest  string        `json:"digest"`
	// Was is the source's base before it, empty for none: what a write that is withdrawn unsent goes back to.
	Was string `json:"was,omitempty"`
	// Over is what the write goes over: the target's base before it; of a restated value, the write of ours it follows.
	Over string `json:"over,omitempty"`
	// Position is where a restated value was told.
	Position int64 `json:"position,omitempty"`
}

// Meanwhile is a value that the target of a write under way told.
type Meanwhile struct {
	Digest   string `json:"digest"`
	Position int64  `json:"position"`        // of the fact that told it
	Clock    int64  `json:"clock,omitempty"` // when a webhook told it, µs UTC; 0 for a read
	// Doubt: the fact may be an older one that came late.
	Doubt bool `json:"doubt,omitempty"`
}

// HeldValue is a digest a side held or was sent, and when (recording time of the input, µs UTC).
type HeldValue struct {
	System domain.System `json:"system"`
	Digest string        `json:"digest"`
	At     int64         `json:"at"`
	Held   bool          `json:"held,omitempty"` // …and then left
}
