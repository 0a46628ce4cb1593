package planner

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

const (
	dayMicros    = 24 * hourMicros
	newestMargin = int64(2e6) // clocks closer than this, in µs, tell no order
	recentKept   = 8
)

// side is one field as one system shows it.
type side struct {
	rec    *Record
	seen   Seen
	text   string // canonical
	err    error  // not of the field's type
	digest string
	// answer is the digest of what the last outcome showed, "" for none, and answered that outcome's position.
	answer   string
	answered int64
}

func (s side) system() domain.System { return s.rec.ID.System }
func (s side) blank() bool           { return s.err == nil && s.text == "" }

// fieldPass decides one field of a linked contact.
type fieldPass struct {
	*pass
	d      *draft
	f      settings.Field
	sides  map[domain.System]side
	stored FieldState
	now    FieldState // stored, with the pending write's outcome drawn in
	// unsure is the pending write whose outcome is not known yet, nil for none.
	unsure *PendingWrite
}

// writes collects what a contact's fields send, one update per target.
type writes map[domain.System]*update

type update struct {
	id      ulid.ULID
	target  *Record
	source  domain.Record
	values  map[string]json.RawMessage
	digests map[string]string
}

// fields decides every mapped field of a contact that stands in both systems.
func (p *pass) fields(d *draft, a, h *Record) {
	w := writes{
		domain.Aloware: {target: a, source: h.ID, values: map[string]json.RawMessage{}, digests: map[string]string{}},
		domain.HubSpot: {target: h, source: a.ID, values: map[string]json.RawMessage{}, digests: map[string]string{}},
	}
	for i, s := range domain.Systems {
		w[s].id = domain.DeriveID(p.in.ID, "update/"+d.Contact.String(), s, i)
	}
	own := p.v.own(d.Contact)
	ap, hp := a.Properties(), h.Properties()
	for _, f := range p.v.Control.Settings.Fields {
		fp := &fieldPass{pass: p, d: d, f: f, sides: map[domain.System]side{
			domain.Aloware: p.side(f, a, ap), domain.HubSpot: p.side(f, h, hp),
		}}
		fp.load(own.Fields[f.Name])
		before := len(d.Fields)
		fp.decide(w)
		if len(d.Fields) == before {
			fp.stale()
		}
	}
	p.flush(d, w)
}

// stale says that the fact told a value older than the one seen: stored, and without effect.
func (p *fieldPass) stale() {
	s := p.e.Record.System
	if !s.Valid() || p.sides[s].rec.ID != p.e.Record || !p.e.Stale[p.f.Side(s).Read] {
		return
	}
	p.d.verdict(p.pass, Verdict{Field: p.f.Name, Result: Stale, Rule: "a newer value was seen", From: s, After: p.stored})
}

// flush turns the collected values into commands.
func (p *pass) flush(d *draft, w writes) {
	for _, s := range domain.Systems {
		u := w[s]
		if len(u.values) == 0 {
			continue
		}
		phone, _, _ := p.phone(u.target)
		c := Command{ID: u.id, Kind: domain.KindUpdate, System: s, Record: u.target.ID, Source: u.source, Digests: u.digests}
		d.Commands = append(d.Commands, c)
		d.outgoing = append(d.outgoing, Outgoing{
			Command: c, Contact: d.Contact, Values: u.values, Phone: phone,
			Properties: p.v.Control.Settings.ReadProperties(s),
		})
	}
}

func (p *pass) side(f settings.Field, r *Record, props domain.Properties) side {
	s := side{rec: r}
	s.seen, _ = r.value(f.Side(r.ID.System).Read)
	s.text, _, s.err = f.Get(r.ID.System, props, p.v.env)
	if s.err != nil {
		s.digest = p.invalidDigest(f, r)
	} else {
		s.digest = p.v.Digester.Of(f.Name, s.text)
	}
	if a, ok := r.Answers[f.Side(r.ID.System).Read]; ok {
		s.answer, s.answered = p.answerDigest(f, r.ID.System, a), a.Position
	}
	return s
}

func (p *pass) answerDigest(f settings.Field, sys domain.System, a Seen) string {
	text, _, err := f.Get(sys, domain.Properties{f.Side(sys).Read: a.Value}, p.v.env)
	if err != nil {
		return p.v.Digester.Of(f.Name, "\x01"+string(a.Value))
	}
	return p.v.Digester.Of(f.Name, text)
}

