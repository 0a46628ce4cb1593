package planner

import (
	"encoding/json"
	"slices"

	"github.com/duolog/duolog/domain"
)

// Aloware names no author and no time, so while a write to it is under way nobody can say whether what it tells is
// our value, an older one that comes late, or a person's change that our write goes over. What it tells is noted; when
// the outcome shows where the write ended, the conflict rule speaks about it as if it had been told in time.

// guard lets a value go over what the target showed, and nothing else: Aloware is looked at before each write, HubSpot
// before those of fields that ask for it. There, what shows behind a write of ours that is under way is not known yet.
func (p *fieldPass) guard(u *update, prop string, t side) {
	behind := p.unsure.to(t.system()) || p.now.Restated.to(t.system())
	if p.unguarded || p.f.Sticky() || t.system() == domain.HubSpot && (!p.f.Guard || behind) {
		return
	}
	known := t.seen.Value
	if len(known) == 0 {
		known = json.RawMessage("null")
	}
	u.expects[prop] = Expected{Property: p.f.Side(t.system()).Read, Value: known}
}

// noteMeanwhile notes what Aloware shows while a write to it is under way, and reports whether that is news.
func (p *fieldPass) noteMeanwhile() bool {
	w := p.unheard()
	if w == nil {
		return false
	}
	t, before := p.heardLast(w), p.now.Meanwhile
	base := p.now.Base[domain.Aloware]
	switch t.digest {
	case w.Over:
		// Told, it was taken back by the person; told after our write was, it only came late. What an earlier write of
		// ours ended in takes nothing back.
		switch {
		case base != w.Over || t.answered == t.seen.Position:
		case before != nil && t.rec.doubtful(p.f.Aloware.Read): // of two that were told at once nobody knows the first
			p.now.Meanwhile = &Meanwhile{Digest: before.Digest, Position: before.Position, Clock: before.Clock, Doubt: true}
		default:
			p.now.Meanwhile = nil
		}
	case w.Digest, base: // told back: what was told before it stays noted
	case t.answer: // of an earlier write: its rendering there
		if before != nil && before.Digest == t.digest {
			p.now.Meanwhile = nil
		}
	default:
		switch {
		case before == nil:
		case before.Digest == t.digest:
			return false
		case p.sent(t.digest) && !p.recent(domain.Aloware, before.Digest):
			return p.unsure != nil // an earlier write of ours stands for nobody
		}
		p.now.Meanwhile = &Meanwhile{Digest: t.digest, Position: t.seen.Position, Doubt: p.dubious(t) || p.toldAfter(t)}
		if !t.seen.Read {
			p.now.Meanwhile.Clock = t.seen.Clock
		}
	}
	after := p.now.Meanwhile
	return (before == nil) != (after == nil) || before != nil && *before != *after
}

// sent reports a value that was sent to Aloware lately and is not known to have been there and left.
func (p *fieldPass) sent(digest string) bool {
	return slices.ContainsFunc(p.now.Recent, func(h HeldValue) bool {
		return h.System == domain.Aloware && h.Digest == digest && !h.Held && p.in.RecordedAt-h.At <= dayMicros
	})
}

// heard names what was noted, or what Aloware shows where nothing is noted any more.
func (p *fieldPass) heard() *Ref {
	if p.now.Meanwhile != nil {
		return p.noted(p.now.Meanwhile)
	}
	return p.sides.of(domain.Aloware).ref(*p.f)
}

// noted names a value that was told while a write was under way.
func (p *fieldPass) noted(m *Meanwhile) *Ref {
	return &Ref{
		Record: p.sides.of(domain.Aloware).rec.ID, Property: p.f.Aloware.Read, Position: m.Position, Digest: m.Digest,
	}
}

// unheard is the write to Aloware during which something may have been told that nobody has looked at yet: one under
// way, or, when the sync opens, one that ended while it stood still and is what Aloware shows.
func (p *fieldPass) unheard() *PendingWrite {
	w := p.unsure
	if w == nil && p.e.Release && p.ended > 0 {
		w = p.stored.Pending
		well := p.now.State == InStep && p.atBase(domain.Aloware)
		if !well && (p.now.Result != Waiting || p.sides.of(domain.Aloware).digest != w.Digest) { // or withdrawn
			return nil
		}
	}
	if w == nil || w.System != domain.Aloware {
		return nil
	}
	return w
}

// heardLast is what Aloware shows; or, where the sync stood still and our write was told back meanwhile, what it told
// before that.
func (p *fieldPass) heardLast(w *PendingWrite) side {
	t := *p.sides.of(domain.Aloware)
	toldBack := t.digest == w.Digest || p.unsure == nil // then it shows what the write ended in
	if !p.e.Release || !toldBack || t.digest == w.Over {
		return t
	}
	for _, before := range []Seen{t.rec.Seen[p.f.Aloware.Read], t.rec.Replaced[p.f.Aloware.Read]} {
		if before.Position <= p.decidedAt() {
			continue
		}
		if told, held := p.toldAs(before); held && told.digest != t.digest && told.digest != t.answer {
			return told
		}
	}
	return t
}

