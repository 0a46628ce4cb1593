package planner

import (
	"encoding/json"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/settings"
)

// Input is an event the planner reads: a fact, an outcome or an act, opened and at its current schema.
type Input struct {
	Position   int64
	ID         ulid.ULID
	Type       string
	Stream     string
	RecordedAt int64 // µs UTC
	Data       []byte
	// Fact and Outcome are what Data says, when somebody has read it already.
	Fact    *domain.Fact
	Outcome *domain.Outcome
}

// Read returns the input with its payload read, so that folding it has less to do. One that cannot be read stays as
// it is: folding it says so.
func (in Input) Read() Input {
	switch {
	case IsFact(in.Type):
		var f domain.Fact
		if json.Unmarshal(in.Data, &f) == nil {
			in.Fact = &f
		}
	case in.Type == domain.CommandSettled:
		var o domain.Outcome
		if json.Unmarshal(in.Data, &o) == nil {
			in.Outcome = &o
		}
	}
	return in
}

// IsFact reports the types that tell of a record.
func IsFact(kind string) bool {
	switch kind {
	case domain.RecordCreated, domain.RecordUpdated, domain.RecordObserved, domain.RecordDeleted,
		domain.RecordRestored, domain.RecordMerged, domain.RecordAbsent:
		return true
	}
	return false
}

// Seen is a value as a system told or answered it.
type Seen struct {
	Value    json.RawMessage `json:"v"`
	Clock    int64           `json:"c"` // µs UTC
	Position int64           `json:"p"`
	// Own: the vendor names our app as the author. Read: it came from a read, not from a webhook.
	Own  bool `json:"o,omitempty"`
	Read bool `json:"r,omitempty"`
	// Hasty: it changed soon after another change of an Aloware record. Aloware's webhooks carry no clock, so it may
	// be an older body that came late.
	Hasty bool `json:"h,omitempty"`
}

// Life says whether a record exists, as last told.
type Life string

// The lives of a record.
const (
	Live     Life = "live"
	Reported Life = "reported deleted" // told by a webhook, not yet confirmed by a read
	Missing  Life = "gone"
	Away     Life = "merged away"
)

// Record is what is known of a record, and how it belongs to a contact.
type Record struct {
	ID      domain.Record   `json:"id"`
	First   int64           `json:"first"` // position of the first event about it
	FirstID ulid.ULID       `json:"first_id"`
	Known   bool            `json:"known,omitempty"` // a full snapshot was folded
	Life    Life            `json:"life"`
	LifeAt  int64           `json:"life_at"` // clock
	Merged  []domain.Record `json:"merged,omitempty"`
	Primary domain.Record   `json:"primary,omitzero"`
	// Whole is the position of the last full snapshot: what was mapped then and is not in it is blank.
	Whole int64 `json:"whole,omitempty"`
	// ReadDone is the read command that is awaited, once it was answered or has failed.
	ReadDone ulid.ULID `json:"read_done,omitzero"`
	// ChangedAt is the clock of the last webhook that changed a value.
	ChangedAt int64 `json:"changed_at,omitempty"`
	// Calls tell how calls with the person ended, each way once, sorted.
	Calls []domain.Source `json:"calls,omitempty"`
	// Ties are what people said about it and other records; Out, that its contact takes no part.
	Ties []Tie `json:"ties,omitempty"`
	Out  bool  `json:"out,omitempty"`
	Link Link  `json:"link,omitzero"`
	// Counted: it is among those Control.Present counts.
	Counted bool  `json:"counted,omitempty"`
	LinkAt  int64 `json:"link_at,omitempty"`

	// Seen is what facts told, Answers what outcomes showed, by read name; personal, so stored sealed.
	Seen    map[string]Seen `json:"-"`
	Answers map[string]Seen `json:"-"`
	// Replaced is what Aloware told before Seen: a write of ours may have gone over it unknowing.
	Replaced map[string]Seen `json:"-"`

	keys    []identity.Key
	read    readings
	before  []identity.Key
	changed bool
	turn    int64 // in which it was looked at last
}

// Tie is a person's word on two records, for ever: the same person, or not.
type Tie struct {
	Other domain.Record `json:"other"`
	Same  bool          `json:"same,omitempty"`
}

// Contact is the linked set of records that are the same person.
type Contact struct {
	ID      ulid.ULID         `json:"id"`
	Alias   ulid.ULID         `json:"alias,omitzero"` // the contact this id now means
	AliasAt int64             `json:"alias_at,omitempty"`
	Head    HeadState         `json:"head,omitzero"`
	HeadAt  int64             `json:"head_at,omitempty"`
	Fields  map[string]*Field `json:"fields,omitempty"`
	// Created is the outcome of Head.Creation's command; Looked are the answered ones of Head.Lookups.
	Created *Settlement `json:"created,omitempty"`
	Looked  []ulid.ULID `json:"looked,omitempty"`
	// Unasked are those of Head.Lookups that were withdrawn unsent.
	Unasked []ulid.ULID `json:"unasked,omitempty"`

	changed bool
	turn    int64 // in which it was looked at last
}

