package planner

import (
	"maps"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// decide finds which side changed and what follows. It works on the state, whatever the input was.
func (p *fieldPass) decide(w *writes) {
	if p.gated() {
		return
	}
	p.readable()
	_, hasA := p.now.Base[domain.Aloware]
	_, hasH := p.now.Base[domain.HubSpot]
	if p.unsure != nil {
		p.recognise()
		_, hasA = p.now.Base[domain.Aloware]
		_, hasH = p.now.Base[domain.HubSpot]
		if !hasA || !hasH {
			p.noteMeanwhile()
			p.conclude(Verdict{Result: Echo, From: p.unsure.System.Other(), Command: p.unsure.Command}) // the create is still on its way
			return
		}
	}
	if p.settled(w) || p.operated(w) {
		return
	}
	if !hasA || !hasH {
		p.first(w)
		return
	}
	ours := p.earlierWrite()
	noted := !ours && p.noteMeanwhile()
	a, h := p.changed(domain.Aloware), p.changed(domain.HubSpot)
	switch {
	case p.overrun():
		p.restore(w)
	case p.behind():
		p.stand(w, a)
	case h && p.asked && !p.pressing():
		p.wait()
	case p.overtaken(a, h):
		p.conflict(w)
	case h && !a && p.lateWrite():
		p.flow(w, domain.Aloware, "own late write")
	case p.writtenOver(a):
		p.weighMeanwhile(w, h)
	case !a && !h && p.toTheLetter():
		p.agree()
	case !a && !h && ours:
		p.conclude(Verdict{Result: Echo, Rule: "an earlier write", From: domain.HubSpot})
	case !a && !h && noted:
		p.conclude(Verdict{Result: Waiting, Rule: "told while our write is on its way", From: domain.Aloware, Value: p.heard()})
	case !a && !h:
		p.still(w)
	case p.sides.of(domain.Aloware).digest == p.sides.of(domain.HubSpot).digest && p.unsure == nil:
		p.agree()
	case a && h:
		p.conflict(w)
	case a:
		p.flow(w, domain.Aloware, "")
	default:
		p.flow(w, domain.HubSpot, "")
	}
}

// readable forgets what was agreed on a value that could not be read, since it is none of the choices, and now can: it
// is as at first sight. One that was to be sent counts as a change, which it was.
func (p *fieldPass) readable() {
	if !p.f.Listed() {
		return
	}
	for _, s := range domain.Systems {
		t := p.sides.of(s)
		sends := p.now.Result == Invalid && p.now.From == s
		if t.err == nil && !sends && p.now.Base[s] == p.v.invalid(p.f.Name, t.seen.Value) {
			p.now.Base = maps.Clone(p.now.Base)
			delete(p.now.Base, s)
		}
	}
}

// recognise takes the target's report of a write that is under way for what it is: an echo, or the target's own
// rendering of our value. It never is a change by the target.
func (p *fieldPass) recognise() {
	t := p.sides.of(p.unsure.System)
	if p.toldBackBefore(*t) {
		p.setBase(t.system(), p.unsure.Digest)
		p.now.State = InStep
		return
	}
	own := t.system() == domain.HubSpot && (t.seen.Own || t.digest == t.answer) // what an earlier write ended in is ours
	if t.digest != p.unsure.Digest && !own {
		return
	}
	if p.now.Base[t.system()] == t.digest {
		return
	}
	p.setBase(t.system(), t.digest)
}

// toldBackBefore reports that Aloware told our write while the sync stood still, and something else after it.
func (p *fieldPass) toldBackBefore(t side) bool {
	before := t.rec.Replaced[p.f.Side(t.system()).Read]
	if t.system() != domain.Aloware || !p.e.Release || t.digest == p.unsure.Digest || before.Position <= p.decidedAt() {
		return false
	}
	told, held := p.toldAs(before)
	return held && told.digest == p.unsure.Digest
}

// changed reports whether a side shows something else than its base, as far as that is to be believed now.
func (p *fieldPass) changed(s domain.System) bool {
	t := p.sides.of(s)
	differs := t.digest != p.now.Base[s]
	if s != domain.Aloware || p.unsure != nil && p.unsure.System == s {
		// Aloware names no author: while a write to it is under way, the read-back that follows will tell.
		return differs && s != domain.Aloware && !p.landedLate()
	}
	if t.seen.Hasty && t.rec.doubtful(p.f.Aloware.Read) || differs && !t.seen.Read && p.recent(s, t.digest) {
		p.confirm(p.d, t.rec) // an old body that comes late or again looks like a change: ask before it is believed
		p.asked = differs && t.rec.asked()
		return false
	}
	return differs
}

// behind reports that HubSpot shows a value we sent there earlier than the one that is on its way back: that one counts,
// once it has arrived. A read names no author.
func (p *fieldPass) behind() bool {
	h, r := p.sides.of(domain.HubSpot), p.now.Restated
	return r.goesOver(*h) && (h.seen.Own || h.seen.Read) && !p.tested() &&
		(h.digest == r.Over || p.recent(domain.HubSpot, h.digest))
}

// stand leaves the field as it is, but for what Aloware told, so that what outcomes say is weighed when that has ended. A
// change in Aloware that came after all of it goes behind.
func (p *fieldPass) stand(w *writes, alowareChanged bool) {
	if alowareChanged && p.unsure == nil && p.now.State == InStep {
		p.setBase(domain.HubSpot, p.sides.of(domain.HubSpot).digest) // ours, which nobody changed
		p.flow(w, domain.Aloware, "")
		return
	}
	told := p.now.Meanwhile
	p.now = p.stored
	p.now.Meanwhile = told
	p.conclude(Verdict{Result: Waiting, Rule: "ours went over it, and it is written again", From: domain.HubSpot})
}

// wait leaves a change in HubSpot until the answer tells whether Aloware changed as well: then both sides are weighed. What
// Aloware shows until then is noted: a write in doubt may go over it first.
func (p *fieldPass) wait() {
	h, a := p.sides.of(domain.HubSpot), p.sides.of(domain.Aloware)
	m := p.now.Meanwhile
	news := m == nil || m.Doubt && m.Digest != a.digest // told again it is none, whether that is planned or not
	if news && p.unsure == nil && !p.recent(domain.Aloware, a.digest) {
		p.now.Meanwhile = &Meanwhile{Digest: a.digest, Position: a.seen.Position, Doubt: true}
	}
	told := p.e.Release || p.e.Record == h.rec.ID && p.e.told(p.f.HubSpot.Read)
	if told || !p.now.same(p.stored) {
		p.d.verdict(p.pass, Verdict{
			Field: p.f.Name, Result: Waiting, Rule: "Aloware is asked first", From: domain.HubSpot, Value: h.ref(*p.f), After: p.now,
		})
	}
}

// pressing reports whether a change in HubSpot is weighed though Aloware is still asked: a write of ours goes over it, and
// once that is told back, nothing shows it any more. Where Aloware wins in any case, its answer can be waited for.
func (p *fieldPass) pressing() bool {
	if p.unsure == nil || p.unsure.System != domain.HubSpot || !p.overtaken(false, true) {
		return false
	}
	winner, _ := p.winner()
	return winner != domain.Aloware
}

// overtaken reports whether the target of a write under way changed before it told the write back: whose value ends
// there is not known, so the conflict rule decides.
func (p *fieldPass) overtaken(a, h bool) bool {
	if p.unsure == nil || p.now.Base[p.unsure.System] == p.unsure.Digest {
		return false
	}
	return p.unsure.System == domain.Aloware && a || p.unsure.System == domain.HubSpot && h
}

// toTheLetter reports that Aloware tells HubSpot's value as it is, where it was thought to render it otherwise: what it
// showed when our write was read back was somebody's change.
func (p *fieldPass) toTheLetter() bool {
	a := p.sides.of(domain.Aloware).digest
	return p.unsure == nil && p.now.State == InStep && a == p.now.Base[domain.HubSpot] && a != p.now.Base[domain.Aloware]
}

// lateWrite reports whether HubSpot shows a value we sent some time ago and it names us as the author: not a
// person's change, so what Aloware holds now is sent again.
func (p *fieldPass) lateWrite() bool {
	h := p.sides.of(domain.HubSpot)
	return p.unsure == nil && h.seen.Own && !p.tested() && h.digest != p.sides.of(domain.Aloware).digest && p.recent(domain.HubSpot, h.digest)
}

// tested reports a field that is under test in this contact: what our app writes to HubSpot then stands for a person's
// change.
func (p *fieldPass) tested() bool {
	return slices.ContainsFunc(p.v.Control.Operations, func(o Operation) bool {
		return o.Field == p.f.Name && !o.Contact.IsZero() && p.v.Contact(o.Contact) == p.v.Contact(p.d.Contact)
	})
}

// landedLate reports that HubSpot shows a value we wrote there, while one that came after it is on its way to Aloware:
// ours went over that one, and what Aloware ends in is sent again.
func (p *fieldPass) landedLate() bool {
	h := p.sides.of(domain.HubSpot)
	return p.unsure != nil && p.unsure.System == domain.Aloware && h.seen.Own && !p.tested() && h.digest != p.unsure.Digest &&
		p.recent(domain.HubSpot, h.digest)
}

// confirm reads a record, once, before a doubtful value is believed or an untold one taken for blank. A read that
// could not be answered, or found another record or none, is not sent again because of that: it would go round for ever.
// One that asked by a number the record no longer has is: who holds the old one says nothing.
func (p *pass) confirm(d *draft, r *Record) {
	asked, waiting := r.Link.Reading, r.asked()
	refused := p.e.Settled != nil && p.e.Settled.Command == asked && !p.unasked(r)
	vain := p.e.Answered && p.e.Answer == asked && (p.e.Record != r.ID || p.in.Type == domain.RecordAbsent) &&
		!p.askedByOldNumber(r)
	if !waiting && !refused && !vain {
		p.sendRead(d, r)
	}
}

// askedByOldNumber reports whether an Aloware record, which is asked for by its number, told another one since it was asked.
func (p *pass) askedByOldNumber(r *Record) bool {
	f, ok := p.v.field(settings.PhoneField)
	if !ok || r.ID.System != domain.Aloware {
		return false
	}
	number, _ := r.value(f.Aloware.Read)
	return number.Position > r.LinkAt
}

// still is a field neither side of which changed: an echo that closes a write, a refusal to tell, or nothing.
func (p *fieldPass) still(w *writes) {
	if p.adopted && p.now.State == InStep && p.atBase(domain.Aloware) && p.atBase(domain.HubSpot) {
		p.agree()
		return
	}
	if p.again(w) {
		return
	}
	if p.takenBack() {
		if p.sides.of(domain.Aloware).digest == p.sides.of(domain.HubSpot).digest {
			p.agree() // what was to be sent is not there any more
			return
		}
		p.flow(w, p.now.From, "taken back unsent")
		return
	}
	if p.now.State == Apart && p.now.Result == Refused && (p.stored.State == Pending || p.stored.undone()) {
		p.conclude(Verdict{Result: Refused, Rule: p.now.Rule, From: p.now.From})
		return
	}
	if p.told != nil && p.stored.Pending != nil {
		v := Verdict{Result: Echo, From: domain.HubSpot, Command: p.stored.Pending.Command}
		if lost := p.writtenAway(); lost != nil { // nothing can be put back as the field stands
			v = Verdict{Result: LostIt, Rule: "written over before it was known", From: domain.HubSpot, Loser: lost}
		}
		p.conclude(v)
		return
	}
	if !p.toldBackNow() {
		return
	}
	if p.now.State == Pending {
		p.now.State = InStep // told back; the outcome may still be to come
	}
	p.conclude(Verdict{Result: Echo, From: p.stored.Pending.System.Other(), Command: p.stored.Pending.Command})
}

// toldBackNow reports that the input, or what was told while the sync stood still, tells the pending write from where it went:
// the value itself, in HubSpot also another one with our name, or, when the write has ended, whatever it ended in.
func (p *fieldPass) toldBackNow() bool {
	w := p.stored.Pending
	if w == nil {
		return false
	}
	t := p.sides.of(w.System)
	ours := p.unsure == nil || t.digest == w.Digest ||
		t.system() == domain.HubSpot && t.seen.Own && !p.recent(domain.HubSpot, t.digest)
	told := p.e.Record == t.rec.ID && p.e.told(p.f.Side(w.System).Read)
	return ours && (told || p.e.Release && p.unsure != nil && t.seen.Position > p.decidedAt())
}

// takenBack reports a write that was withdrawn and is not told apart by the bases, since its value had been tried before.
func (p *fieldPass) takenBack() bool {
	return p.stored.State == Pending && p.now.State == Dirty && p.now.Result == Waiting && p.now.From.Valid()
}

// atBase reports that a side shows its base: a value that is doubted is neither a change nor what was agreed.
func (p *fieldPass) atBase(s domain.System) bool { return p.sides.of(s).digest == p.now.Base[s] }

// agree takes note that both sides hold the same. What Aloware told while a write was under way that nobody knows the end of
// is named with it: the write went over it, or somebody did what the write was to do.
func (p *fieldPass) agree() {
	p.setBases()
	p.now.State, p.now.Result, p.now.Rule, p.now.Pending = InStep, "", "", nil
	v := Verdict{Result: Agreed, Rule: "same on both sides", Loser: p.writtenAway()}
	if v.Loser == nil && p.dropped != nil {
		if t := p.sides.of(p.dropped.System); p.dropped.goesOver(*t) {
			v.Loser = &Ref{
				Record: t.rec.ID, Property: p.f.Side(t.system()).Read, Position: p.dropped.Position, Digest: p.dropped.Digest,
			}
		}
	}
	p.conclude(v)
}

// writtenAway names what Aloware told while a write was under way and does not show now that this has ended, nil for nothing.
func (p *fieldPass) writtenAway() *Ref {
	if p.told == nil || p.told.Digest == p.sides.of(domain.Aloware).digest {
		return nil
	}
	return p.noted(p.told)
}
