package replay

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/replay/scratch"
)

// reality is where the systems in the log and in the branch differ, because of commands that only one of them has.
type reality struct {
	// unissued are the recorded commands that the branch did not issue, with their contact, and renamed those it issued
	// under another id, with that and the contact.
	unissued, renamed notes
	// madeBy names the command that made a record, where the log was read further than it is decided on.
	madeBy map[domain.Record]ulid.ULID
	// ghosts are records that are not there in the branch, with their contact, and imagined those that only are there.
	ghosts, imagined notes
	// shadows are values of a record that are another one in the branch.
	shadows notes
	lenses  []lens
	lensOf  map[lensKey]int
}

// lens is a field as values are read through it.
type lens struct {
	field settings.Field
	env   settings.Env
}

// lensKey tells lenses apart: how often what they are made of had changed.
type lensKey struct {
	field    string
	recorded bool
	changes  int
}

func newReality(store *scratch.Store) reality {
	of := func(kind byte) notes { return notes{store: store, kind: kind} }
	return reality{
		unissued: of('U'), renamed: of('N'), ghosts: of('G').listed(), imagined: of('I').listed(), shadows: of('S').listed(),
		madeBy: map[domain.Record]ulid.ULID{}, lensOf: map[lensKey]int{},
	}
}

// same reports that the two have not parted yet.
func (r *reality) same() bool { return r.unissued.n+r.renamed.n+r.shadows.n == 0 }

func (r *reality) noteMade(o domain.Outcome) {
	if o.Made() && !o.Record.IsZero() {
		r.madeBy[o.Record] = o.Command
	}
}

// passed forgets what was read ahead, once it was decided on.
func (r *reality) passed(in planner.Input) {
	if o := in.Outcome; o != nil && r.madeBy[o.Record] == o.Command {
		delete(r.madeBy, o.Record)
	}
}

// ghost reports a record that was made by a command the branch did not issue.
func (r *reality) ghost(rec domain.Record) bool {
	if r.ghosts.n > 0 && r.ghosts.has(about(rec)) {
		return true
	}
	command, ok := r.madeBy[rec]
	if !ok {
		return false
	}
	contact := r.unissued.get(command[:])
	if contact != nil {
		r.ghosts.put(about(rec), contact)
	}
	return contact != nil
}

// shadow begins, unless it began before, with what both show.
func (b *branch) shadow(of *shadows, rec domain.Record, property string, field settings.Field, recorded bool) *shadow {
	if s := of.on(property); s != nil {
		return s
	}
	s := of.begin(property)
	s.lens = b.lens(field, recorded)
	s.last = b.digest(s, rec)
	s.showed(s.last)
	return s
}

// lens is the number of the one that a field of the log's settings, or of the branch's, is read through now.
func (b *branch) lens(field settings.Field, recorded bool) int {
	env := b.env(recorded)
	key := lensKey{field.Name, recorded, b.changes}
	n, ok := b.lensOf[key]
	if !ok {
		n = len(b.lenses)
		b.lensOf[key], b.lenses = n, append(b.lenses, lens{field, env})
	}
	return n
}

// field is the one a shadow is of.
func (b *branch) field(s *shadow) settings.Field { return b.lenses[s.lens].field }

// digest of what the record shows in the branch.
func (b *branch) digest(s *shadow, rec domain.Record) string {
	props := domain.Properties{}
	if r := b.view.Record(rec); r != nil {
		props = r.Properties()
	}
	return b.digestIn(s, rec.System, props)
}

// digestIn is that of a property among others as the shadow's field reads it.
func (b *branch) digestIn(s *shadow, sys domain.System, props domain.Properties) string {
	l := b.lenses[s.lens]
	text, _, err := l.field.Get(sys, props, l.env)
	if err != nil {
		return "invalid"
	}
	return b.view.Digester.Of(l.field.Name, text)
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

// factInBranch takes from a fact what the branch would not have heard. What is changed of it is copied before: the
// log's own is somebody else's, too.
func (b *branch) factInBranch(in planner.Input) (planner.Input, bool) {
	rec, err := domain.ParseRecord(in.Stream)
	if err != nil || in.Fact == nil {
		return in, true // as little of it is folded as was
	}
	f := *in.Fact
	in.Fact = &f
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
	told, news := len(f.Properties), false
	f.Properties, news = b.withoutShadows(rec, f.Properties, f.Complete)
	if told > 0 && !news && !f.Complete && f.Answer == nil && in.Type == domain.RecordUpdated {
		return in, false
	}
	f.Merged = b.withoutGhosts(f.Merged)
	if b.ghost(f.Primary) {
		f.Primary = domain.Record{}
	}
	return in, true
}

// withoutGhosts are those records that are there in the branch.
func (b *branch) withoutGhosts(all []domain.Record) []domain.Record {
	if !slices.ContainsFunc(all, b.ghost) {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), b.ghost)
}

