package planner

import (
	"cmp"
	"strings"

	"github.com/duolog/duolog/domain"
)

// gateRule begins the rule of a field that is held because its gate is shut.
const gateRule = "gate: "

// gated holds a field whose gate is shut, if there is anything to decide about it.
func (p *fieldPass) gated() bool {
	if p.shut() == "" || !p.stirs() || p.bothBlank() && p.v.Control.ShutFields[p.f.Name] == "" {
		return false
	}
	return p.held()
}

// shut says why the field's gate is shut, empty while it is open. One whose choices are not known is.
func (p *fieldPass) shut() string {
	return cmp.Or(p.v.Control.ShutFields[p.f.Name], p.v.env().Lacks(*p.f))
}

// bothBlank reports that there is nothing to be read on either side.
func (p *fieldPass) bothBlank() bool {
	return p.sides.of(domain.Aloware).blank() && p.sides.of(domain.HubSpot).blank()
}

// stirs reports whether a side shows something else than its base, or has none yet.
func (p *fieldPass) stirs() bool {
	for _, s := range domain.Systems {
		t := p.sides.of(s)
		if base, ok := p.now.Base[s]; !ok || base != t.digest {
			return true
		}
	}
	return false
}

// held keeps the field's bases as they are, and marks the contact for the day that what holds it is over.
func (p *fieldPass) held() bool {
	result, rule := Waiting, ""
	if why := p.shut(); why != "" {
		rule = gateRule + why
	} else if rule = p.guardedChange(p.d); rule != "" {
		result = HeldBack
	} else {
		return false
	}
	p.d.head.Dirty = true
	p.now.State, p.now.Result, p.now.Rule = Apart, result, rule
	p.conclude(Verdict{Result: p.now.Result, Rule: p.now.Rule})
	return true
}

// holds reports a field that was left as it was, to be decided later.
func (s FieldState) holds() bool {
	return s.State == Apart && (s.Result == Waiting && strings.HasPrefix(s.Rule, gateRule) ||
		s.Result == HeldBack && strings.HasPrefix(s.Rule, guardRule))
}

// again decides a field neither side of which changed, when that which kept its value back is over: a refusal that may
// not be one any more, or a hold.
func (p *fieldPass) again(w *writes) bool {
	switch {
	case p.mayTryAgain():
		p.flow(w, p.now.From, "tried again")
	case !p.stored.holds() || p.unsure != nil:
		return false
	case !p.now.holds(): // what became of a write that was on its way
		p.conclude(Verdict{Result: cmp.Or(p.now.Result, Agreed), Rule: p.now.Rule, From: p.now.From})
	case p.sides.of(domain.Aloware).digest == p.sides.of(domain.HubSpot).digest:
		p.agree()
	case p.shut() != "":
		return false
	case p.now.From.Valid():
		p.flow(w, p.now.From, "no longer held")
	default:
		p.apart(Verdict{Result: Kept, Rule: "no longer held"})
	}
	return true
}

// mayTryAgain reports a value that was refused, and may be taken now: a person says so, the system's properties, or the
// choices it is read through, are others than when it was sent, or Aloware has told since by which number the record is found. A number that was told
// with the input the write was decided on counts as told since: that costs one look-up more, and misses none.
func (p *fieldPass) mayTryAgain() bool {
	switch {
	case p.now.State != Apart || !p.now.From.Valid() || p.shut() != "",
		p.now.Result != Refused && (p.now.Result != Invalid || !p.f.Listed()):
		return false
	case p.now.Result == Invalid:
		return p.e.Force || p.decidedAt() < p.v.Control.Refit
	case p.now.Rule == domain.ReasonMoved:
		return p.e.Force || p.toldNumber(p.sides.of(domain.Aloware).rec) >= p.decidedAt()
	default:
		return p.e.Force || domain.Unfit(p.now.Rule) && p.decidedAt() < p.v.Control.Refit
	}
}

// decidedAt is the position of the input the field was last decided on.
func (p *fieldPass) decidedAt() int64 { return p.v.own(p.d.Contact).Fields[p.f.Name].At }

// awaitFit marks a contact with a value that was refused because of the system's properties, or that no choice known
// means: it is planned again when these change.
func (p *pass) awaitFit(d *draft) {
	for name, f := range p.v.own(d.Contact).Fields {
		if f.State != Apart {
			continue
		}
		sf, _ := p.v.field(name)
		if f.Result == Refused && domain.Unfit(f.Rule) || f.Result == Invalid && sf.Listed() {
			d.head.Dirty = true
		}
	}
}
