package domain

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/oklog/ulid/v2"
)

// Event types. Facts say what a system did or shows, decisions what Duolog decided, outcomes what a system answered,
// acts what a person or token did in Duolog. The names are stored for ever.
const (
	RecordCreated    = "record.created"
	RecordUpdated    = "record.updated"
	RecordDeleted    = "record.deleted"
	RecordRestored   = "record.restored"
	RecordMerged     = "record.merged"
	RecordObserved   = "record.observed"
	RecordAbsent     = "record.absent"
	RecordSuppressed = "record.suppressed"
	ActivityObserved = "activity.observed"
	SchemaObserved   = "schema.observed"
	CatalogObserved  = "catalog.observed"
	SweepCompleted   = "sweep.completed"
	SourceRaw        = "source.raw"

	DecisionMade   = "decision.made"
	CommandSettled = "command.settled"

	ConnectionOpened   = "connection.opened"
	SettingsChanged    = "settings.changed"
	ModeChanged        = "mode.changed"
	SyncPaused         = "sync.paused"
	SyncResumed        = "sync.resumed"
	GateChanged        = "gate.changed"
	BaselineCompleted  = "baseline.completed"
	OperationStarted   = "operation.started"
	OperationFinished  = "operation.finished"
	OperationPaused    = "operation.paused"
	OperationResumed   = "operation.resumed"
	OperationCancelled = "operation.cancelled"
	PlanMade           = "plan.made"
	PlanApplied        = "plan.applied"
	PlanDiscarded      = "plan.discarded"
	CommandRetried     = "command.retried"
	CommandDiscarded   = "command.discarded"
	PlannerRetried     = "planner.retried"
	ReviewSettled      = "review.settled"
	DuplicateResolved  = "duplicate.resolved"
	TokenCreated       = "token.created"
	TokenRevoked       = "token.revoked"
	KeyRotated         = "key.rotated"
	ExportMade         = "export.made"
	LogRestored        = "log.restored"
	LogMoved           = "log.moved"
	AccessMade         = "access.made"
	SubjectErased      = "subject.erased"
	SubjectLifted      = "subject.lifted"
	SubjectHeld        = "subject.held"
	SubjectReleased    = "subject.released"
)

// StreamPrivacy is where erasures, their ends and holds lie: an erasure is appended after the last hold it has seen.
const StreamPrivacy = "privacy"

// StreamSchema begins the streams of schema.observed; the system's name follows.
const StreamSchema = "schema/"

// Properties are a record's values under the vendor's own names, raw as delivered: any JSON scalar (or, for
// unmapped ones, any JSON at all).
type Properties map[string]json.RawMessage

// Blank tells a raw value that says nothing: absent, null or the empty text.
func Blank(raw json.RawMessage) bool {
	return len(raw) == 0 || string(raw) == "null" || string(raw) == `""`
}

// Origin is what the vendor says about who made a change.
type Origin struct {
	// Source is the vendor's word, such as "CRM_UI", "INTEGRATION", "IMPORT" or Aloware's intake source.
	Source string `json:"source,omitempty"`
	// ID is the vendor's id behind Source: "userId:7", an app id; empty when not told.
	ID string `json:"id,omitempty"`
	// Own is true when the vendor names our own app as the author.
	Own bool `json:"own,omitempty"`
}

// Answer ties a fact to the read command it answers.
type Answer struct {
	Command ulid.ULID `json:"command"`
	Contact ulid.ULID `json:"contact"`
	// By says what was asked: "id", "email" or "phone".
	By string `json:"by"`
	// Found lists every record the read found, in the system's order; empty in a record.absent.
	Found []Record `json:"found,omitempty"`
}

// How a fact came that nobody told: a scan reads all there is, a sweep what has changed since, an import a file.
const (
	ViaScan   = "scan"
	ViaSweep  = "sweep"
	ViaImport = "import"
)