// answerInBranch turns a fact's answer to the command the branch issued; false when it issued none.
func (b *branch) answerInBranch(f *domain.Fact) bool {
	if f.Answer == nil {
		return true
	}
	if b.unissued.has(f.Answer.Command[:]) {
		return false
	}
	a := *f.Answer
	b.rename(&a.Command, &a.Contact)
	a.Found = b.withoutGhosts(a.Found)
	f.Answer = &a
	return true
}

// rename gives a recorded command the id and the contact it has in the branch.
func (b *branch) rename(command, contact *ulid.ULID) {
	if to := b.renamed.get(command[:]); len(to) == len(command)+len(contact) {
		copy(command[:], to)
		copy(contact[:], to[len(command):])
	}
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
			in.Fact = &domain.Fact{Via: f.Via, Clock: f.Clock, Answer: f.Answer}
			return in, true
		}
	}
	return in, false
}

// withoutShadows puts the branch's values in the place of those that only the log's commands explain, and reports
// whether anything else is told.
func (b *branch) withoutShadows(rec domain.Record, told domain.Properties, complete bool) (props domain.Properties, news bool) {
	of := b.shadowsOf(rec)
	names := of.over(told)
	if news = len(names) < len(told); len(names) == 0 {
		return told, news
	}
	props = maps.Clone(told)
	for _, name := range names {
		s := of.on(name)
		if s.last = b.digestIn(s, rec.System, props); !slices.Contains(s.real, s.last) {
			of.end(name) // told by somebody since: the same in both
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
	b.keepShadows(rec, of)
	return props, news
}

// shows is what a record shows in the branch.
func (b *branch) shows(rec domain.Record, property string) (json.RawMessage, bool) {
	r := b.view.Record(rec)
	if r == nil {
		return nil, false
	}
	return r.Value(property)
}

func (b *branch) outcomeInBranch(in planner.Input) (planner.Input, bool) {
	if in.Outcome == nil {
		return in, true
	}
	o := *in.Outcome
	in.Outcome = &o
	if contact := b.unissued.get(o.Command[:]); contact != nil {
		b.unheard(o, contact)
		return in, false
	}
	b.rename(&o.Command, &o.Contact)
	b.arrived(o)
	o.Shows, _ = b.withoutShadows(o.Record, o.Shows, false)
	return in, true
}

// arrived ends the shadows of what a command of both wrote.
func (b *branch) arrived(o domain.Outcome) {
	if o.Result != domain.ResultApplied && o.Result != domain.ResultPartly {
		return
	}
	of := b.shadowsOf(o.Record)
	if len(of) == 0 {
		return
	}
	for write := range o.Sent {
		if f, ok := b.recorded.FieldFor(o.System, write); ok {
			of.end(f.Side(o.System).Read)
		}
	}
	b.keepShadows(o.Record, of)
}

// unheard takes from the outcome of a command that the branch does not have what the log's system shows since.
func (b *branch) unheard(o domain.Outcome, contact []byte) {
	if o.Made() {
		b.ghosts.put(about(o.Record), contact)
		return
	}
	of := b.shadowsOf(o.Record)
	if len(of) == 0 {
		return
	}
	for write := range o.Sent {
		f, _ := b.recorded.FieldFor(o.System, write)
		s := of.on(f.Side(o.System).Read)
		if s == nil {
			continue
		}
		told, read := o.Shows, b.field(s).Side(o.System).Read
		if _, ok := told[read]; !ok {
			told = domain.Properties{read: o.Sent[write]}
		}
		s.last = b.digestIn(s, o.System, told)
		s.showed(s.last)
	}
	b.keepShadows(o.Record, of)
}

// lose notes a recorded command that the branch does not issue: what it wrote is not news when the log tells it.
func (b *branch) lose(c planner.Command, d planner.Decision) {
	b.unissued.put(c.ID[:], d.Contact[:])
	if c.Kind != domain.KindUpdate {
		return
	}
	of := b.shadowsOf(c.Record)
	for write, digest := range c.Digests {
		if f, ok := b.recorded.FieldFor(c.System, write); ok {
			b.shadow(&of, c.Record, f.Side(c.System).Read, f, true).showed(digest)
		}
	}
	b.keepShadows(c.Record, of)
}
