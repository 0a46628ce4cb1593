package planner

import (
	"maps"
	"slices"

	"github.com/duolog/duolog/domain"
)

// load takes the field's stored state and draws in what the outcomes of its writes said.
func (p *fieldPass) load(f *Field) {
	if f != nil {
		p.stored = f.FieldState
	}
	p.now = p.stored // what it points to is never changed in place
	if f != nil && f.Landed.of(f.Restated) {
		p.now.Restated = nil
		if f.Landed.Result == domain.ResultWithdrawn {
			p.dropped = f.Restated
		}
	}
	w := p.stored.Pending
	if w == nil {
		return
	}
	if !f.Settled.of(w) {
		p.unsure = w
		return
	}
	p.now.Pending = nil
	s := f.Settled
	p.ended = s.Position
	reason, refused := s.Refused[p.f.Side(w.System).Write]
	switch {
	case p.toldBack(w) && (s.Result == domain.ResultWithdrawn || refused && reason == domain.ReasonChanged):
		// It had been made after all, and nobody knew: what the target shows since is a change of its own.
	case refused && reason == domain.ReasonChanged:
		p.withdrawn(w)
		t := p.sides.of(w.System)
		p.unguarded = t.digest == w.Over
		if t.system() == domain.Aloware && t.digest != w.Digest && p.sent(t.digest) {
			p.setBase(t.system(), t.digest) // an earlier write of ours, of which nobody heard
		}
	case s.Result == domain.ResultApplied, s.Result == domain.ResultSuperseded, s.Result == domain.ResultPartly && !refused:
		base := w.Digest
		if t := p.sides.of(w.System); t.answer != "" && t.answered >= s.Position {
			base = t.answer
		}
		if w.System == domain.HubSpot || p.now.Base[w.System] != w.Digest { // told back to the letter: another answer is a change
			p.setBase(w.System, base)
		}
		p.arrived()
	case s.Result == domain.ResultWithdrawn:
		p.withdrawn(w)
	case s.Reason == domain.ReasonExists && s.Existing == p.sides.of(w.System).rec.ID:
		p.existed(w)
	default:
		if reason == "" {
			reason = s.Reason
		}
		p.now.State, p.now.Result, p.now.Rule = Apart, Refused, reason
	}
}

// toldBack reports that the target told a write under way, which is the state the field was left in.
func (p *fieldPass) toldBack(w *PendingWrite) bool {
	return p.stored.State == InStep && p.now.Base[w.System] == w.Digest
}

// arrived ends a write well. A state that is not pending says what was decided since, not what became of the write.
func (p *fieldPass) arrived() {
	if p.stored.State == Pending {
		p.now.State, p.now.Result, p.now.Rule = InStep, "", ""
	}
}

// existed: the create that carried the value found the record this contact is now linked to. If that told our value
// back, or shows it, it was our own create, answered the second time, or as good as that; otherwise both sides are
// weighed as at first sight.
func (p *fieldPass) existed(w *PendingWrite) {
	p.adopted = true
	p.arrived()
	switch {
	case p.now.Base[w.System] == w.Digest:
	case p.sides.of(w.System).digest == w.Digest:
		p.setBase(w.System, w.Digest)
	default:
		p.now.Base, p.now.Meanwhile = nil, nil
	}
}

// withdrawn takes a write back that never left: its source has changed again, and is planned from the present.
func (p *fieldPass) withdrawn(w *PendingWrite) {
	if p.stored.undone() {
		p.now.Rule = ruleNotBack
		return
	}
	from := w.System.Other()
	p.now.State, p.now.Result, p.now.Rule = Dirty, Waiting, "withdrawn"
	if w.Was == "" {
		p.now.Base = nil
		return
	}
	p.now.Base = based(p.now.Base, from, w.Was)
}

// based returns the bases with another one for a side.
func based(base map[domain.System]string, s domain.System, digest string) map[domain.System]string {
	out := make(map[domain.System]string, len(domain.Systems))
	maps.Copy(out, base)
	out[s] = digest
	return out
}

// same reports that nothing has changed.
func (s FieldState) same(o FieldState) bool {
	alike := func(hasA, hasB bool) bool { return hasA == hasB }
	return s.State == o.State && s.Result == o.Result && s.Rule == o.Rule && s.From == o.From && s.Since == o.Since &&
		alike(s.Base == nil, o.Base == nil) && maps.Equal(s.Base, o.Base) &&
		alike(s.Recent == nil, o.Recent == nil) && slices.Equal(s.Recent, o.Recent) &&
		equal(s.Pending, o.Pending) && equal(s.Meanwhile, o.Meanwhile) && equal(s.Restated, o.Restated)
}

// equal reports two nils, or two of the same.
func equal[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

// setBase moves a side's base; what Aloware held before stays recognisable for a day.
func (p *fieldPass) setBase(s domain.System, digest string) {
	old, had := p.now.Base[s]
	if had && old == digest {
		return
	}
	p.now.Base = based(p.now.Base, s, digest)
	if s == domain.Aloware && old != "" && old != digest {
		p.remember(HeldValue{System: s, Digest: old, Held: true})
	}
}

// setBases moves both bases to what the sides show.
func (p *fieldPass) setBases() {
	if len(p.now.Base) > 0 {
		p.setBase(domain.Aloware, p.sides.aloware.digest)
		p.setBase(domain.HubSpot, p.sides.hubspot.digest)
		return
	}
	p.now.Base = map[domain.System]string{
		domain.Aloware: p.sides.aloware.digest, domain.HubSpot: p.sides.hubspot.digest,
	}
}

func (p *fieldPass) sends(s domain.System, digest string) {
	p.remember(HeldValue{System: s, Digest: digest})
}

func (p *fieldPass) remember(v HeldValue) {
	keep := make([]HeldValue, 0, len(p.now.Recent)+1)
	for _, h := range p.now.Recent {
		if (h.System != v.System || h.Digest != v.Digest) && p.in.RecordedAt-h.At <= dayMicros {
			keep = append(keep, h)
		}
	}
	v.At = p.in.RecordedAt
	keep = append(keep, v)
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