// Fact is the payload of every record.* event. Its record is the event's stream, except in a record.absent that
// answers a look-up: that one lies on the stream of the record for whose sake the look-up was made.
type Fact struct {
	// Via says how it came: "webhook", "read", "lookup", "scan", "sweep" or "import".
	Via string `json:"via"`
	// Properties are the values told, as delivered.
	Properties Properties `json:"properties,omitempty"`
	// Complete is true for a full snapshot: a mapped property that is missing is blank.
	Complete bool `json:"complete,omitempty"`
	// Lacks are properties that were asked for and that the system does not have, or has no more: of them, a full snapshot
	// says nothing.
	Lacks []string `json:"lacks,omitempty"`
	// Clock is the moment every value counts from, µs UTC: HubSpot's occurredAt, the moment a read's request began,
	// an Aloware webhook's receipt.
	Clock int64 `json:"clock"`
	// Clocks overrides Clock per property.
	Clocks map[string]int64 `json:"clocks,omitempty"`
	Origin Origin           `json:"origin,omitzero"`
	// Merged, in a record.merged, lists the records that were merged away (the fact's stream is the survivor), and
	// Primary the one whose values won. In a record.observed they are the survivor's known aliases.
	Merged  []Record `json:"merged,omitempty"`
	Primary Record   `json:"primary,omitzero"`
	// Answer is set when the fact answers a read command.
	Answer *Answer `json:"answer,omitempty"`
	// Vendor names the vendor's own event type as delivered ("contact.propertyChange", "Contact-Updated").
	Vendor string `json:"vendor,omitempty"`
}

// Private reports that a person was deleted for good, on request: nobody may keep anything of theirs.
func (f Fact) Private() bool { return strings.HasSuffix(f.Vendor, ".privacyDeletion") }

// Raw is the payload of source.raw: a body that could not be read or is not known, kept as it came.
type Raw struct {
	System System          `json:"system"`
	Vendor string          `json:"vendor,omitempty"`
	Reason string          `json:"reason"`
	Body   json.RawMessage `json:"body"`
}

// Results of a command; each command has exactly one.
const (
	ResultApplied    = "applied"
	ResultPartly     = "partly"
	ResultRejected   = "rejected"
	ResultSuperseded = "superseded"
	ResultWithdrawn  = "withdrawn"
	ResultDiscarded  = "discarded"
)

// Outcome is the payload of command.settled. It lies on the target record's stream and under its key; while no
// target id is known, on the source record's.
type Outcome struct {
	Command ulid.ULID `json:"command"`
	Contact ulid.ULID `json:"contact"`
	Kind    string    `json:"kind"`
	System  System    `json:"system"`
	// Record is the target, zero while unknown.
	Record Record `json:"record,omitzero"`
	Result string `json:"result"`
	// Attempt is shared by the commands that left in one HTTP row; Attempts counts the tries.
	Attempt  ulid.ULID `json:"attempt,omitzero"`
	Attempts int       `json:"attempts,omitempty"`
	// Sent and Shows are the values written and what the target answered or showed on read-back, by property.
	Sent  Properties `json:"sent,omitempty"`
	Shows Properties `json:"shows,omitempty"`
	// Clock is the moment Shows counts from, µs UTC.
	Clock int64 `json:"clock,omitempty"`
	// Complete is true when Shows is a full snapshot of the target.
	Complete bool `json:"complete,omitempty"`
	// Created is true when the write made a new record; with ReasonExists, when a try before did, whose answer was lost.
	Created bool `json:"created,omitempty"`
	// Unneeded is true when the target already held every value and nothing was sent.
	Unneeded bool `json:"unneeded,omitempty"`
	// Refused says, per property, why the target refused it. The reason holds no value.
	Refused map[string]string `json:"refused,omitempty"`
	// Reason is the cause of a result other than applied: a short word from the Reason constants, and Detail a
	// sentence without personal values.
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Existing is the record that stood in the way of a create.
	Existing Record `json:"existing,omitzero"`
	// By is the command that took this one's place.
	By ulid.ULID `json:"by,omitzero"`
}

// Done reports whether the target took the write, by this try or by one before whose answer was lost.
func (o Outcome) Done() bool {
	return o.Result == ResultApplied || o.Result == ResultPartly || o.Created
}

// Made reports whether the record is one the command made, by this try or by one before whose answer was lost.
func (o Outcome) Made() bool {
	return o.Created || o.Kind == KindCreate && o.Result == ResultApplied && o.Unneeded
}

// Wrote reports whether the command put something there, and did not find it as it was to be.
func (o Outcome) Wrote() bool { return o.Done() && (!o.Unneeded || o.Made()) }

// Reasons in an outcome.
const (
	ReasonExists     = "exists"      // a create found a record with this key: Existing
	ReasonMoved      = "moved"       // the guard found another record behind the key, or none: no write
	ReasonChanged    = "changed"     // the guard found another value than the write was decided on: not sent, planned again
	ReasonInvalid    = "invalid"     // the target refused a value
	ReasonGone       = "gone"        // the target record is gone
	ReasonImpossible = "impossible"  // the target's API cannot do it
	ReasonFailed     = "failed"      // tries ran out: a dead letter, discarded by a person
	ReasonPerson     = "by a person" // discarded or retried by a person
	ReasonErased     = "erased"      // its record was erased before it was carried out
)