// Field is a field's decided state and the outcomes of what is on its way, which inputs add.
type Field struct {
	FieldState
	At      int64       `json:"at"`
	Settled *Settlement `json:"settled,omitempty"` // of Pending
	Landed  *Settlement `json:"landed,omitempty"`  // of Restated
}

// Settlement is what an outcome said about a command.
type Settlement struct {
	Command  ulid.ULID         `json:"command"`
	Position int64             `json:"position"`
	Result   string            `json:"result"`
	Reason   string            `json:"reason,omitempty"`
	Record   domain.Record     `json:"record,omitzero"`
	Existing domain.Record     `json:"existing,omitzero"`
	Refused  map[string]string `json:"refused,omitempty"`
}

// Control is the connection's own state, folded from acts.
type Control struct {
	Settings settings.Settings `json:"settings"`
	Mode     domain.Mode       `json:"mode"`
	Pilot    settings.Pilot    `json:"pilot,omitzero"`
	Paused   bool              `json:"paused,omitempty"`
	Shut     bool              `json:"shut,omitempty"` // the gate of the whole sync
	// ShutFields are the fields whose gate is closed, with the reason.
	ShutFields map[string]string `json:"shut_fields,omitempty"`
	// Faults are what does not fit, by field ("" for the whole sync), as long as that is shut.
	Faults map[string][]domain.Fault `json:"faults,omitempty"`
	// Gated is the position of the last change of the gate.
	Gated int64 `json:"gated,omitempty"`
	// Schemas tell of the last look at each system's properties.
	Schemas map[domain.System]SchemaSeen `json:"schemas,omitempty"`
	// Refit is the position from which on the systems' properties are as they are: what was refused before may fit now.
	Refit int64 `json:"refit,omitempty"`
	// ChoicesAt is the position up to which what catalogs told counts; Untold: a pull told more and has not ended.
	ChoicesAt int64 `json:"choices_at,omitempty"`
	Untold    bool  `json:"untold,omitempty"`
	// Shown counts the records of Aloware, which lists no properties, that ever showed one, by its name.
	Shown map[string]int64 `json:"shown,omitempty"`
	// Hooked are the mapped properties of HubSpot of which a webhook ever told; Missed counts, for the mapped ones, the
	// changes that only a read showed.
	Hooked map[string]bool  `json:"hooked,omitempty"`
	Missed map[string]int64 `json:"missed,omitempty"`
	// Mapped says since which position a HubSpot property is mapped: reads before it did not ask for it.
	Mapped   map[string]int64 `json:"mapped,omitempty"`
	Baseline bool             `json:"baseline,omitempty"`
	// Restored: the log was put back to an earlier time, and the systems were not read since.
	Restored bool `json:"restored,omitempty"`
	// Heard is when the last webhook of each system was recorded, µs UTC.
	Heard map[domain.System]int64 `json:"heard,omitempty"`
	// Native counts what Aloware's own integration with HubSpot made.
	Native Native `json:"native,omitzero"`
	// Requests are the people HubSpot deleted on request, who are to be erased here as well.
	Requests []Request `json:"requests,omitempty"`
	// Swept is how far the last sweep of each system went.
	Swept   map[domain.System]domain.Sweep `json:"swept,omitempty"`
	Portal  string                         `json:"portal,omitempty"`
	Account string                         `json:"account,omitempty"`
	Opened  bool                           `json:"opened,omitempty"`
	Demo    bool                           `json:"demo,omitempty"`
	// Operations were started by a person and have not ended.
	Operations []Operation `json:"operations,omitempty"`
	// Opening is the act that opened the sync last: while its dirty contacts are being planned it may be folded again.
	Opening  int64 `json:"opening,omitempty"`
	Withhold bool  `json:"withhold,omitempty"` // …and what was dirty then is not sent
	// Confirmed: …or a person has said that it may be, whatever a guard counts.
	Confirmed bool  `json:"confirmed,omitempty"`
	Guard     Guard `json:"guard,omitzero"`
	// Present counts the records that are there, by system.
	Present map[domain.System]int64 `json:"present,omitempty"`
	// WasOff: the mode was off at some time since the sync stood open last.
	WasOff bool `json:"was_off,omitempty"`
	// ModeAt is the position of the last change of the mode.
	ModeAt int64 `json:"mode_at,omitempty"`
	// Standing: more may be sent than when the first scan began. Whom it finds was there before, and is not sent.
	Standing bool `json:"standing,omitempty"`
	// Writes counts pilot writes per hour of the input's recording time, the last two hours.
	Writes map[int64]int `json:"writes,omitempty"`
}

