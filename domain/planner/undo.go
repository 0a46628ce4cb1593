package planner

import (
	"encoding/json"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// The rules of an undo.
const (
	ruleUndo      = "put back as it was; the other side's value is not sent again until it changes"
	ruleNotBack   = "was to be put back, and was not: plan it again"
	ruleNoPair    = "no pair any more"
	ruleForgotten = "what it was before is not known"
	ruleOnItsWay  = "something is on its way"
	ruleOtherRow  = "not what the plan was made of"
	ruleEmpties   = "was empty before, and Aloware cannot be emptied"
	ruleConsent   = "consent is not put back"
)

// undone reports a field that was put back: it stands apart until the side it was not written to changes.
func (s FieldState) undone() bool { return s.State == Apart && s.Result == Undone }

// undo puts back what a row says, where its place still holds what it held when that was planned. What is left is said
// field by field, and of the contact.
func (p *pass) undo(c *Contact, row domain.PlanRow) {
	d := p.draft(c.ID)
	skip := func(rule string) { d.Whole = &Whole{Result: Skipped, Rule: rule} }
	none := func(rule string) {
		skip(rule)
		for _, b := range row.Back {
			*p.left = append(*p.left, Left{b.Field, Skipped, rule})
		}
	}
	a, h := p.standing(c.ID, domain.Aloware, domain.Record{}), p.standing(c.ID, domain.HubSpot, domain.Record{})
	switch {
	case p.v.BackDigest(row.Contact, row.Back) != row.Digest:
		none(ruleOtherRow)
		return
	case a == nil || h == nil || a.Link.State != Linked || h.Link.State != Linked || p.parked(d):
		none(ruleNoPair)
		return
	}
	w, outside := p.writes(d, a, h, "update"), !p.takesPart(a, h)
	for _, b := range row.Back {
		i := slices.IndexFunc(p.v.Control.Settings.Fields, func(f settings.Field) bool { return f.Name == b.Field })
		if i < 0 || !b.Record.System.Valid() {
			skip(ruleForgotten)
			continue
		}
		fp := p.field(d, i, a, h)
		fp.outside = outside
		fp.load(p.v.own(d.Contact).Fields[b.Field])
		if result, why := fp.undo(w, b); result != "" {
			skip(why)
			fp.leave(result, why)
			d.verdict(p, Verdict{Field: b.Field, Result: Skipped, Rule: why, After: fp.stored})
		}
	}
	p.flush(d, w)
}

// undo sends the value from before to its place, or returns why not.
func (p *fieldPass) undo(w *writes, b domain.PutBack) (Result, string) {
	sys := b.Record.System
	t, other := *p.sides.of(sys), *p.sides.of(sys.Other())
	switch {
	case t.rec.ID != b.Record || t.digest != b.Holds || t.rec.doubtful(p.f.Side(sys).Read):
		return Skipped, ruleChangedSince
	case p.now.State == Dirty && p.now.Result == HeldBack:
		return HeldBack, p.now.Rule
	case p.unsure != nil || p.now.Restated != nil || p.stirs():
		return Waiting, ruleOnItsWay
	}
	of := b.Record
	if b.Of.System.Valid() {
		of = b.Of
	}
	raw, known := p.v.before(b.Position, p.f.Side(of.System).Read)
	before := p.valued(t, of.System, raw)
	if !known || before.digest != b.Digest {
		return Skipped, ruleForgotten
	}
	if result, why := p.keepsBack(before, t); result != "" {
		return result, why
	}
	prop, value, err := p.f.Put(sys, before.text, p.v.env())
	if err != nil {
		return Invalid, reasonText(err)
	}
	if rule := p.guardedChange(p.d); rule != "" {
		return HeldBack, rule
	}
	p.backTo(w.to(sys), t, other, prop, value, before.digest)
	p.conclude(Verdict{Result: Sent, Rule: p.e.Operation.Name, Command: w.to(sys).id, Value: &Ref{
		Record: of, Property: p.f.Side(of.System).Read, Position: b.Position, Digest: b.Digest,
	}})
	return "", ""
}

// valued is a side as if it showed a value that a system told.
func (p *fieldPass) valued(t side, of domain.System, raw json.RawMessage) side {
	t.text, t.err = p.f.Read(of, raw, p.v.env())
	t.digest = p.v.Digester.Of(p.f.Name, t.text)
	return t
}

// keepsBack returns why a value from before may not go back, empty when it may. Whose value would count says nothing
// here; directions, the mode and what a system cannot do bind.
func (p *fieldPass) keepsBack(before, t side) (Result, string) {
	target := t.system()
	switch {
	case before.err != nil:
		return Invalid, reasonText(before.err)
	case p.f.Sticky():
		return Kept, ruleConsent
	case p.shut() != "":
		return Waiting, gateRule + p.shut()
	case !allowed(*p.f, target):
		return Blocked, p.f.Name + " is " + string(p.f.Direction)
	case p.outside:
		return OutOfScope, ruleOnly
	case !p.v.Control.Settings.Contacts.Update.Allows(target):
		return Blocked, "contacts.update = " + string(p.v.Control.Settings.Contacts.Update)
	case target == domain.Aloware && p.f.Name == settings.PhoneField:
		return Impossible, "Aloware cannot change a phone"
	case target == domain.Aloware && before.blank():
		return Impossible, ruleEmpties
	}
	if rule := p.withheld(p.d, t.rec, p.sides.of(target.Other()).rec); rule != "" {
		return Withheld, rule
	}
	return "", ""
}

// backTo writes a value from before over what its place shows. Both sides are taken as they are: neither has changed,
// and what the other one holds stays there.
func (p *fieldPass) backTo(u *update, t, other side, prop string, value json.RawMessage, digest string) {
	if t.system() == domain.HubSpot {
		p.now.Since = max(t.seen.Clock, 1)
	}
	p.setBase(t.system(), t.digest)
	p.setBase(other.system(), other.digest)
	p.now.Meanwhile = nil
	p.guard(u, prop, t)
	p.sends(t.system(), digest)
	u.values[prop], u.digests[prop] = value, digest
	p.now.Pending = &PendingWrite{System: t.system(), Command: u.id, Digest: digest, Was: other.digest, Over: t.digest}
	if digest == other.digest { // as good as if that side's value had been sent
		p.now.State, p.now.Result, p.now.Rule, p.now.From = Pending, "", "", other.system()
		return
	}
	p.now.State, p.now.Result, p.now.Rule, p.now.From = Apart, Undone, ruleUndo, ""
}
