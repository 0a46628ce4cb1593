package planner

import (
	"bytes"
	"encoding/json"

	"github.com/duolog/duolog/domain"
)

// hastyMicros is how soon after a change another one of the same Aloware record is doubted: long enough for a delivery
// that failed to have been repeated.
const hastyMicros = int64(600) * 1e6

// see folds one value: older than the one seen is stale and changes nothing; on a tie the later position wins.
func (r *Record) see(name string, value json.RawMessage, f domain.Fact, in Input, e *Effect) {
	clock := f.Clock
	if c, ok := f.Clocks[name]; ok {
		clock = c
	}
	old, had := r.value(name)
	told, hadTold := r.Seen[name]
	e.Told[name] = true
	if hadTold && clock < told.Clock {
		if !sameRaw(value, old.Value) {
			e.Stale[name] = true
		}
		return
	}
	if r.Seen == nil {
		r.Seen = map[string]Seen{}
	}
	next := Seen{Value: value, Clock: clock, Position: in.Position, Own: f.Origin.Own, Read: f.Via != "webhook"}
	if had && sameRaw(value, old.Value) {
		next.Hasty = told.Hasty && !next.Read
	} else if r.ID.System == domain.Aloware && !next.Read {
		next.Hasty = r.ChangedAt > 0 && clock-r.ChangedAt < hastyMicros
		e.Hastened = clock
	}
	r.Seen[name] = next
	now, _ := r.value(name)
	if !had || !sameRaw(now.Value, old.Value) {
		e.Changed = true
	}
	if had && clock < old.Clock && !sameRaw(value, old.Value) {
		e.Stale[name] = true
	}
}

// complete blanks what a full snapshot does not show.
func (r *Record) complete(f domain.Fact, in Input, e *Effect) {
	if !r.Known {
		e.Changed, r.Known = true, true
	}
	for name, s := range r.Seen {
		if _, ok := f.Properties[name]; ok || s.Clock >= f.Clock || isBlank(s.Value) {
			continue
		}
		r.Seen[name] = Seen{Value: json.RawMessage("null"), Clock: f.Clock, Position: in.Position, Read: true}
		e.Changed, e.Told[name] = true, true
	}
}

func isBlank(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(raw, []byte("null")) || bytes.Equal(raw, []byte(`""`))
}

func sameRaw(a, b json.RawMessage) bool {
	return bytes.Equal(a, b) || isBlank(a) && isBlank(b)
}