// invalidDigest tells one invalid value from another, so that each is reported once.
func (p *pass) invalidDigest(f settings.Field, r *Record) string {
	seen, _ := r.value(f.Side(r.ID.System).Read)
	return p.v.Digester.Of(f.Name, "\x01"+string(seen.Value))
}

func reasonText(err error) string {
	var bad *domain.InvalidError
	if errors.As(err, &bad) {
		return bad.Error()
	}
	return "not a valid value"
}

func ref(r *Record, f settings.Field, digest string) *Ref {
	prop := f.Side(r.ID.System).Read
	seen, _ := r.value(prop)
	return &Ref{Record: r.ID, Property: prop, Position: seen.Position, Digest: digest}
}

func (d *draft) verdict(p *pass, v Verdict) {
	d.Fields = append(d.Fields, v)
	p.v.applyField(d.Contact, v.Field, v.After, p.in.Position)
}

// load takes the field's stored state and draws in what the outcome of its pending write said.
func (p *fieldPass) load(f *Field) {
	if f != nil {
		p.stored = f.FieldState
	}
	p.now = p.stored.clone()
	w := p.stored.Pending
	if w == nil {
		return
	}
	if f.Settled == nil || f.Settled.Command != w.Command {
		p.unsure = w
		return
	}
	p.now.Pending = nil
	s := f.Settled
	reason, refused := s.Refused[p.f.Side(w.System).Write]
	switch {
	case s.Result == domain.ResultApplied, s.Result == domain.ResultSuperseded, s.Result == domain.ResultPartly && !refused:
		base := w.Digest
		if t := p.sides[w.System]; t.answer != "" && t.answered >= s.Position {
			base = t.answer
		}
		p.setBase(w.System, base)
		p.now.State, p.now.Result, p.now.Rule = InStep, "", ""
	case s.Result == domain.ResultWithdrawn:
		p.withdrawn(w)
	default:
		if reason == "" {
			reason = s.Reason
		}
		p.now.State, p.now.Result, p.now.Rule = Apart, Refused, reason
	}
}

// withdrawn takes a write back that never left: its source has changed again, and is planned from the present.
func (p *fieldPass) withdrawn(w *PendingWrite) {
	from := w.System.Other()
	p.now.State, p.now.Result, p.now.Rule = Dirty, Waiting, "withdrawn"
	if w.Was == "" {
		p.now.Base = nil
		return
	}
	p.now.Base[from] = w.Was
}

func (s FieldState) clone() FieldState {
	s.Base = maps.Clone(s.Base)
	s.Recent = slices.Clone(s.Recent)
	if s.Pending != nil {
		w := *s.Pending
		s.Pending = &w
	}
	return s
}

// setBase moves a side's base; what Aloware held before stays recognisable for a day.
func (p *fieldPass) setBase(s domain.System, digest string) {
	if p.now.Base == nil {
		p.now.Base = map[domain.System]string{}
	}
	old := p.now.Base[s]
	p.now.Base[s] = digest
	if s == domain.Aloware && old != "" && old != digest {
		p.remember(s, old)
	}
}

func (p *fieldPass) remember(s domain.System, digest string) {
	keep := slices.DeleteFunc(p.now.Recent, func(h HeldValue) bool {
		return h.System == s && h.Digest == digest || p.in.RecordedAt-h.At > dayMicros
	})
	keep = append(keep, HeldValue{System: s, Digest: digest, At: p.in.RecordedAt})
	if len(keep) > recentKept {
		keep = keep[len(keep)-recentKept:]
	}
	p.now.Recent = keep
}

func (p *fieldPass) recent(s domain.System, digest string) bool {
	return slices.ContainsFunc(p.now.Recent, func(h HeldValue) bool {
		return h.System == s && h.Digest == digest && p.in.RecordedAt-h.At <= dayMicros
	})
}

