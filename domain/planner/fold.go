package planner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// Effect says what folding an input touched, so that planning looks only there.
type Effect struct {
	Record   domain.Record // the fact's record
	Contact  ulid.ULID     // the contact an outcome, an answer or an act is about
	Changed  bool          // a property's value, or the record's life, changed
	First    bool          // first event about the record
	Told     map[string]bool
	Stale    map[string]bool // properties whose value was older than the one seen
	Settled  *domain.Outcome
	Release  bool  // the sync opened: dirty contacts are planned
	Withhold bool  // …but nothing is sent for them
	Force    bool  // a person asked: refused writes are tried again
	Answered bool  // a read was answered
	Scanned  bool  // told by a scan or its look-ups
	Hastened int64 // clock of an Aloware webhook that changed a value
	// Found are the records a look-up found, when it found several.
	Found []domain.Record
}

// Fold takes an input into the view. It changes only what was seen, told and answered, never what was decided.
func (v *View) Fold(in Input) (Effect, error) {
	switch in.Type {
	case domain.RecordCreated, domain.RecordUpdated, domain.RecordObserved, domain.RecordDeleted,
		domain.RecordRestored, domain.RecordMerged, domain.RecordAbsent:
		var f domain.Fact
		if err := json.Unmarshal(in.Data, &f); err != nil {
			return Effect{}, fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
		}
		return v.foldFact(in, f)
	case domain.CommandSettled:
		var o domain.Outcome
		if err := json.Unmarshal(in.Data, &o); err != nil {
			return Effect{}, fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
		}
		return v.foldOutcome(in, o), nil
	default:
		return v.foldAct(in)
	}
}

func (v *View) foldFact(in Input, f domain.Fact) (Effect, error) {
	id, err := domain.ParseRecord(in.Stream)
	if err != nil {
		return Effect{}, fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
	}
	e := Effect{Record: id, Scanned: f.Via == "scan", Told: map[string]bool{}, Stale: map[string]bool{}, First: v.records[id] == nil}
	if f.Answer != nil {
		e.Answered, e.Contact = true, f.Answer.Contact
		if len(f.Answer.Found) > 1 {
			e.Found = f.Answer.Found
		}
		v.answered(f.Answer)
		if in.Type == domain.RecordAbsent && f.Answer.By != "id" {
			e.Record = domain.Record{}
			return e, nil // says nothing about the record it was looked up for
		}
	}
	r := v.record(id, in)
	if f.Answer != nil && f.Answer.By == "id" {
		r.ReadDone = f.Answer.Command
	}
	v.live(in, f, r, &e)
	for _, name := range slices.Sorted(maps.Keys(f.Properties)) {
		r.see(name, f.Properties[name], f, in, &e)
	}
	if f.Complete {
		r.complete(f, in, &e)
	}
	r.ChangedAt = max(r.ChangedAt, e.Hastened)
	v.foldMerge(in, f, r, &e)
	v.reindex(r)
	return e, nil
}

// answered notes that a look-up came back.
func (v *View) answered(a *domain.Answer) {
	c := v.Contact(a.Contact)
	if c == nil {
		return
	}
	c.noteLookup(a.Command, &c.Looked)
	for _, r := range v.Members(c.ID) {
		if a.By == "id" && r.Link.Reading == a.Command && r.ReadDone != a.Command {
			r.ReadDone, r.changed = a.Command, true // another record answered in its place
		}
	}
}

// noteLookup puts a look-up that is waited for on a list.
func (c *Contact) noteLookup(id ulid.ULID, list *[]ulid.ULID) {
	awaited := slices.ContainsFunc(c.Head.Lookups, func(l Lookup) bool { return l.Command == id })
	if awaited && !slices.Contains(*list, id) {
		*list, c.changed = append(*list, id), true
	}
}

// live folds whether the record exists; the later clock wins, and a read's word is final for its moment.
func (v *View) live(in Input, f domain.Fact, r *Record, e *Effect) {
	next := Live
	switch {
	case in.Type == domain.RecordAbsent, in.Type == domain.RecordDeleted && f.Answer != nil:
		next = Missing
	case in.Type == domain.RecordDeleted:
		next = Reported
	}
	if f.Clock < r.LifeAt || r.Life == Away {
		return
	}
	if in.Type == domain.RecordRestored || next == Live && r.Life == Missing {
		r.Known = r.Known && f.Complete // a record that came back is read anew
	}
	if r.Life != next {
		e.Changed = true
	}
	r.Life, r.LifeAt = next, f.Clock
}

// hastyMicros is how soon after a change another one of the same Aloware record is doubted: long enough for a delivery
// that failed to have been repeated.
const hastyMicros = int64(600) * 1e6