// Native is what tells that Aloware's own integration with HubSpot is on, or was.
type Native struct {
	Records int64 `json:"records"` // of Aloware that say they came from HubSpot
	At      int64 `json:"at"`      // when the last of them was told to be new, µs UTC; 0: never
}

// Operation is a one-time operation that a person started.
type Operation struct {
	ID       ulid.ULID `json:"id"` // of its operation.started
	Name     string    `json:"name"`
	Position int64     `json:"position"`
	// Contact and Field are those under test, zero for none.
	Contact ulid.ULID `json:"contact,omitzero"`
	Field   string    `json:"field,omitempty"`
	Paused  bool      `json:"paused,omitempty"`
	// Spec is what one that makes a plan is asked for.
	Spec *domain.PlanSpec `json:"spec,omitempty"`
	// Plan is what it applies, Done how many of its Rows were taken, and Vain how many pages came while none could be.
	Plan ulid.ULID `json:"plan,omitzero"`
	Rows int64     `json:"rows,omitempty"`
	Done int64     `json:"done,omitempty"`
	Vain int64     `json:"vain,omitempty"`
	// Spent of the writes that were confirmed, Budget: so many count for no guard.
	Budget int64 `json:"budget,omitempty"`
	Spent  int64 `json:"spent,omitempty"`
}

// Stopped reports whether inputs are only folded.
func (c Control) Stopped() bool {
	return c.Settings.Version == 0 || c.Mode == domain.ModeOff || c.Paused || c.Shut
}

// Sends reports whether what was decided may leave: not while inputs are only folded, nor once a guard has tripped,
// though the pause that follows is still to be planned.
func (c Control) Sends() bool { return !c.Stopped() && !c.Guard.Holds() }

// KeyChanges returns the match keys a changed record lost and won since loading.
func (r *Record) KeyChanges() (lost, won []identity.Key) {
	for _, k := range r.before {
		if !slices.Contains(r.keys, k) {
			lost = append(lost, k)
		}
	}
	for _, k := range r.keys {
		if !slices.Contains(r.before, k) {
			won = append(won, k)
		}
	}
	return lost, won
}

// Keys returns the record's match keys.
func (r *Record) Keys() []identity.Key { return r.keys }

// value returns the latest value of a property by clock; an answer wins a tie, since it says what a write ended in.
func (r *Record) value(property string) (Seen, bool) {
	s, ok := r.Seen[property]
	a, answered := r.Answers[property]
	if answered && (!ok || a.Clock >= s.Clock) {
		return a, true
	}
	return s, ok
}

// Value returns the latest value of a property.
func (r *Record) Value(property string) (json.RawMessage, bool) {
	s, ok := r.value(property)
	return s.Value, ok
}

// doubtful reports a value that may be an older one that came late; a write's read-back that was told after it and shows
// the same settles that.
func (r *Record) doubtful(property string) bool {
	s, _ := r.value(property)
	a, answered := r.Answers[property]
	return s.Hasty && !(answered && a.Position > s.Position && sameRaw(a.Value, s.Value))
}

// asked reports a record whose reading is awaited.
func (r *Record) asked() bool { return !r.Link.Reading.IsZero() && r.Link.Reading != r.ReadDone }

// answered notes that a read came back. One that is not waited for any more leaves nothing: in the log its answer may lie on
// either side of the decision to give it up.
func (r *Record) answered(read ulid.ULID) {
	if r.Link.Reading == read {
		r.ReadDone = read
	}
}

// Untold reports a property of HubSpot, which shows only what it is asked for, that nobody told and no read asked for
// since it was mapped: not blank, but unknown.
func (v *View) Untold(r *Record, property string) bool {
	_, told := r.value(property)
	return !told && r.ID.System == domain.HubSpot && r.Whole < v.Control.Mapped[property]
}

// Properties returns the latest value of every property.
func (r *Record) Properties() domain.Properties {
	p := make(domain.Properties, len(r.Seen)+len(r.Answers))
	for name := range r.Seen {
		s, _ := r.value(name)
		p[name] = s.Value
	}
	for name, a := range r.Answers {
		if _, ok := r.Seen[name]; !ok {
			p[name] = a.Value
		}
	}
	return p
}

// Touch marks a record as changed, so that it is written again.
func (r *Record) Touch() { r.changed = true }

// Touch marks a contact as changed, so that it is written again.
func (c *Contact) Touch() { c.changed = true }
