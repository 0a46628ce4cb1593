package planner

import (
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// first is a field's first sight in a linked contact: there is no base, so the first-value rule speaks.
func (p *fieldPass) first(w *writes) {
	a, h := *p.sides.of(domain.Aloware), *p.sides.of(domain.HubSpot)
	switch {
	case p.mappedSince(a.rec, h.rec) && p.e.Scanned:
		return // changing a mapping sends nothing by itself, nor does a look at what is there: an operation does
	case a.rec.doubtful(p.f.Aloware.Read):
		p.confirm(p.d, a.rec)
	case p.v.Untold(h.rec, p.f.HubSpot.Read):
		p.confirm(p.d, h.rec)
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

// mappedSince reports a field that was mapped after its records became a pair.
func (p *fieldPass) mappedSince(a, h *Record) bool {
	return p.v.Control.Mapped[p.f.HubSpot.Read] > max(a.LinkAt, h.LinkAt)
}

func (p *fieldPass) firstDiffers(w *writes) {
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

// newest returns the side whose value is surely later, HubSpot when that cannot be told: what Aloware is still asked about
// may be an old value that came late.
func (p *fieldPass) newest() (winner domain.System, known bool) {
	a, h := p.sides.of(domain.Aloware).seen, p.sides.of(domain.HubSpot).seen
	if m := p.told; m != nil && m.Clock > 0 && !m.Doubt && m.Digest == p.sides.of(domain.Aloware).digest {
		a.Clock, a.Read = m.Clock, false // told by webhook before the look-up that shows it now
	}
	if a.Read || h.Read || p.asked || max(a.Clock-h.Clock, h.Clock-a.Clock) <= newestMargin {
		return domain.HubSpot, false
	}
	if a.Clock > h.Clock {
		return domain.Aloware, true
	}
	return domain.HubSpot, true
}

// conflict: both sides changed. Directions bind first, then the rule.
func (p *fieldPass) conflict(w *writes) {
	winner, rule := p.winner()
	if !winner.Valid() {
		p.now.State, p.now.Result, p.now.Rule = Dirty, HeldBack, rule
		p.conclude(Verdict{Result: HeldBack, Rule: rule})
		return
	}
	p.flow(w, winner, rule)
}

// winner returns the side whose value counts, none where a person decides, and the rule that says so.
func (p *fieldPass) winner() (domain.System, string) {
	toA, toH := p.lets(domain.Aloware), p.lets(domain.HubSpot)
	rule := "conflict = " + string(p.f.Conflict)
	switch {
	case toA && !toH:
		return domain.HubSpot, "only " + string(settings.ToAloware)
	case toH && !toA:
		return domain.Aloware, "only " + string(settings.ToHubSpot)
	case p.f.Conflict == settings.AlowareWins:
		return domain.Aloware, rule
	case p.f.Conflict == settings.NewestWins:
		winner, known := p.newest()
		if !known {
			rule += ": time unknown"
		}
		return winner, rule
	case p.f.Conflict == settings.Review:
		return "", rule
	}
	return domain.HubSpot, rule
}