// see folds one value: older than the one seen is stale and changes nothing; on a tie the later position wins.
func (r *Record) see(name string, value json.RawMessage, f domain.Fact, in Input, e *Effect) {
	clock := f.Clock
	if c, ok := f.Clocks[name]; ok {
		clock = c
	}
	old, had := r.value(name)
	told, hadTold := r.Seen[name]
	e.Told[name] = true
	if hadTold && clock < told.Clock {
		if !sameRaw(value, old.Value) {
			e.Stale[name] = true
		}
		return
	}
	if r.Seen == nil {
		r.Seen = map[string]Seen{}
	}
	next := Seen{Value: value, Clock: clock, Position: in.Position, Own: f.Origin.Own, Read: f.Via != "webhook"}
	if had && sameRaw(value, old.Value) {
		next.Hasty = told.Hasty && !next.Read
	} else if r.ID.System == domain.Aloware && !next.Read {
		next.Hasty = r.ChangedAt > 0 && clock-r.ChangedAt < hastyMicros
		e.Hastened = clock
	}
	r.Seen[name] = next
	now, _ := r.value(name)
	if !had || !sameRaw(now.Value, old.Value) {
		e.Changed = true
	}
	if had && clock < old.Clock && !sameRaw(value, old.Value) {
		e.Stale[name] = true
	}
}

// complete blanks what a full snapshot does not show.
func (r *Record) complete(f domain.Fact, in Input, e *Effect) {
	if !r.Known {
		e.Changed, r.Known = true, true
	}
	for name, s := range r.Seen {
		if _, ok := f.Properties[name]; ok || s.Clock >= f.Clock || isBlank(s.Value) {
			continue
		}
		r.Seen[name] = Seen{Value: json.RawMessage("null"), Clock: f.Clock, Position: in.Position, Read: true}
		e.Changed, e.Told[name] = true, true
	}
}

// foldMerge notes which ids now mean this record.
func (v *View) foldMerge(in Input, f domain.Fact, r *Record, e *Effect) {
	for _, id := range f.Merged {
		if id == r.ID {
			continue
		}
		old := v.record(id, in)
		old.Life, old.LifeAt = Away, f.Clock
		if !slices.Contains(r.Merged, id) {
			r.Merged = append(r.Merged, id)
			e.Changed = true
		}
		if f.Answer != nil && f.Answer.By == "id" {
			old.ReadDone = f.Answer.Command
		}
	}
	if !f.Primary.IsZero() && r.Primary.IsZero() {
		r.Primary = f.Primary
	}
	if in.Type == domain.RecordMerged && !r.Known {
		e.Changed = true
	}
}

func (v *View) foldOutcome(in Input, o domain.Outcome) Effect {
	e := Effect{Contact: o.Contact, Settled: &o, Changed: true}
	v.settle(in, o)
	if o.Record.IsZero() {
		return e
	}
	r := v.record(o.Record, in)
	if o.Kind == domain.KindRead {
		r.ReadDone = o.Command
	}
	if o.Created {
		r.Known = true
	}
	if o.Reason == domain.ReasonGone && o.Clock >= r.LifeAt {
		r.Life, r.LifeAt = Reported, o.Clock
	}
	v.shows(in, o, r)
	if o.Complete {
		r.Known = true
	}
	v.reindex(r)
	return e
}

// shows folds what an outcome shows of its target. What the command wrote is the target's rendering of our value, an
// answer; anything else is as good as a read.
func (v *View) shows(in Input, o domain.Outcome, r *Record) {
	if r.Seen == nil {
		r.Seen = map[string]Seen{}
	}
	if r.Answers == nil {
		r.Answers = map[string]Seen{}
	}
	for name, value := range o.Shows {
		write := name
		if f, ok := v.Control.Settings.FieldFor(o.System, name); ok {
			write = f.Side(o.System).Write
		}
		into := r.Seen
		if _, sent := o.Sent[write]; sent {
			into = r.Answers
		}
		if old, ok := into[name]; !ok || o.Clock >= old.Clock {
			into[name] = Seen{Value: value, Clock: o.Clock, Position: in.Position, Read: true}
		}
	}
}

// settle notes the outcome beside what waits for it; only what still waits keeps it, so the order in which an outcome
// and a decision that replaced the write are folded does not matter.
func (v *View) settle(in Input, o domain.Outcome) {
	if c := v.Contact(o.Contact); c != nil && o.Kind == domain.KindLookup {
		list := &c.Looked // refused: nothing is known, and the create's own guard must do
		if o.Result == domain.ResultWithdrawn {
			list = &c.Unasked
		}
		c.noteLookup(o.Command, list)
	}
	v.note(o.Contact, &Settlement{
		Command: o.Command, Position: in.Position, Result: o.Result, Reason: o.Reason, Record: o.Record,
		Existing: o.Existing, Refused: o.Refused,
	})
}

