package planner

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

// AppendJSON appends what encoding/json makes of a decision, to the byte, in a fraction of the time.
func (d *Decision) AppendJSON(b []byte) ([]byte, error) {
	e := encoder{b: b}
	e.decision(d)
	if e.err != nil {
		return b, fmt.Errorf("encode the decision on %d: %w", d.Input, e.err)
	}
	return e.b, nil
}

// encoder appends JSON; what is seldom there is left to encoding/json.
type encoder struct {
	b   []byte
	err error
}

func (e *encoder) decision(d *Decision) {
	e.open('{')
	e.int("planner", int64(d.Planner))
	e.int("settings", int64(d.Settings))
	e.text("mode", string(d.Mode))
	e.int("input", d.Input)
	e.int("at", d.At)
	e.text("trigger", d.Trigger)
	e.idIf("operation", d.Operation)
	e.id("contact", d.Contact)
	e.records("considered", d.Considered)
	list(e, "links", d.Links, e.link)
	if len(d.Aliases) > 0 {
		e.rest("aliases", d.Aliases)
	}
	if d.Head != nil {
		e.key("head")
		e.head(d.Head)
	}
	if d.Whole != nil {
		e.key("whole")
		e.whole(d.Whole)
	}
	list(e, "fields", d.Fields, e.verdict)
	if d.Counts != nil {
		e.rest("counts", d.Counts)
	}
	if d.Guard != nil {
		e.rest("guard", d.Guard)
	}
	list(e, "commands", d.Commands, e.command)
	e.close('}')
}

func (e *encoder) link(l *Link) {
	e.open('{')
	e.record("record", l.Record)
	e.id("contact", l.Contact)
	e.text("state", string(l.State))
	e.textIf("reason", l.Reason)
	e.boolIf("ever", l.Ever)
	e.idIf("reading", l.Reading)
	e.close('}')
}

func (e *encoder) head(h *HeadState) {
	e.open('{')
	e.boolIf("dirty", h.Dirty)
	e.boolIf("parked", h.Parked)
	e.boolIf("standing", h.Standing)
	e.intIf("counted_at", h.CountedAt)
	if h.Creation != (Creation{}) {
		e.key("creation")
		e.open('{')
		e.textIf("system", string(h.Creation.System))
		e.idIf("command", h.Creation.Command)
		e.textIf("result", string(h.Creation.Result))
		e.textIf("rule", h.Creation.Rule)
		e.close('}')
	}
	if len(h.Lookups) > 0 {
		e.rest("lookups", h.Lookups)
	}
	e.textIf("review", h.Review)
	e.records("others", h.Others)
	e.close('}')
}

func (e *encoder) whole(w *Whole) {
	e.open('{')
	e.text("result", string(w.Result))
	e.textIf("rule", w.Rule)
	e.textIf("system", string(w.System))
	e.records("others", w.Others)
	e.idIf("command", w.Command)
	e.close('}')
}

func (e *encoder) verdict(v *Verdict) {
	e.open('{')
	e.text("field", v.Field)
	e.text("result", string(v.Result))
	e.textIf("rule", v.Rule)
	e.textIf("from", string(v.From))
	e.ref("value", v.Value)
	e.ref("loser", v.Loser)
	e.idIf("command", v.Command)
	e.key("after")
	e.state(&v.After)
	e.close('}')
}

func (e *encoder) ref(key string, r *Ref) {
	if r == nil {
		return
	}
	e.key(key)
	e.open('{')
	e.record("record", r.Record)
	e.text("property", r.Property)
	e.int("position", r.Position)
	e.text("digest", r.Digest)
	e.close('}')
}

func (e *encoder) state(s *FieldState) {
	e.open('{')
	texts(e, "base", s.Base)
	e.write("pending", s.Pending)
	e.text("state", string(s.State))
	e.textIf("result", string(s.Result))
	e.textIf("rule", s.Rule)
	e.textIf("from", string(s.From))
	e.intIf("since", s.Since)
	if s.Meanwhile != nil {
		e.rest("meanwhile", s.Meanwhile)
	}
	e.write("restated", s.Restated)
	list(e, "recent", s.Recent, func(h *HeldValue) {
		e.open('{')
		e.text("system", string(h.System))
		e.text("digest", h.Digest)
		e.int("at", h.At)
		e.boolIf("held", h.Held)
		e.close('}')
	})
	e.close('}')
}

