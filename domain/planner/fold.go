package planner

import (
	"fmt"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// Effect says what folding an input touched, so that planning looks only there.
type Effect struct {
	Record   domain.Record   // the fact's record
	Contact  ulid.ULID       // the contact an outcome, an answer or an act is about
	Changed  bool            // a property's value, or the record's life, changed
	First    bool            // first event about the record
	Told     []string        // properties
	Stale    map[string]Seen // values that were older than the one seen, by property
	Settled  *domain.Outcome
	Release  bool // the sync opened: dirty contacts are planned
	Withhold bool // …but nothing is sent for them
	// Confirmed: …and a person has said that they may be sent, whatever the guards count.
	Confirmed bool
	// Trip is the guard that tripped on an input that is about no contact.
	Trip     *domain.Trip
	Force    bool // a person asked: refused writes are tried again
	Answered bool // a read was answered: this command
	Answer   ulid.ULID
	Scanned  bool  // told by a scan or its look-ups
	Hastened int64 // clock of an Aloware webhook that changed a value
	// Found are the records a look-up found, when it found several.
	Found []domain.Record
	// LookedUp: this is the last record that a look-up, or a read, made for Contact found.
	LookedUp bool
	// Page is of an operation whose rows are planned one by one, and Operation the one a row is planned for.
	Page      *domain.PlanPage
	Operation *domain.Scope
	// Verdict is what a person decided about Contact, nil for nothing.
	Verdict *domain.Act
	// Erased are the records of Contact that were erased, Lifted those that are let in again.
	Erased, Lifted []domain.Record
}

// told reports whether the fact tells a property.
func (e *Effect) told(property string) bool { return slices.Contains(e.Told, property) }

// older notes a value that is older than the one seen.
func (e *Effect) older(property string, s Seen) {
	if e.Stale == nil {
		e.Stale = map[string]Seen{}
	}
	e.Stale[property] = s
}

// Fold takes an input into the view. It changes only what was seen, told and answered, never what was decided.
func (v *View) Fold(in Input) (Effect, error) {
	if in.Fact == nil && in.Outcome == nil {
		in = in.Read()
	}
	switch {
	case in.Fact != nil:
		e, err := v.foldFact(in, *in.Fact)
		v.present(in.Fact.Merged...)
		v.present(e.Record)
		return e, err
	case in.Type == domain.RecordSuppressed:
		return v.foldSuppressed(in)
	case in.Outcome != nil:
		e := v.foldOutcome(in, *in.Outcome)
		v.present(e.Settled.Record)
		return e, nil
	case IsFact(in.Type) || in.Type == domain.CommandSettled:
		return Effect{}, fmt.Errorf("fold %s at %d: its payload cannot be read", in.Type, in.Position)
	default:
		return v.foldAct(in)
	}
}

func (v *View) foldFact(in Input, f domain.Fact) (Effect, error) {
	id, err := domain.ParseRecord(in.Stream)
	if err != nil {
		return Effect{}, fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
	}
	if f.Via == "webhook" {
		if v.Control.Heard == nil {
			v.Control.Heard = map[domain.System]int64{}
		}
		v.Control.Heard[id.System] = in.RecordedAt
	}
	e := Effect{Record: id, Scanned: f.Via == "scan", First: v.rec(id) == nil}
	if f.Answer != nil {
		e.Answered, e.Answer, e.Contact = true, f.Answer.Command, f.Answer.Contact
		n := len(f.Answer.Found)
		if n > 1 {
			e.Found = f.Answer.Found
		}
		e.LookedUp = n > 0 && f.Answer.Found[n-1] == id
		v.answered(f.Answer)
		if in.Type == domain.RecordAbsent && f.Answer.By != "id" {
			e.Record = domain.Record{}
			return e, nil // says nothing about the record it was looked up for
		}
	}
	r := v.record(id, in)
	if f.Answer != nil && f.Answer.By == "id" {
		r.answered(f.Answer.Command)
	}
	v.live(in, f, r, &e)
	v.native(in, f, r)
	names := make([]string, 0, len(f.Properties))
	for name := range f.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	e.Told = names
	for _, name := range names {
		v.shown(r, name)
		v.subscribed(r, name, f)
		r.see(name, f.Properties[name], f, in, &e)
	}
	if f.Complete {
		r.complete(f, in, v.asked(id.System), &e)
	}
	r.ChangedAt = max(r.ChangedAt, e.Hastened)
	r.hear(f.Vendor, &e)
	v.foldMerge(in, f, r, &e)
	v.request(in, f, id)
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
	case in.Type == domain.RecordAbsent && v.byDoubtfulNumber(r):
		return
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

// byDoubtfulNumber reports whether a record is asked for by a number it may not have had for long: then that nobody
// holds it says nothing about the record.
func (v *View) byDoubtfulNumber(r *Record) bool {
	f, ok := v.field(settings.PhoneField)
	return ok && r.ID.System == domain.Aloware && r.doubtful(f.Aloware.Read)
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
			old.answered(f.Answer.Command)
		}
	}
	if !f.Primary.IsZero() && r.Primary.IsZero() {
		r.Primary = f.Primary
	}
	if in.Type == domain.RecordMerged && !r.Known {
		e.Changed = true
	}
}