// Opened is the payload of connection.opened.
type Opened struct {
	Portal  string `json:"portal"`
	Account string `json:"account,omitempty"`
	Demo    bool   `json:"demo,omitempty"`
}

// Mode says what the planner may do.
type Mode string

// The modes.
const (
	ModeOff     Mode = "off"
	ModeObserve Mode = "observe"
	ModePilot   Mode = "pilot"
	ModeLive    Mode = "live"
)

// Act is the payload of the acts that carry no more than a reason and a few words.
type Act struct {
	Reason string `json:"reason,omitempty"`
	Mode   Mode   `json:"mode,omitempty"`
	// Filter and MaxWrites narrow mode pilot: who takes part, and at most how many writes an hour.
	Filter    string `json:"filter,omitempty"`
	MaxWrites int    `json:"max_writes_per_hour,omitempty"`
	// Gate: Open tells the new state, Field the field it is about (empty: the whole sync), Faults what does not fit.
	Open   bool    `json:"open,omitempty"`
	Field  string  `json:"field,omitempty"`
	Faults []Fault `json:"faults,omitempty"`
	// Guard, in a sync.paused, is the guard that made it.
	Guard *Trip `json:"guard,omitempty"`
	// Contact or Command the act is about.
	Contact ulid.ULID `json:"contact,omitzero"`
	Command ulid.ULID `json:"command,omitzero"`
	// Counts of a sweep, a baseline or an operation, by name.
	Counts map[string]int64 `json:"counts,omitempty"`
	Name   string           `json:"name,omitempty"`
	// Verdict is what a person decided about Contact: one of the Verdict constants. Records are those it is about, From
	// the system whose value counts.
	Verdict string   `json:"verdict,omitempty"`
	Records []Record `json:"records,omitempty"`
	From    System   `json:"from,omitempty"`
	// Subjects, in a subject.erased, are those whose keys were destroyed beside those of Records: bodies that could not be
	// read and were the person's.
	Subjects []string `json:"subjects,omitempty"`
	// Identifiers, in a subject.erased, are keyed hashes of the person's emails and numbers: a record that shows one of them
	// joins the erasure. Cause, of a record that did, is the id of the subject.erased it joined; whose the record is may not
	// be known then, and Contact is zero. It has Identifiers where a create was under way, for what comes of that.
	Identifiers []string  `json:"identifiers,omitempty"`
	Cause       ulid.ULID `json:"cause,omitzero"`
	// Again, in a subject.erased or subject.lifted, is the id of one that was lost when the log was put back to an earlier
	// time, and is made again by this one.
	Again ulid.ULID `json:"again,omitzero"`
	// Sweeps, in a sweep.completed, say how far it went in each system it read.
	Sweeps []Sweep `json:"sweeps,omitempty"`
	// Plan is the plan an operation applies, or that was discarded; Spec, what a plan is to be made of.
	Plan ulid.ULID `json:"plan,omitzero"`
	Spec *PlanSpec `json:"spec,omitempty"`
	// Token is the bearer token that was made or revoked.
	Token *Token `json:"token,omitempty"`
	// Key, in a key.rotated, is the public key that signs the log's heads from here on.
	Key string `json:"key,omitempty"`
	// Export is what an export.made gave away.
	Export *Export `json:"export,omitempty"`
	// Restored is what a log.restored put back.
	Restored *Restored `json:"restored,omitempty"`
	// Access is what an access.made showed of people.
	Access *Access `json:"access,omitempty"`
}

// Restored says what of a log was kept when it was put back to an earlier time.
type Restored struct {
	// Generation is the log's from here on.
	Generation int64 `json:"generation"`
	// Kept is the last position that is the same event as before; what came after it is lost.
	Kept int64 `json:"last_kept_position"`
	// TakenAt is when the backup was taken, µs UTC; 0: not known.
	TakenAt int64 `json:"backup_taken_at,omitempty"`
	// Lost is how many events a signed head spoke for that is of what is lost; 0: none is known.
	Lost int64 `json:"head_known_lost,omitempty"`
}