// decide finds which side changed and what follows. It works on the state, whatever the input was.
func (p *fieldPass) decide(w writes) {
	if reason, shut := p.v.Control.ShutFields[p.f.Name]; shut {
		p.shut(reason)
		return
	}
	_, hasA := p.now.Base[domain.Aloware]
	_, hasH := p.now.Base[domain.HubSpot]
	if p.unsure != nil {
		p.recognise()
		_, hasA = p.now.Base[domain.Aloware]
		_, hasH = p.now.Base[domain.HubSpot]
		if !hasA || !hasH {
			p.conclude(Verdict{Result: Echo, From: p.unsure.System.Other(), Command: p.unsure.Command}) // the create is still on its way
			return
		}
	}
	if !hasA || !hasH {
		p.first(w)
		return
	}
	a, h := p.changed(domain.Aloware), p.changed(domain.HubSpot)
	switch {
	case p.overtaken(a, h):
		p.conflict(w)
	case h && !a && p.lateWrite():
		p.flow(w, domain.Aloware, "own late write")
	case !a && !h:
		p.still(w)
	case p.sides[domain.Aloware].digest == p.sides[domain.HubSpot].digest && p.unsure == nil:
		p.agree()
	case a && h:
		p.conflict(w)
	case a:
		p.flow(w, domain.Aloware, "")
	default:
		p.flow(w, domain.HubSpot, "")
	}
}

// recognise takes the target's report of a write that is under way for what it is: an echo, or the target's own
// rendering of our value. It never is a change by the target.
func (p *fieldPass) recognise() {
	t := p.sides[p.unsure.System]
	own := t.system() == domain.HubSpot && t.seen.Own
	if t.digest != p.unsure.Digest && !own {
		return
	}
	if p.now.Base[t.system()] == t.digest {
		return
	}
	p.setBase(t.system(), t.digest)
}

// changed reports whether a side shows something else than its base, as far as that is to be believed now.
func (p *fieldPass) changed(s domain.System) bool {
	t := p.sides[s]
	if t.digest == p.now.Base[s] {
		return false
	}
	if s != domain.Aloware {
		return true
	}
	if p.unsure != nil && p.unsure.System == s {
		return false // Aloware names no author: the read-back that follows the write will tell
	}
	if !t.seen.Read && (t.seen.Hasty || p.recent(s, t.digest)) {
		p.confirm(p.d, t.rec) // an old body that comes late or again looks like a change: ask before anything is sent
		return false
	}
	return true
}

// overtaken reports whether the target of a write under way changed before it told the write back: whose value ends
// there is not known, so the conflict rule decides.
func (p *fieldPass) overtaken(a, h bool) bool {
	if p.unsure == nil || p.now.Base[p.unsure.System] == p.unsure.Digest {
		return false
	}
	return p.unsure.System == domain.Aloware && a || p.unsure.System == domain.HubSpot && h
}

// lateWrite reports whether HubSpot shows a value we sent some time ago and it names us as the author: not a
// person's change, so what Aloware holds now is sent again.
func (p *fieldPass) lateWrite() bool {
	h := p.sides[domain.HubSpot]
	return p.unsure == nil && h.seen.Own && p.recent(domain.HubSpot, h.digest)
}

// confirm reads an Aloware record, once, before a doubtful value is believed.
func (p *pass) confirm(d *draft, r *Record) {
	if r.Link.Reading.IsZero() || r.Link.Reading == r.ReadDone {
		p.sendRead(d, r)
	}
}

// still is a field neither side of which changed: an echo that closes a write, a refusal to tell, or nothing.
func (p *fieldPass) still(w writes) {
	if p.e.Force && p.now.State == Apart && p.now.Result == Refused && p.now.From.Valid() {
		p.flow(w, p.now.From, "tried again")
		return
	}
	if p.now.State == Apart && p.now.Result == Refused && p.stored.State == Pending {
		p.conclude(Verdict{Result: Refused, Rule: p.now.Rule, From: p.now.From})
		return
	}
	told := p.e.Record.System.Valid() && p.stored.Pending != nil && p.e.Record == p.sides[p.stored.Pending.System].rec.ID &&
		p.e.Told[p.f.Side(p.stored.Pending.System).Read]
	if !told {
		return
	}
	if p.now.State == Pending {
		p.now.State = InStep // told back; the outcome may still be to come
	}
	p.conclude(Verdict{Result: Echo, From: p.stored.Pending.System.Other(), Command: p.stored.Pending.Command})
}

// agree takes note that both sides hold the same.
func (p *fieldPass) agree() {
	for s, t := range p.sides {
		p.setBase(s, t.digest)
	}
	p.now.State, p.now.Result, p.now.Rule, p.now.Pending = InStep, "", "", nil
	p.conclude(Verdict{Result: Agreed, Rule: "same on both sides"})
}