func (v *View) note(contact ulid.ULID, s *Settlement) {
	c := v.Contact(contact)
	if c == nil {
		return
	}
	if c.Head.Creation.Command == s.Command {
		c.Created, c.changed = s, true
	}
	for _, f := range c.Fields {
		if f.Pending != nil && f.Pending.Command == s.Command {
			f.Settled, c.changed = s, true
		}
	}
}

func (v *View) foldAct(in Input) (Effect, error) {
	if in.Type == domain.SettingsChanged {
		return Effect{}, v.foldSettings(in)
	}
	var a domain.Act
	switch in.Type {
	case domain.ConnectionOpened:
		return Effect{}, v.foldOpened(in)
	case domain.ModeChanged, domain.SyncPaused, domain.SyncResumed, domain.GateChanged, domain.BaselineCompleted,
		domain.OperationStarted, domain.OperationFinished, domain.PlannerRetried, domain.CommandRetried:
		if err := json.Unmarshal(in.Data, &a); err != nil {
			return Effect{}, fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
		}
	default:
		return Effect{}, nil // activities, catalogs, schemas, raw bodies: nothing to plan
	}
	v.control = true
	was := v.Control.Stopped()
	off := v.Control.Mode == domain.ModeOff
	switch in.Type {
	case domain.ModeChanged:
		v.Control.Mode = a.Mode
		v.Control.Pilot = settings.Pilot{Filter: a.Filter, MaxWritesPerHour: a.MaxWrites}
		v.compile()
	case domain.SyncPaused:
		v.Control.Paused = true
	case domain.SyncResumed:
		v.Control.Paused = false
	case domain.GateChanged:
		return v.foldGate(in, a, was), nil
	case domain.BaselineCompleted:
		first := !v.Control.Baseline
		v.Control.Baseline = true
		return v.opened(in, first, false), nil
	case domain.OperationStarted:
		v.Control.Operations = append(v.Control.Operations, Operation{ID: in.ID, Name: a.Name, Position: in.Position})
		return Effect{}, nil
	case domain.OperationFinished:
		v.Control.Operations = slices.DeleteFunc(v.Control.Operations, func(o Operation) bool { return o.ID == a.Command })
		return Effect{}, nil
	case domain.PlannerRetried, domain.CommandRetried:
		v.control = false
		return Effect{Contact: a.Contact, Force: true, Changed: true}, nil
	}
	return v.opened(in, was, off), nil
}

// opened is the effect of an act that may have opened the sync. An owner that takes over in the midst of planning the
// dirty contacts folds the act again and must find the same.
func (v *View) opened(in Input, was, off bool) Effect {
	if was && !v.Control.Stopped() {
		v.Control.Opening, v.Control.Withhold = in.Position, off
	}
	return Effect{Release: v.Control.Opening == in.Position, Withhold: v.Control.Withhold}
}

func (v *View) foldGate(in Input, a domain.Act, was bool) Effect {
	switch _, shut := v.Control.ShutFields[a.Field]; {
	case a.Field == "":
		v.Control.Shut = !a.Open
	case a.Open && shut:
		delete(v.Control.ShutFields, a.Field)
		was = true // contacts that hold such a field are dirty
	case !a.Open:
		if v.Control.ShutFields == nil {
			v.Control.ShutFields = map[string]string{}
		}
		v.Control.ShutFields[a.Field] = a.Reason
		return Effect{}
	}
	return v.opened(in, was, false)
}

func (v *View) foldSettings(in Input) error {
	var a domain.SettingsAct
	if err := json.Unmarshal(in.Data, &a); err != nil {
		return fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
	}
	var s settings.Settings
	if err := json.Unmarshal(a.Settings, &s); err != nil {
		return fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
	}
	s.Version = a.Version
	v.Control.Settings, v.control = s, true
	if v.Control.Mode == "" {
		v.Control.Mode, v.Control.Pilot = s.Mode, s.Pilot
	}
	v.compile()
	for _, r := range v.records {
		v.reindex(r)
	}
	return nil
}

func (v *View) foldOpened(in Input) error {
	var o domain.Opened
	if err := json.Unmarshal(in.Data, &o); err != nil {
		return fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
	}
	v.Control.Portal, v.Control.Account, v.Control.Demo = o.Portal, o.Account, o.Demo
	v.Control.Opened, v.control = true, true
	return nil
}

func isBlank(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(raw, []byte("null")) || bytes.Equal(raw, []byte(`""`))
}

func sameRaw(a, b json.RawMessage) bool {
	return bytes.Equal(a, b) || isBlank(a) && isBlank(b)
}
