package planner

import (
	"cmp"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

func allowed(f settings.Field, target domain.System) bool { return f.Direction.Allows(target) }

// lets reports whether switch and field both allow a value into the target.
func (p *fieldPass) lets(target domain.System) bool {
	return allowed(*p.f, target) && p.v.Control.Settings.Contacts.Update.Allows(target)
}

// flow sends one side's value to the other, or says why not.
func (p *fieldPass) flow(w *writes, from domain.System, rule string) {
	s, t := *p.sides.of(from), *p.sides.of(from.Other())
	v := Verdict{From: from, Rule: rule, Value: s.ref(*p.f)}
	busy := p.unsure != nil && p.unsure.System == t.system() && t.system() == domain.Aloware
	base, met := p.now.Base[t.system()]
	if changed := met && base != t.digest || !met && !t.blank(); changed && !busy {
		v.Loser = t.ref(*p.f)
	} else if from == domain.HubSpot {
		v.Loser = p.writtenAway()
	}
	if result, why := p.stops(s, t); result != "" {
		v.Result, v.Rule = result, why
		p.apart(v)
		return
	}
	prop, raw, err := p.f.Put(t.system(), s.text, p.v.env())
	if err != nil {
		v.Result, v.Rule = Invalid, reasonText(err)
		p.apart(v)
		return
	}
	if !p.f.Sticky() && p.held() { // a stop waits for no guard
		return
	}
	if kept := p.stored.State == Apart && p.stored.Result == Kept && p.stored.Rule != rulePlaceholder; kept && !t.blank() && !busy {
		v.Loser = t.ref(*p.f) // it was left as it was, until now
	}
	if t.system() == domain.HubSpot {
		p.now.Since = max(t.seen.Clock, 1) // also where it never told a value
	}
	was, over := p.now.Base[from], t.digest
	covers := p.lets(from) && (p.unsure.goesOver(s) || p.now.Restated.goesOver(s))
	if old := p.now.Pending; old != nil && old.System == t.system() {
		was, over = old.Was, old.Over
	}
	p.setBase(from, s.digest)
	if !busy {
		p.setBase(t.system(), t.digest)
		p.now.Meanwhile = nil
		p.guard(w.to(t.system()), prop, t)
	}
	p.sends(t.system(), s.digest)
	u := w.to(t.system())
	u.values[prop], u.digests[prop] = raw, s.digest
	p.now.Pending = &PendingWrite{System: t.system(), Command: u.id, Digest: s.digest, Was: was, Over: over}
	p.now.State, p.now.Result, p.now.Rule, p.now.From = Pending, "", "", from
	v.Result, v.Command = Sent, u.id
	if r := p.now.Restated; r != nil && r.System == t.system() {
		p.now.Restated = nil // this one follows it
	}
	if covers {
		p.restate(w.to(from), s, cmp.Or(p.now.Restated, p.unsure).Digest) // that one may still land: ours follows it
	}
	p.conclude(v)
}

// to reports a write to that system.
func (w *PendingWrite) to(s domain.System) bool { return w != nil && w.System == s }

// goesOver reports a write that would replace what its target shows.
func (w *PendingWrite) goesOver(t side) bool {
	return w.to(t.system()) && w.Digest != t.digest
}

// restate writes a side's own value back to it, behind a write of ours that goes, or went, over it.
func (p *fieldPass) restate(u *update, s side, over string) {
	prop, raw, err := p.f.Put(s.system(), s.text, p.v.env())
	if err == nil {
		u.values[prop], u.digests[prop] = raw, s.digest
		p.sends(s.system(), s.digest)
		p.now.Restated = &PendingWrite{
			System: s.system(), Command: u.id, Digest: s.digest, Over: over, Position: s.seen.Position,
		}
	}
}

// stops returns why a value may not flow, empty when it may.
func (p *fieldPass) stops(s, t side) (Result, string) {
	target := t.system()
	switch {
	case s.err != nil:
		return Invalid, reasonText(s.err)
	case !allowed(*p.f, target):
		return Blocked, p.f.Name + " is " + string(p.f.Direction)
	case p.f.Sticky():
		return "", ""
	case p.outside:
		return OutOfScope, ruleOnly
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
	for _, s := range domain.Systems {
		t := p.sides.of(s)
		if _, ok := p.now.Base[s]; !ok || s == v.From || v.From == "" || v.Loser != nil {
			p.setBase(s, t.digest)
		}
	}
	p.now.State, p.now.Result, p.now.Rule, p.now.From = Apart, v.Result, v.Rule, v.From
	if p.unsure == nil && p.sides.of(domain.Aloware).digest == p.sides.of(domain.HubSpot).digest {
		p.now.State, p.now.Result, p.now.Rule = InStep, "", ""
	}
	p.conclude(v)
}

// conclude records the verdict when it says or changes something.
func (p *fieldPass) conclude(v Verdict) {
	v.Field, v.After = p.f.Name, p.now
	if (v.Command.IsZero() || v.Result == Echo) && p.now.same(p.stored) {
		return
	}
	p.d.verdict(p.pass, v)
}