// toldAfter reports a value that was told after the write had ended: it came late, or somebody took it back.
func (p *fieldPass) toldAfter(t side) bool { return p.ended > 0 && t.seen.Position > p.ended }

// earlierWrite takes what Aloware shows for the end of an earlier write than the pending one, or than one that was taken
// back, where that write's outcome says so: it is ours, and nobody's change.
func (p *fieldPass) earlierWrite() bool {
	t := p.sides.of(domain.Aloware)
	answers := t.answer == t.digest && t.answered == t.seen.Position && t.answered != p.ended
	if !answers || t.digest == p.now.Base[domain.Aloware] || !p.recent(domain.Aloware, t.digest) {
		return false
	}
	p.setBase(domain.Aloware, t.digest)
	if m := p.now.Meanwhile; m != nil && m.Digest == t.digest {
		p.now.Meanwhile = nil
	}
	return true
}

// dubious reports a value of Aloware that may be an older one.
func (p *fieldPass) dubious(t side) bool {
	return t.rec.doubtful(p.f.Aloware.Read) || !t.seen.Read && p.recent(domain.Aloware, t.digest)
}

// writtenOver reports whether a write to Aloware that has ended went over a value told meanwhile. What the outcome
// shows itself is no loss; and where Aloware shows a change now, that is what counts.
func (p *fieldPass) writtenOver(changed bool) bool {
	m := p.now.Meanwhile
	if m == nil || p.unsure != nil {
		return false
	}
	if changed || m.Digest == p.sides.of(domain.Aloware).digest || p.now.State != InStep {
		p.told, p.now.Meanwhile = m, nil
		return false
	}
	return true
}

// weighMeanwhile lets the conflict rule speak about a value our write went over. Where Aloware wins it goes to both
// sides again.
func (p *fieldPass) weighMeanwhile(w *writes, hubspotChanged bool) {
	m, shown := *p.now.Meanwhile, *p.sides.of(domain.Aloware)
	p.now.Meanwhile = nil
	told, held := p.toldMeanwhile(m)
	*p.sides.of(domain.Aloware) = told
	winner, rule := p.winner()
	*p.sides.of(domain.Aloware) = shown
	loser := p.noted(&m)
	switch {
	case m.Doubt:
		rule += ": may have been told late"
	case !held:
		rule += ": told again since"
	case !winner.Valid():
		p.now.State, p.now.Result, p.now.Rule = Dirty, HeldBack, rule
		p.conclude(Verdict{Result: HeldBack, Rule: rule, Loser: loser})
		return
	case winner == domain.Aloware && p.lets(domain.HubSpot) && p.lets(domain.Aloware):
		p.putBack(w, told, shown, rule)
		return
	}
	if !hubspotChanged {
		p.conclude(Verdict{Result: LostIt, Rule: rule, From: domain.HubSpot, Loser: loser})
		return
	}
	p.flow(w, domain.HubSpot, rule)
	p.d.Fields[len(p.d.Fields)-1].Loser = loser
}

// putBack sends a value our write went over to both sides.
func (p *fieldPass) putBack(w *writes, told, shown side, rule string) {
	*p.sides.of(domain.Aloware) = told
	p.flow(w, domain.Aloware, rule+": written over before it was known")
	if p.now.Pending == nil || p.now.Pending.System != domain.HubSpot {
		return
	}
	p.restate(w.to(domain.Aloware), told, shown.digest)
	p.setBase(domain.Aloware, shown.digest) // what Aloware shows until that has arrived
	p.sends(domain.Aloware, told.digest)
	p.amend()
}

// toldMeanwhile finds the value that was noted.
func (p *fieldPass) toldMeanwhile(m Meanwhile) (side, bool) {
	t := *p.sides.of(domain.Aloware)
	prop := p.f.Aloware.Read
	for _, seen := range []Seen{t.rec.Seen[prop], t.rec.Replaced[prop]} {
		if told, ok := p.toldAs(seen); ok && seen.Position >= m.Position && told.digest == m.Digest {
			return told, true
		}
	}
	return t, false
}

// toldAs is Aloware's side as it was told before; false for a value that is none of the field's type.
func (p *fieldPass) toldAs(seen Seen) (side, bool) {
	told := *p.sides.of(domain.Aloware)
	told.seen = seen
	told.text, told.err = p.f.Read(domain.Aloware, seen.Value, p.v.env())
	told.digest = p.v.Digester.Of(p.f.Name, told.text)
	return told, told.err == nil
}
