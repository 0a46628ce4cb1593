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

func (s side) blank() bool { return s.err == nil && s.text == "" }

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
	// ended is the position of the pending write's outcome, 0 while that is not known.
	ended int64
	// told is what was noted while the write was under way, when that has ended and did not go over it.
	told *Meanwhile
	// unguarded: the write was refused since the target showed something else than expected, which means the same.
	unguarded bool
	// asked: Aloware shows a change that may be an old one, and is asked.
	asked bool
	// outside: the pair does not take part.
	outside bool
	// adopted: the pending create was refused because its record exists, and is ours.
	adopted bool
}

// writes collects what a contact's fields send, one update per target.
type writes map[domain.System]*update

type update struct {
	id      ulid.ULID
	target  *Record
	source  domain.Record
	values  map[string]json.RawMessage
	digests map[string]string
	expects map[string]Expected
	urgent  bool
}

// used makes place for what is to be written: mostly nothing is.
func (u *update) used() *update {
	if u.values == nil {
		u.values, u.digests, u.expects = map[string]json.RawMessage{}, map[string]string{}, map[string]Expected{}
	}
	return u
}

func (p *pass) writes(d *draft, a, h *Record, kind string) writes {
	w := writes{
		domain.Aloware: {target: a, source: h.ID},
		domain.HubSpot: {target: h, source: a.ID},
	}
	for i, s := range domain.Systems {
		w[s].id, w[s].urgent = p.derive(kind, d.Contact, s, i), kind == kindStop
	}
	return w
}

// fields decides the mapped fields of a contact that stands in both systems: all of them, or, while the sync stands
// still, its consent fields alone.
func (p *pass) fields(d *draft, a, h *Record, consentOnly bool) {
	w, stops := p.writes(d, a, h, "update"), p.writes(d, a, h, kindStop)
	own, outside := p.v.own(d.Contact), !p.takesPart(a, h)
	ap, hp := a.Properties(), h.Properties()
	sides := make(map[domain.System]side, 2) // one for all fields
	for _, f := range p.v.Control.Settings.Fields {
		if consentOnly && !f.Sticky() || !p.touches(f.Name) {
			continue
		}
		sides[domain.Aloware], sides[domain.HubSpot] = p.side(f, a, ap), p.side(f, h, hp)
		fp := &fieldPass{pass: p, d: d, f: f, outside: outside, sides: sides}
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

// stale says that the fact told a value older than the one seen: stored, and without effect.
func (p *fieldPass) stale() {
	s := p.e.Record.System
	if _, stale := p.e.Stale[p.f.Side(s).Read]; !s.Valid() || p.sides[s].rec.ID != p.e.Record || !stale {
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

func (p *pass) side(f settings.Field, r *Record, props domain.Properties) side {
	s := side{rec: r}
	s.seen, _ = r.value(f.Side(r.ID.System).Read)
	s.text, _, s.err = f.Get(r.ID.System, props, p.v.env())
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
	text, _, err := f.Get(sys, domain.Properties{f.Side(sys).Read: a.Value}, p.v.env())
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

// ref names the value a side shows.
func (s side) ref(f settings.Field) *Ref {
	return &Ref{Record: s.rec.ID, Property: f.Side(s.system()).Read, Position: s.seen.Position, Digest: s.digest}
}

// ref names a value a record holds.
func ref(r *Record, f settings.Field, digest string) *Ref {
	seen, _ := r.value(f.Side(r.ID.System).Read)
	return side{rec: r, seen: seen, digest: digest}.ref(f)
}

func (d *draft) verdict(p *pass, v Verdict) {
	d.Fields = append(d.Fields, v)
	p.v.applyField(d.Contact, v.Field, v.After, p.in.Position)
}

// overrun reports whether this fact tells a change in HubSpot that was made before our last write there and after
// what we knew when we decided on it: we have written over a value nobody had told us of. A snapshot tells what stood
// there, not that anybody changed it.
func (p *fieldPass) overrun() bool {
	h := p.sides[domain.HubSpot]
	told, stale := p.e.Stale[p.f.HubSpot.Read]
	over := h.rec.Seen[p.f.HubSpot.Read].Position == p.in.Position || p.recent(domain.HubSpot, h.digest) // by what we wrote
	return p.e.Record == h.rec.ID && stale && over && !told.Own && !told.Read && p.now.Since > 0 && told.Clock > p.now.Since
}

// restore lets the conflict rule speak about such a value. Where HubSpot wins it goes to both sides again.
func (p *fieldPass) restore(w writes) {
	h := p.sides[domain.HubSpot]
	told := h
	told.seen = p.e.Stale[p.f.HubSpot.Read]
	told.text, _, told.err = p.f.Get(domain.HubSpot, domain.Properties{p.f.HubSpot.Read: told.seen.Value}, p.v.env())
	told.digest = p.v.Digester.Of(p.f.Name, told.text)
	p.sides[domain.HubSpot] = told
	rule := "conflict = " + string(p.f.Conflict)
	p.now.Since = told.seen.Clock // a later one may be told later still
	if told.err != nil || p.f.Conflict != settings.HubSpotWins || !p.lets(domain.Aloware) || !p.lets(domain.HubSpot) || told.blank() {
		p.sides[domain.HubSpot] = h
		p.conclude(Verdict{Result: LostIt, Rule: rule, From: domain.Aloware, Loser: &Ref{
			Record: h.rec.ID, Property: p.f.HubSpot.Read, Position: told.seen.Position, Digest: told.digest,
		}})
		return
	}
	p.flow(w, domain.HubSpot, rule+": written over before it was told")
	if p.now.Pending != nil && p.now.Pending.System == domain.Aloware {
		p.restate(w[domain.HubSpot], told)
		p.setBase(domain.HubSpot, h.digest) // what HubSpot shows until that has arrived
		p.remember(domain.HubSpot, told.digest)
		p.amend()
	}
}

// amend corrects the state in the verdict that was just recorded.
func (p *fieldPass) amend() {
	last := &p.d.Fields[len(p.d.Fields)-1]
	if last.Field == p.f.Name {
		last.After = p.now.clone()
		p.v.applyField(p.d.Contact, p.f.Name, last.After, p.in.Position)
	}
}