// first is a field's first sight in a linked contact: there is no base, so the first-value rule speaks.
func (p *fieldPass) first(w writes) {
	a, h := p.sides[domain.Aloware], p.sides[domain.HubSpot]
	switch {
	case a.seen.Hasty:
		p.confirm(p.d, a.rec)
	case a.err == nil && h.err == nil && a.digest == h.digest:
		p.agree()
	case a.blank():
		p.flow(w, domain.HubSpot, "fills a blank")
	case h.blank():
		p.flow(w, domain.Aloware, "fills a blank")
	default:
		p.firstDiffers(w)
	}
}

func (p *fieldPass) firstDiffers(w writes) {
	rule := "initial = " + string(p.f.Initial)
	switch p.f.Initial {
	case settings.FillBlanks:
		p.apart(Verdict{Result: Kept, Rule: rule})
	case settings.Review:
		p.now.State, p.now.Result, p.now.Rule = Dirty, HeldBack, rule
		p.conclude(Verdict{Result: HeldBack, Rule: rule})
	case settings.AlowareWins:
		p.flow(w, domain.Aloware, rule)
	case settings.NewestWins:
		winner, known := p.newest()
		if !known {
			rule += ": time unknown"
		}
		p.flow(w, winner, rule)
	default:
		p.flow(w, domain.HubSpot, rule)
	}
}

// newest returns the side whose value is surely later, HubSpot when that cannot be told.
func (p *fieldPass) newest() (winner domain.System, known bool) {
	a, h := p.sides[domain.Aloware].seen, p.sides[domain.HubSpot].seen
	if a.Read || h.Read || max(a.Clock-h.Clock, h.Clock-a.Clock) <= newestMargin {
		return domain.HubSpot, false
	}
	if a.Clock > h.Clock {
		return domain.Aloware, true
	}
	return domain.HubSpot, true
}

// conflict: both sides changed. Directions bind first, then the rule.
func (p *fieldPass) conflict(w writes) {
	toA, toH := p.lets(domain.Aloware), p.lets(domain.HubSpot)
	rule := "conflict = " + string(p.f.Conflict)
	winner := domain.HubSpot
	switch {
	case toA && !toH:
		rule = "only " + string(settings.ToAloware)
	case toH && !toA:
		winner, rule = domain.Aloware, "only "+string(settings.ToHubSpot)
	case p.f.Conflict == settings.AlowareWins:
		winner = domain.Aloware
	case p.f.Conflict == settings.NewestWins:
		var known bool
		if winner, known = p.newest(); !known {
			rule += ": time unknown"
		}
	case p.f.Conflict == settings.Review:
		p.now.State, p.now.Result, p.now.Rule = Dirty, HeldBack, rule
		p.conclude(Verdict{Result: HeldBack, Rule: rule})
		return
	}
	p.flow(w, winner, rule)
}

func allowed(f settings.Field, target domain.System) bool { return f.Direction.Allows(target) }

// lets reports whether switch and field both allow a value into the target.
func (p *fieldPass) lets(target domain.System) bool {
	return allowed(p.f, target) && p.v.Control.Settings.Contacts.Update.Allows(target)
}

// flow sends one side's value to the other, or says why not.
func (p *fieldPass) flow(w writes, from domain.System, rule string) {
	s, t := p.sides[from], p.sides[from.Other()]
	v := Verdict{From: from, Rule: rule, Value: ref(s.rec, p.f, s.digest)}
	if base, ok := p.now.Base[t.system()]; ok && base != t.digest {
		v.Loser = ref(t.rec, p.f, t.digest)
	}
	if result, why := p.stops(s, t); result != "" {
		v.Result, v.Rule = result, why
		p.apart(v)
		return
	}
	prop, raw, err := p.f.Put(t.system(), s.text, p.v.env)
	if err != nil {
		v.Result, v.Rule = Invalid, reasonText(err)
		p.apart(v)
		return
	}
	was := p.now.Base[from]
	if old := p.now.Pending; old != nil && old.System == t.system() {
		was = old.Was
	}
	lost := p.unsure != nil && p.unsure.System == from && s.digest != p.unsure.Digest
	p.setBase(from, s.digest)
	p.setBase(t.system(), t.digest)
	p.remember(t.system(), s.digest)
	u := w[t.system()]
	u.values[prop], u.digests[prop] = raw, s.digest
	p.now.Pending = &PendingWrite{System: t.system(), Command: u.id, Digest: s.digest, Was: was}
	p.now.State, p.now.Result, p.now.Rule, p.now.From = Pending, "", "", from
	v.Result, v.Command = Sent, u.id
	if lost {
		p.restate(w[from], s) // an earlier write to this side may still land: ours follows it
	}
	p.conclude(v)
}

