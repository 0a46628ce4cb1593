package planner

import (
	"github.com/duolog/duolog/domain"
)

// kindStop is what ids of commands that carry a stop derive from.
const kindStop = "stop"

const (
	ruleStop = "consent = sticky: a stop"
	ruleLift = "consent = sticky: a lift waits for a person"
)

// stopsThrough lets the consent fields of a linked contact be decided while the sync is paused or its gate is shut:
// somebody who must not be called must not be called now.
func (p *pass) stopsThrough(d *draft) {
	if p.v.Control.Settings.Version == 0 || p.v.Control.Mode == domain.ModeOff || p.parked(d) {
		return
	}
	a := p.standing(d.Contact, domain.Aloware, domain.Record{})
	h := p.standing(d.Contact, domain.HubSpot, domain.Record{})
	if a == nil || h == nil || a.Link.State != Linked || h.Link.State != Linked || a.Out || h.Out {
		return
	}
	if a.Known && h.Known && a.Life == Live && h.Life == Live {
		p.fields(d, a, h, true)
	}
}

// sticky decides a consent field. A stop goes to the other side at once, whatever else is ruled. That a side no longer
// shows the stop it showed is never sent: a person decides, or both sides are lifted by people.
func (p *fieldPass) sticky(w *writes) {
	if p.unsure != nil {
		p.recognise()
	}
	if p.settled(w) {
		return // a person's word, the only one that lifts
	}
	a, h := p.says(domain.Aloware), p.says(domain.HubSpot)
	switch {
	case p.v.Untold(p.sides.of(domain.HubSpot).rec, p.f.HubSpot.Read) && !a:
		p.confirm(p.d, p.sides.of(domain.HubSpot).rec)
	case a && h && p.unsure != nil:
		p.toldStop()
	case a == h && p.unsure == nil:
		p.alike()
	case a == h:
		// lifted before our stop arrived: what it ends in is seen when it did
	case a:
		p.oneStops(w, domain.Aloware)
	default:
		p.oneStops(w, domain.HubSpot)
	}
}

// says reports whether a side shows a stop.
func (p *fieldPass) says(s domain.System) bool {
	t := p.sides.of(s)
	return t.err == nil && t.text == p.f.StopValue()
}

// stopped reports whether a side showed a stop when the field was decided last.
func (p *fieldPass) stopped(s domain.System) bool {
	return p.now.Base[s] == p.v.Digester.Of(p.f.Name, p.f.StopValue())
}

// toldStop takes note that a stop on its way has arrived.
func (p *fieldPass) toldStop() {
	p.setBases()
	p.now.State, p.now.Result, p.now.Rule = InStep, "", ""
	p.conclude(Verdict{Result: Echo, Rule: ruleStop, From: p.unsure.System.Other(), Command: p.unsure.Command})
}

// alike takes note that both sides say the same, be it that neither says anything. A value that is none of its type
// says nothing.
func (p *fieldPass) alike() {
	for _, s := range domain.Systems {
		if t := p.sides.of(s); t.err != nil && p.now.Base[s] != t.digest {
			p.apart(Verdict{Result: Invalid, Rule: reasonText(t.err), From: s, Value: t.ref(*p.f)})
			return
		}
	}
	if p.now.Result == Invalid && p.now.State == Apart && p.sides.of(domain.Aloware).err != nil {
		return
	}
	p.agree()
}

// oneStops decides where one side shows a stop and the other does not.
func (p *fieldPass) oneStops(w *writes, from domain.System) {
	to := from.Other()
	switch {
	case p.unsure != nil && p.unsure.System == to:
		return // on its way
	case !p.stopped(from), p.mayTryAgain():
		p.sendStop(w, from)
	case p.stopped(to) && to == domain.Aloware && p.sides.of(to).rec.doubtful(p.f.Aloware.Read):
		p.confirm(p.d, p.sides.of(to).rec) // may be an older body that came late
	case p.stopped(to):
		p.now.State, p.now.Result, p.now.Rule, p.now.From = Dirty, HeldBack, ruleLift, to
		p.conclude(Verdict{Result: HeldBack, Rule: ruleLift, From: to, Value: p.sides.of(to).ref(*p.f)})
	case p.now.State == InStep: // it was written, and the answer shows something else
		p.now.State, p.now.Result, p.now.Rule = Apart, Refused, "not taken there"
		p.conclude(Verdict{Result: Refused, Rule: p.now.Rule, From: from})
	default:
		p.conclude(Verdict{Result: p.now.Result, Rule: p.now.Rule, From: from})
	}
}

// sendStop sends a stop. While nothing may be written at all it stays to be sent as soon as that changes.
func (p *fieldPass) sendStop(w *writes, from domain.System) {
	if p.v.Control.Mode == domain.ModeObserve {
		p.d.head.Dirty = true
		p.now.State, p.now.Result, p.now.Rule, p.now.From = Dirty, Withheld, "mode = observe", from
		p.conclude(Verdict{Result: Withheld, Rule: p.now.Rule, From: from, Value: p.sides.of(from).ref(*p.f)})
		return
	}
	p.flow(w, from, ruleStop)
}
