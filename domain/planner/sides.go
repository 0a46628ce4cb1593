package planner

import (
	"bytes"
	"encoding/json"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
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

// ref names the value a side shows.
func (s side) ref(f settings.Field) *Ref {
	return &Ref{Record: s.rec.ID, Property: f.Side(s.system()).Read, Position: s.seen.Position, Digest: s.digest}
}

// ref names a value a record holds.
func ref(r *Record, f settings.Field, digest string) *Ref {
	seen, _ := r.value(f.Side(r.ID.System).Read)
	return side{rec: r, seen: seen, digest: digest}.ref(f)
}

// sides are both sides of a field.
type sides struct{ aloware, hubspot side }

func (s *sides) of(system domain.System) *side {
	if system == domain.HubSpot {
		return &s.hubspot
	}
	return &s.aloware
}

// reading is what a value says of a field.
type reading struct {
	done   bool
	told   bool
	raw    json.RawMessage
	text   string // canonical
	err    error  // not of the field's type
	digest string
}

// readings are a record's, by number of the field. A record is planned again and again, and seldom shows anything new:
// each value is read once, as long as settings and choices stay the same.
type readings struct {
	env     *settings.Env // through which they are read
	shown   []reading
	answers []reading // nil: there was none yet
	sides   []side    // made of them, until something is told of the record
	// finder made the record's match keys of the values told.
	finder *finder
	told   []json.RawMessage
}

// side is the settings' field of that number as a record shows it.
func (p *pass) side(i int, r *Record) (s side) {
	fields := p.v.Control.Settings.Fields
	f := &fields[i]
	if p.v.env(); r.read.env != p.v.cached {
		r.read.env, r.read.answers = p.v.cached, nil
		r.read.shown, r.read.sides = make([]reading, len(fields)), make([]side, len(fields))
	}
	if r.read.sides[i].rec == r {
		return r.read.sides[i]
	}
	property := f.Side(r.ID.System).Read
	a, answered := r.Answers[property]
	seen, told := r.Seen[property]
	if answered && (!told || a.Clock >= seen.Clock) { // as in value
		seen, told = a, true
	}
	got := p.v.read(&r.read.shown[i], f, r.ID.System, seen.Value, told)
	s = side{rec: r, seen: seen, text: got.text, err: got.err, digest: got.digest}
	if answered {
		if r.read.answers == nil {
			r.read.answers = make([]reading, len(fields))
		}
		s.answer, s.answered = p.v.read(&r.read.answers[i], f, r.ID.System, a.Value, true).digest, a.Position
	}
	r.read.sides[i] = s
	return s
}

// read reads a value, unless that was done before. What cannot be read is told apart by how it was told, so that each
// such value is reported once.
func (v *View) read(known *reading, f *settings.Field, sys domain.System, raw json.RawMessage, told bool) *reading {
	if known.done && known.told == told && bytes.Equal(known.raw, raw) {
		return known
	}
	*known = reading{done: true, told: told, raw: raw}
	if told {
		known.text, known.err = f.Read(sys, raw, v.env())
	}
	if known.err != nil {
		known.digest = v.invalid(f.Name, raw)
	} else {
		known.digest = v.Digester.Of(f.Name, known.text)
	}
	return known
}

// invalid tells one value that is not of the field's type from another.
func (v *View) invalid(field string, raw json.RawMessage) string {
	return v.Digester.Of(field, "\x01"+string(raw))
}

func (p *pass) invalidDigest(f settings.Field, r *Record) string {
	seen, _ := r.value(f.Side(r.ID.System).Read)
	return p.v.invalid(f.Name, seen.Value)
}