func (e *encoder) write(key string, w *PendingWrite) {
	if w == nil {
		return
	}
	e.key(key)
	e.open('{')
	e.text("system", string(w.System))
	e.id("command", w.Command)
	e.text("digest", w.Digest)
	e.textIf("was", w.Was)
	e.textIf("over", w.Over)
	e.intIf("position", w.Position)
	e.close('}')
}

func (e *encoder) command(c *Command) {
	e.open('{')
	e.id("id", c.ID)
	e.text("kind", c.Kind)
	e.text("system", string(c.System))
	if !c.Record.IsZero() {
		e.record("record", c.Record)
	}
	if !c.Source.IsZero() {
		e.record("source", c.Source)
	}
	texts(e, "digests", c.Digests)
	e.textIf("by", c.By)
	e.boolIf("urgent", c.Urgent)
	e.close('}')
}

func (e *encoder) open(c byte)  { e.b = append(e.b, c) }
func (e *encoder) close(c byte) { e.b = append(e.b, c) }

// next parts a value from the one before it.
func (e *encoder) next() {
	if c := e.b[len(e.b)-1]; c != '{' && c != '[' {
		e.b = append(e.b, ',')
	}
}

func (e *encoder) key(key string) {
	e.next()
	e.b = append(append(append(e.b, '"'), key...), '"', ':')
}

func (e *encoder) int(key string, n int64) {
	e.key(key)
	e.b = strconv.AppendInt(e.b, n, 10)
}

func (e *encoder) intIf(key string, n int64) {
	if n != 0 {
		e.int(key, n)
	}
}

func (e *encoder) boolIf(key string, yes bool) {
	if yes {
		e.key(key)
		e.b = append(e.b, "true"...)
	}
}

func (e *encoder) id(key string, id ulid.ULID) {
	e.key(key)
	e.b = append(e.b, '"')
	e.b = append(e.b, make([]byte, ulid.EncodedSize)...)
	_ = id.MarshalTextTo(e.b[len(e.b)-ulid.EncodedSize:]) // there is room
	e.b = append(e.b, '"')
}

func (e *encoder) idIf(key string, id ulid.ULID) {
	if !id.IsZero() {
		e.id(key, id)
	}
}

func (e *encoder) text(key, s string) {
	e.key(key)
	e.quote(s)
}

func (e *encoder) textIf(key, s string) {
	if s != "" {
		e.text(key, s)
	}
}

// quote appends a text; one that needs an escape is left to encoding/json.
func (e *encoder) quote(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			e.value(s)
			return
		}
	}
	e.b = append(append(append(e.b, '"'), s...), '"')
}

func (e *encoder) record(key string, r domain.Record) {
	e.key(key)
	e.quote(r.Stream())
}

func (e *encoder) records(key string, all []domain.Record) {
	list(e, key, all, func(r *domain.Record) { e.quote(r.Stream()) })
}

func (e *encoder) rest(key string, v any) {
	e.key(key)
	e.value(v)
}

func (e *encoder) value(v any) {
	data, err := json.Marshal(v)
	if err != nil && e.err == nil {
		e.err = err
	}
	e.b = append(e.b, data...)
}

func list[T any](e *encoder, key string, all []T, each func(*T)) {
	if len(all) == 0 {
		return
	}
	e.key(key)
	e.open('[')
	for i := range all {
		e.next()
		each(&all[i])
	}
	e.close(']')
}

func texts[K ~string](e *encoder, key string, all map[K]string) {
	if len(all) == 0 {
		return
	}
	e.key(key)
	e.open('{')
	var room [8]K
	keys := room[:0]
	for k := range all {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		e.next()
		e.quote(string(k))
		e.b = append(e.b, ':')
		e.quote(all[k])
	}
	e.close('}')
}