// restate writes a side's own value back to it, after an uncertain write that would replace it.
func (p *fieldPass) restate(u *update, s side) {
	prop, raw, err := p.f.Put(s.system(), s.text, p.v.env)
	if err == nil {
		u.values[prop], u.digests[prop] = raw, s.digest
	}
}

// stops returns why a value may not flow, empty when it may.
func (p *fieldPass) stops(s, t side) (Result, string) {
	target := t.system()
	switch {
	case s.err != nil:
		return Invalid, reasonText(s.err)
	case !allowed(p.f, target):
		return Blocked, p.f.Name + " is " + string(p.f.Direction)
	case !p.v.Control.Settings.Contacts.Update.Allows(target):
		return Blocked, "contacts.update = " + string(p.v.Control.Settings.Contacts.Update)
	case s.blank() && p.f.Blank == settings.BlankKeep:
		return Kept, "blank = keep"
	case p.f.Overwrite == settings.OverwriteNever && !t.blank():
		return Kept, "overwrite = never"
	case p.f.Overwrite == settings.OverwriteIfBlank && !t.blank():
		return Kept, "overwrite = if_blank"
	case target == domain.Aloware && p.f.Name == settings.PhoneField:
		return Impossible, "Aloware cannot change a phone"
	}
	if rule := p.withheld(p.d, s.rec, t.rec); rule != "" {
		return Withheld, rule
	}
	return "", ""
}

// apart leaves the sides as they are and says so; nothing is sent for it until a side changes again.
func (p *fieldPass) apart(v Verdict) {
	for s, t := range p.sides {
		if _, ok := p.now.Base[s]; !ok || s == v.From || v.From == "" || v.Loser != nil {
			p.setBase(s, t.digest)
		}
	}
	p.now.State, p.now.Result, p.now.Rule, p.now.From = Apart, v.Result, v.Rule, v.From
	if p.sides[domain.Aloware].digest == p.sides[domain.HubSpot].digest {
		p.now.State, p.now.Result, p.now.Rule = InStep, "", ""
	}
	p.conclude(v)
}

// shut keeps bases as they are while the field's gate is closed and marks the contact for the day it opens.
func (p *fieldPass) shut(reason string) {
	p.d.head.Dirty = true
	p.now.State, p.now.Result, p.now.Rule = Dirty, Waiting, "gate: "+reason
	p.conclude(Verdict{Result: Waiting, Rule: p.now.Rule})
}

// conclude records the verdict when it says or changes something.
func (p *fieldPass) conclude(v Verdict) {
	v.Field, v.After = p.f.Name, p.now
	if (v.Command.IsZero() || v.Result == Echo) && reflect.DeepEqual(p.now, p.stored) {
		return
	}
	p.d.verdict(p.pass, v)
}

// withheld returns the rule by which the mode keeps a write back, empty when it may go.
func (p *pass) withheld(_ *draft, r, other *Record) string {
	switch {
	case p.v.Control.Mode == domain.ModeObserve:
		return "mode = observe"
	case p.e.Withhold:
		return "going live sends nothing retroactively"
	case p.v.Control.Mode != domain.ModePilot:
		return ""
	case p.v.filter != nil && !p.v.filter.Match(p.getter(r, other)):
		return "mode = pilot: not in its filter"
	case p.v.Control.Pilot.MaxWritesPerHour > 0 &&
		p.v.Control.Writes[p.in.RecordedAt/hourMicros] >= p.v.Control.Pilot.MaxWritesPerHour:
		return "mode = pilot: at most so many writes an hour"
	default:
		return ""
	}
}

// getter looks a field up for the pilot filter: HubSpot's value counts, Aloware's where HubSpot has none.
func (p *pass) getter(records ...*Record) func(string) (string, bool) {
	return func(name string) (string, bool) {
		f, ok := p.v.field(name)
		if !ok {
			return "", false
		}
		text := ""
		for _, r := range records {
			if r == nil {
				continue
			}
			got, _, err := f.Get(r.ID.System, r.Properties(), p.v.env)
			if err == nil && got != "" && (text == "" || r.ID.System == domain.HubSpot) {
				text = got
			}
		}
		return text, text != ""
	}
}
