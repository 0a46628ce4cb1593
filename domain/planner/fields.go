package planner

import (
	"encoding/json"
	"errors"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

const (
	dayMicros    = 24 * hourMicros
	newestMargin = int64(2e6) // clocks closer than this, in µs, tell no order
	recentKept   = 8
)

// fieldPass decides one field of a linked contact.
type fieldPass struct {
	*pass
	d      *draft
	f      *settings.Field
	sides  sides
	stored FieldState
	now    FieldState // stored, with the pending write's outcome drawn in
	// unsure is the pending write whose outcome is not known yet, nil for none.
	unsure *PendingWrite
	// ended is the position of the pending write's outcome, 0 while that is not known.
	ended int64
	// told is what was noted while the write was under way, when that has ended and did not go over it.
	told *Meanwhile
	// unguarded: the write was refused since the target showed something else than expected, which means the same.
	unguarded bool
	// asked: Aloware shows a change that may be an old one, and is asked.
	asked bool
	// dropped is what was to be written back to its own side and was withdrawn.
	dropped *PendingWrite
	// outside: the pair does not take part.
	outside bool
	// adopted: the pending create was refused because its record exists, and is ours.
	adopted bool
}

// writes collects what a contact's fields send, one update per target.
type writes struct {
	pass             *pass
	kind             string
	contact          ulid.ULID
	aloware, hubspot update
}

type update struct {
	id      ulid.ULID
	target  *Record
	source  domain.Record
	values  map[string]json.RawMessage
	digests map[string]string
	expects map[string]Expected
	urgent  bool
}

func (p *pass) writes(d *draft, a, h *Record, kind string) *writes {
	return &writes{
		pass: p, kind: kind, contact: d.Contact,
		aloware: update{target: a, source: h.ID, urgent: kind == kindStop},
		hubspot: update{target: h, source: a.ID, urgent: kind == kindStop},
	}
}

// to is the update of a system, which is given its id and place for what is to be written: mostly nothing is.
func (w *writes) to(s domain.System) *update {
	u, n := &w.aloware, 0
	if s == domain.HubSpot {
		u, n = &w.hubspot, 1
	}
	if u.values == nil {
		u.id = w.pass.derive(w.kind, w.contact, s, n)
		u.values, u.digests, u.expects = map[string]json.RawMessage{}, map[string]string{}, map[string]Expected{}
	}
	return u
}

// fields decides the mapped fields of a contact that stands in both systems: all of them, or, while the sync stands
// still, its consent fields alone.
func (p *pass) fields(d *draft, a, h *Record, consentOnly bool) {
	w, stops := p.writes(d, a, h, "update"), p.writes(d, a, h, kindStop)
	own, outside := p.v.own(d.Contact), !p.takesPart(a, h)
	fp := &fieldPass{} // one for all fields
	for i := range p.v.Control.Settings.Fields {
		f := &p.v.Control.Settings.Fields[i]
		if consentOnly && !f.Sticky() || !p.touches(f.Name) {
			continue
		}
		*fp = p.field(d, i, a, h)
		fp.outside = outside
		fp.load(own.Fields[f.Name])
		before := len(d.Fields)
		switch {
		case f.Sticky() && fp.shut() == "":
			fp.sticky(stops)
		case !outside || len(fp.now.Base) > 0: // what is outside at first sight is still to be seen for the first time
			fp.decide(w)
		}
		if len(d.Fields) == before {
			fp.stale()
		}
	}
	p.flush(d, stops)
	p.flush(d, w)
}

// field begins with the field of that number.
func (p *pass) field(d *draft, i int, a, h *Record) fieldPass {
	return fieldPass{
		pass: p, d: d, f: &p.v.Control.Settings.Fields[i], sides: sides{aloware: p.side(i, a), hubspot: p.side(i, h)},
	}
}

// stale says that the fact told a value older than the one seen: stored, and without effect.
func (p *fieldPass) stale() {
	s := p.e.Record.System
	if _, stale := p.e.Stale[p.f.Side(s).Read]; !s.Valid() || p.sides.of(s).rec.ID != p.e.Record || !stale {
		return
	}
	p.d.verdict(p.pass, Verdict{Field: p.f.Name, Result: Stale, Rule: "a newer value was seen", From: s, After: p.stored})
}

// flush turns the collected values into commands.
func (p *pass) flush(d *draft, w *writes) {
	for i, u := range []*update{&w.aloware, &w.hubspot} {
		if len(u.values) == 0 {
			continue
		}
		s := domain.Systems[i]
		phone, _, _ := p.phone(u.target)
		c := Command{
			ID: u.id, Kind: domain.KindUpdate, System: s, Record: u.target.ID, Source: u.source, Digests: u.digests, Urgent: u.urgent,
		}
		d.Commands = append(d.Commands, c)
		d.outgoing = append(d.outgoing, Outgoing{
			Command: c, Contact: d.Contact, Values: u.values, Expects: u.expects, Phone: phone,
			Properties: p.v.Control.Settings.ReadProperties(s),
		})
	}
}

func reasonText(err error) string {
	var bad *domain.InvalidError
	if errors.As(err, &bad) {
		return bad.Error()
	}
	return "not a valid value"
}

func (d *draft) verdict(p *pass, v Verdict) {
	d.Fields = append(d.Fields, v)
	p.v.applyField(d.Contact, v.Field, v.After, p.in.Position)
}

// overrun reports whether this fact tells a change in HubSpot that was made before our last write there and after
// what we knew when we decided on it: we have written over a value nobody had told us of. A snapshot tells what stood
// there, not that anybody changed it.
func (p *fieldPass) overrun() bool {
	h := p.sides.of(domain.HubSpot)
	told, stale := p.e.Stale[p.f.HubSpot.Read]
	over := h.rec.Seen[p.f.HubSpot.Read].Position == p.in.Position || p.recent(domain.HubSpot, h.digest) // by what we wrote
	return p.e.Record == h.rec.ID && stale && over && !told.Own && !told.Read && p.now.Since > 0 && told.Clock > p.now.Since
}

// restore lets the conflict rule speak about such a value. Where HubSpot wins it goes to both sides again.
func (p *fieldPass) restore(w *writes) {
	h := *p.sides.of(domain.HubSpot)
	told := h
	told.seen = p.e.Stale[p.f.HubSpot.Read]
	told.text, told.err = p.f.Read(domain.HubSpot, told.seen.Value, p.v.env())
	told.digest = p.v.Digester.Of(p.f.Name, told.text)
	*p.sides.of(domain.HubSpot) = told
	winner, rule := p.winner()
	p.now.Since = told.seen.Clock // a later one may be told later still
	if told.err != nil || winner != domain.HubSpot || !p.lets(domain.Aloware) || !p.lets(domain.HubSpot) || told.blank() {
		*p.sides.of(domain.HubSpot) = h
		p.conclude(Verdict{Result: LostIt, Rule: rule, From: domain.Aloware, Loser: &Ref{
			Record: h.rec.ID, Property: p.f.HubSpot.Read, Position: told.seen.Position, Digest: told.digest,
		}})
		return
	}
	p.flow(w, domain.HubSpot, rule+": written over before it was told")
	if p.now.Pending != nil && p.now.Pending.System == domain.Aloware {
		p.restate(w.to(domain.HubSpot), told, h.digest)
		p.setBase(domain.HubSpot, h.digest) // what HubSpot shows until that has arrived
		p.amend()
	}
}

// amend corrects the state in the verdict that was just recorded.
func (p *fieldPass) amend() {
	last := &p.d.Fields[len(p.d.Fields)-1]
	if last.Field == p.f.Name {
		last.After = p.now
		p.v.applyField(p.d.Contact, p.f.Name, last.After, p.in.Position)
	}
}
