package replay

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
)

// reality is where the systems in the log and in the branch differ, because of commands that only one of them has.
type reality struct {
	// unissued are the recorded commands that the branch did not issue, and renamed those it issued under another id.
	unissued map[ulid.ULID]planner.Decision
	renamed  map[ulid.ULID]planner.Outgoing
	// madeBy names the command that made a record, as far as the log was read.
	madeBy map[domain.Record]ulid.ULID
	// ghosts are records that are not there in the branch, with their contact, and imagined those that only are there.
	ghosts   map[domain.Record]ulid.ULID
	imagined map[domain.Record]bool
	// shadows are values of a record that are another one in the branch, by read name.
	shadows map[domain.Record]map[string]*shadow
}

// shadow is what the log shows of a property whose value in the branch is another.
type shadow struct {
	field settings.Field
	env   settings.Env
	real  map[string]bool // digests it showed, or may show, since
	last  string          // the one it shows now
}

func newReality() reality {
	return reality{
		unissued: map[ulid.ULID]planner.Decision{}, renamed: map[ulid.ULID]planner.Outgoing{},
		madeBy: map[domain.Record]ulid.ULID{}, ghosts: map[domain.Record]ulid.ULID{},
		imagined: map[domain.Record]bool{}, shadows: map[domain.Record]map[string]*shadow{},
	}
}

// same reports that the two have not parted yet.
func (r *reality) same() bool { return len(r.unissued)+len(r.renamed)+len(r.shadows) == 0 }

func (r *reality) noteMade(e eventstore.Event) {
	var o domain.Outcome
	if json.Unmarshal(e.Data, &o) == nil && o.Created && !o.Record.IsZero() {
		r.madeBy[o.Record] = o.Command
	}
}

// ghost reports a record that was made by a command the branch did not issue.
func (r *reality) ghost(rec domain.Record) bool {
	if _, ok := r.ghosts[rec]; ok {
		return true
	}
	d, ok := r.unissued[r.madeBy[rec]]
	if ok {
		r.ghosts[rec] = d.Contact
	}
	return ok
}

func (r *reality) clear(rec domain.Record, property string) {
	of := r.shadows[rec]
	if delete(of, property); len(of) == 0 {
		delete(r.shadows, rec)
	}
}

// shadow begins, unless it began before, with what both show.
func (b *branch) shadow(rec domain.Record, property string, field settings.Field, env settings.Env) *shadow {
	of := b.shadows[rec]
	if of == nil {
		of = map[string]*shadow{}
		b.shadows[rec] = of
	}
	if of[property] == nil {
		s := &shadow{field: field, env: env, real: map[string]bool{}}
		s.last = b.digest(s, rec)
		s.real[s.last] = true
		of[property] = s
	}
	return of[property]
}

// digest of what the record shows in the branch.
func (b *branch) digest(s *shadow, rec domain.Record) string {
	props := domain.Properties{}
	if r := b.view.Record(rec); r != nil {
		props = r.Properties()
	}
	return s.digest(b.view, rec.System, props)
}

// digest of a property among others as the shadow's field reads it.
func (s *shadow) digest(v *planner.View, sys domain.System, props domain.Properties) string {
	text, _, err := s.field.Get(sys, props, s.env)
	if err != nil {
		return "invalid"
	}
	return v.Digester.Of(s.field.Name, text)
}

// inBranch is an input as the branch would have met it; false when it would not have.
func (b *branch) inBranch(in planner.Input) (planner.Input, bool) {
	b.noteSettings(in)
	switch in.Type {
	case domain.SettingsChanged:
		var a domain.SettingsAct
		if json.Unmarshal(in.Data, &a) == nil {
			in.Data = b.settingsAct(a.Version, b.recorded)
		}
		return in, true
	case domain.SyncPaused:
		var a domain.Act
		return in, json.Unmarshal(in.Data, &a) != nil || a.Guard == nil || b.view.Control.Guard.Holds()
	}
	if b.same() {
		return in, true
	}
	switch in.Type {
	case domain.RecordCreated, domain.RecordUpdated, domain.RecordObserved, domain.RecordDeleted,
		domain.RecordRestored, domain.RecordMerged, domain.RecordAbsent:
		return b.factInBranch(in)
	case domain.CommandSettled:
		return b.outcomeInBranch(in)
	}
	return in, true
}

func (b *branch) factInBranch(in planner.Input) (planner.Input, bool) {
	var f domain.Fact
	rec, err := domain.ParseRecord(in.Stream)
	if err != nil || json.Unmarshal(in.Data, &f) != nil {
		return in, true // as little of it is folded as was
	}
	asked := b.answerInBranch(&f)
	if b.ghost(rec) {
		return b.missed(in, f)
	}
	if !asked && in.Type == domain.RecordAbsent && f.Answer.By != "id" {
		return in, false
	}
	if !asked {
		f.Answer = nil
	}
	told := len(f.Properties)
	news := b.withoutShadows(rec, f.Properties, f.Complete)
	if told > 0 && !news && !f.Complete && f.Answer == nil && in.Type == domain.RecordUpdated {
		return in, false
	}
	gone := func(r domain.Record) bool { return b.ghost(r) }
	f.Merged = slices.DeleteFunc(f.Merged, gone)
	if b.ghost(f.Primary) {
		f.Primary = domain.Record{}
	}
	return remade(in, f), true
}

