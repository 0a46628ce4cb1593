package history

import (
	"encoding/json"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// Kinds of entries.
const (
	KindCreated    = "created"
	KindChanged    = "changed"
	KindSeen       = "seen" // shown by a read or a scan, as it was
	KindDeleted    = "deleted"
	KindRestored   = "restored"
	KindMerged     = "merged"
	KindAbsent     = "absent"
	KindSuppressed = "suppressed"
	KindActivity   = "activity"
	KindDeal       = "deal"     // a deal about the person came, changed or is gone
	KindAct        = "act"      // what a person or token did in Duolog
	KindSettings   = "settings" // other settings from here on
)

// Kinds of steps.
const (
	StepDecided = "decided"
	StepSettled = "settled"  // what a system answered to a command
	StepEcho    = "echo"     // a system told back what Duolog wrote
	StepRead    = "read"     // the answer to a read or a look-up
	StepRepeat  = "repeated" // told again, nothing new
)

// Entry is one change with everything it caused.
type Entry struct {
	Position   int64         `json:"position"`
	At         time.Time     `json:"at"` // the system's clock
	RecordedAt time.Time     `json:"recorded_at"`
	Kind       string        `json:"kind"`
	Type       string        `json:"type"` // of the event
	System     domain.System `json:"system,omitempty"`
	Record     domain.Record `json:"record,omitzero"`
	By         string        `json:"by,omitempty"`
	// ByKnown is false when the system does not tell by whom; By says that.
	ByKnown bool     `json:"by_known"`
	Via     string   `json:"via,omitempty"`
	Vendor  string   `json:"vendor,omitempty"` // the system's own word for what it told
	Changes []Change `json:"changes,omitempty"`
	Steps   []Step   `json:"steps,omitempty"`
	Erased  bool     `json:"erased,omitempty"` // the values are gone for ever
	Act     *Act     `json:"act,omitempty"`
	// Activity is what was done with the person, Deal a deal as it was from then on.
	Activity *Activity `json:"activity,omitempty"`
	Deal     *Deal     `json:"deal,omitempty"`
}

// Activity is something done with a person, and what was chosen afterwards.
type Activity struct {
	Kind      string `json:"kind"` // "call"
	ID        string `json:"id,omitempty"`
	Direction string `json:"direction,omitempty"`
	Seconds   int64  `json:"seconds,omitempty"`
	User      string `json:"user,omitempty"` // the system's id
	// Disposition and Type are as the system told them, Outcome and ActivityType HubSpot's they stand for today.
	Disposition  domain.Choice `json:"disposition,omitzero"`
	Outcome      domain.Choice `json:"outcome,omitzero"`
	Type         domain.Choice `json:"type,omitzero"`
	ActivityType domain.Choice `json:"activity_type,omitzero"`
}

// Deal is a deal as it was from then on; Gone: it is about this person no longer.
type Deal struct {
	ID     string `json:"id"`
	Gone   bool   `json:"gone,omitempty"`
	Name   string `json:"name,omitempty"`
	Amount string `json:"amount,omitempty"`
	// Pipeline and Stage have today's labels.
	Pipeline domain.Choice `json:"pipeline,omitzero"`
	Stage    domain.Choice `json:"stage,omitzero"`
	Owner    domain.Choice `json:"owner,omitzero"`
}

// Change is a property's value before and after; null or absent is blank.
type Change struct {
	Property string          `json:"property"`
	Before   json.RawMessage `json:"before,omitempty"`
	After    json.RawMessage `json:"after,omitempty"`
	Position int64           `json:"position"`
	// Stale: older than what was known already, so it changed nothing.
	Stale bool `json:"stale,omitempty"`
}

// Step is one thing that followed from a change.
type Step struct {
	Position int64         `json:"position"`
	At       time.Time     `json:"at"`
	After    time.Duration `json:"after"` // since the entry was recorded, ns
	Kind     string        `json:"kind"`
	System   domain.System `json:"system,omitempty"`
	Record   domain.Record `json:"record,omitzero"`
	Decision *Decision     `json:"decision,omitempty"`
	Outcome  *Outcome      `json:"outcome,omitempty"`
	Changes  []Change      `json:"changes,omitempty"`
	Erased   bool          `json:"erased,omitempty"`
}

// Decision is what was decided and why.
type Decision struct {
	Planner  int               `json:"planner"`
	Settings int               `json:"settings"`
	Mode     domain.Mode       `json:"mode,omitempty"`
	Input    int64             `json:"input"`
	Whole    *planner.Whole    `json:"whole,omitempty"`
	Links    []planner.Link    `json:"links,omitempty"`
	Verdicts []Verdict         `json:"verdicts,omitempty"`
	Commands []planner.Command `json:"commands,omitempty"`
	Review   string            `json:"review,omitempty"`
}

// Verdict is what was decided about a field, with the values it was decided on where they can still be read.
type Verdict struct {
	Field   string             `json:"field"`
	Result  planner.Result     `json:"result"`
	Rule    string             `json:"rule,omitempty"`
	From    domain.System      `json:"from,omitempty"`
	Kept    *Value             `json:"kept,omitempty"`
	Lost    *Value             `json:"lost,omitempty"`
	Command ulid.ULID          `json:"command,omitzero"`
	State   planner.FieldState `json:"-"`
}

// Value is a value and where it stands.
type Value struct {
	Record   domain.Record   `json:"record"`
	Property string          `json:"property"`
	Position int64           `json:"position"`
	Value    json.RawMessage `json:"value,omitempty"` // absent: erased, or not among the contact's events
}

// Outcome is what became of a command.
type Outcome struct {
	Command  ulid.ULID         `json:"command"`
	Kind     string            `json:"kind"`
	Result   string            `json:"result"`
	Reason   string            `json:"reason,omitempty"`
	Detail   string            `json:"detail,omitempty"`
	Attempts int               `json:"attempts,omitempty"`
	Created  bool              `json:"created,omitempty"`
	Unneeded bool              `json:"unneeded,omitempty"`
	Refused  map[string]string `json:"refused,omitempty"`
	Existing domain.Record     `json:"existing,omitzero"`
}

// MadeBefore reports that an earlier try, whose answer was lost, made the record.
func (o Outcome) MadeBefore() bool {
	return o.Created && (o.Result != domain.ResultApplied || o.Unneeded)
}

// Act is what a person or token did in Duolog.
type Act struct {
	Reason   string      `json:"reason,omitempty"`
	Mode     domain.Mode `json:"mode,omitempty"`
	Settings int         `json:"settings,omitempty"` // version
	// Fields are those whose rules the new settings changed.
	Fields []string `json:"fields,omitempty"`
	// Changed is what the new settings have otherwise than those before.
	Changed []settings.Change `json:"changed,omitempty"`
	Field   string            `json:"field,omitempty"` // a gate's, or the one decided about
	// Verdict is what a person decided about the contact, Records those it names, From whose value counts.
	Verdict string          `json:"verdict,omitempty"`
	Records []domain.Record `json:"records,omitempty"`
	From    domain.System   `json:"from,omitempty"`
	Open    bool            `json:"open,omitempty"`
}