// Access says which personal data somebody looked at.
type Access struct {
	// What was looked at: one of the Access constants.
	What string `json:"what"`
	// Contacts are those shown, as far as they were asked for one by one.
	Contacts []ulid.ULID `json:"contacts,omitempty"`
}

// What can be looked at.
const (
	AccessContact = "contact" // both sides of a contact, now or as they were
	AccessHistory = "history"
	AccessCard    = "card"
	AccessSearch  = "search"
	AccessList    = "list"   // of contacts
	AccessFeed    = "feed"   // events with their values
	AccessReport  = "report" // values that lost a conflict
	AccessReview  = "review" // both values of what waits for a person
	AccessPlan    = "plan"   // whom a plan would change, from what to what
)

// Export says which events left the log, and whether they could be read.
type Export struct {
	// From and Through are the first and last positions asked for; of a contact, only its events lie between.
	From    int64 `json:"from"`
	Through int64 `json:"through"`
	Events  int64 `json:"events"`
	// Sealed is true when no key went along.
	Sealed bool `json:"sealed,omitempty"`
	// Head is how many events the signed head speaks for that the proofs end in.
	Head int64 `json:"head"`
	// To is who was given it, or where it was put, as far as somebody said.
	To string `json:"to,omitempty"`
}

// What an export.made gives away, by its name, when it is no events.
const (
	ExportedHead   = "head"   // a signed head, for somebody else to hold
	ExportedMaster = "master" // the master key
)

// Sweep is how far a sweep of one system went, and what it found there.
type Sweep struct {
	System System `json:"system"`
	// At is when it began, µs UTC.
	At int64 `json:"at"`
	// Through is up to when changes were seen, by the system's own clock, µs UTC; 0 where it tells of no changes.
	Through int64 `json:"through,omitempty"`
	// After is the id up to which the known records were asked for in turn; empty: it begins with the first again.
	After string `json:"after,omitempty"`
	// Looked is how many records were looked at, and Drift how many of them were new, gone or different though nobody
	// had told.
	Looked int64 `json:"looked"`
	Drift  int64 `json:"drift"`
	Failed int64 `json:"failed,omitempty"`
	// Unexplained counts the fields that differ between the systems though no decision says so.
	Unexplained int64 `json:"unexplained,omitempty"`
}

// Token is a bearer token of the HTTP API. The token itself is shown once and stored nowhere.
type Token struct {
	ID   ulid.ULID `json:"id"`
	Name string    `json:"name,omitempty"`
	Role string    `json:"role,omitempty"`
	// Data says what of personal values it may see: "ids", "masked" or "full".
	Data string `json:"data,omitempty"`
	// Hash is the token's SHA-256 in hex.
	Hash string `json:"hash,omitempty"`
	// Expires is when it ends, µs UTC, 0 for never.
	Expires int64 `json:"expires,omitempty"`
}

// What a person can decide about a contact, and binds for ever.
const (
	VerdictSame     = "same"     // duplicate.resolved: the two Records are one person
	VerdictSeparate = "separate" // duplicate.resolved: the two Records are two people
	VerdictTake     = "take"     // review.settled: what From holds of Field counts
	VerdictLeave    = "leave"    // review.settled: Field stays as it is on both sides
	VerdictExclude  = "exclude"  // review.settled: the contact takes no part
	VerdictInclude  = "include"  // review.settled: it takes part again
	VerdictRead     = "read"     // planner.retried: both records are read first
)

// Trip is what made a guard stop the sync.
type Trip struct {
	Guard  string `json:"guard"` // the key of its setting
	System System `json:"system,omitempty"`
	// Counted is what it counted within an hour, Limit how many it lets pass, a Share in percent of Of. Of a system that
	// looks empty, Counted of the Of records known were found.
	Counted int64 `json:"counted"`
	Limit   int64 `json:"limit,omitempty"`
	Of      int64 `json:"of"`
	Share   int   `json:"share,omitempty"`
}

// String says which guard it was and what it counted.
func (t Trip) String() string {
	if t.System != "" {
		return fmt.Sprintf("guard %s: %d of %d records found in %s", t.Guard, t.Counted, t.Of, t.System.Title())
	}
	return fmt.Sprintf("guard %s: %d within an hour, %d may be", t.Guard, t.Counted, t.Limit)
}

// SettingsAct is the payload of settings.changed: the whole settings, as JSON of settings.Settings.
type SettingsAct struct {
	Version  int             `json:"version"`
	Reason   string          `json:"reason,omitempty"`
	Settings json.RawMessage `json:"settings"`
}