// remade is the input with another payload.
func remade(in planner.Input, payload any) planner.Input {
	if data, err := json.Marshal(payload); err == nil {
		in.Data, in.Fact, in.Outcome = data, nil, nil
	}
	return in
}

// answerInBranch turns a fact's answer to the command the branch issued; false when it issued none.
func (b *branch) answerInBranch(f *domain.Fact) bool {
	if f.Answer == nil {
		return true
	}
	if _, ok := b.unissued[f.Answer.Command]; ok {
		return false
	}
	if o, ok := b.renamed[f.Answer.Command]; ok {
		f.Answer.Command, f.Answer.Contact = o.ID, o.Contact
	}
	f.Answer.Found = slices.DeleteFunc(f.Answer.Found, func(r domain.Record) bool { return b.ghost(r) })
	return true
}

// missed is what the branch hears instead of a fact about a record it does not have: a look-up that found nothing else
// found nobody.
func (b *branch) missed(in planner.Input, f domain.Fact) (planner.Input, bool) {
	if f.Answer == nil || f.Answer.By == "id" || len(f.Answer.Found) > 0 {
		return in, false
	}
	c := b.view.Contact(f.Answer.Contact)
	if c == nil {
		return in, false
	}
	for _, r := range b.view.Members(c.ID) {
		if slices.ContainsFunc(c.Head.Lookups, func(l planner.Lookup) bool { return l.Command == f.Answer.Command }) {
			in.Type, in.Stream = domain.RecordAbsent, r.ID.Stream()
			return remade(in, domain.Fact{Via: f.Via, Clock: f.Clock, Answer: f.Answer}), true
		}
	}
	return in, false
}

// withoutShadows puts the branch's values in the place of those that only the log's commands explain, and reports
// whether anything else is told.
func (b *branch) withoutShadows(rec domain.Record, props domain.Properties, complete bool) (news bool) {
	of := b.shadows[rec]
	for _, name := range slices.Sorted(maps.Keys(props)) {
		s := of[name]
		if s == nil {
			news = true
			continue
		}
		if s.last = s.digest(b.view, rec.System, props); !s.real[s.last] {
			b.clear(rec, name) // told by somebody since: the same in both
			news = true
			continue
		}
		value, known := b.shows(rec, name)
		if complete && known {
			props[name] = value
		} else {
			delete(props, name)
		}
	}
	return news
}

// shows is what a record shows in the branch.
func (b *branch) shows(rec domain.Record, property string) (json.RawMessage, bool) {
	r := b.view.Record(rec)
	if r == nil {
		return nil, false
	}
	value, ok := r.Properties()[property]
	return value, ok
}

func (b *branch) outcomeInBranch(in planner.Input) (planner.Input, bool) {
	var o domain.Outcome
	if json.Unmarshal(in.Data, &o) != nil {
		return in, true
	}
	if d, ok := b.unissued[o.Command]; ok {
		b.unheard(o, d)
		return in, false
	}
	if other, ok := b.renamed[o.Command]; ok {
		o.Command, o.Contact = other.ID, other.Contact
	}
	b.arrived(o)
	b.withoutShadows(o.Record, o.Shows, false)
	return remade(in, o), true
}

// arrived ends the shadows of what a command of both wrote.
func (b *branch) arrived(o domain.Outcome) {
	if o.Result != domain.ResultApplied && o.Result != domain.ResultPartly {
		return
	}
	for write := range o.Sent {
		if f, ok := b.recorded.FieldFor(o.System, write); ok {
			b.clear(o.Record, f.Side(o.System).Read)
		}
	}
}

// unheard takes from the outcome of a command that the branch does not have what the log's system shows since.
func (b *branch) unheard(o domain.Outcome, d planner.Decision) {
	if o.Created {
		b.ghosts[o.Record] = d.Contact
		return
	}
	for write := range o.Sent {
		f, _ := b.recorded.FieldFor(o.System, write)
		s := b.shadows[o.Record][f.Side(o.System).Read]
		if s == nil {
			continue
		}
		told := o.Shows
		if _, ok := told[s.field.Side(o.System).Read]; !ok {
			told = domain.Properties{s.field.Side(o.System).Read: o.Sent[write]}
		}
		s.last = s.digest(b.view, o.System, told)
		s.real[s.last] = true
	}
}

// lose notes a recorded command that the branch does not issue: what it wrote is not news when the log tells it.
func (b *branch) lose(c planner.Command, d planner.Decision) {
	b.unissued[c.ID] = d
	if c.Kind != domain.KindUpdate {
		return
	}
	for write, digest := range c.Digests {
		if f, ok := b.recorded.FieldFor(c.System, write); ok {
			b.shadow(c.Record, f.Side(c.System).Read, f, b.env(true)).real[digest] = true
		}
	}
}
