package planner

import (
	"bytes"
	"encoding/json"
	"slices"

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
	next := Seen{Value: value, Clock: clock, Position: in.Position, Own: f.Origin.Own, Read: f.Via != "webhook"}
	if hadTold && clock < told.Clock {
		if !sameRaw(value, old.Value) {
			e.older(name, next)
			r.cross(name, told, next)
		}
		return
	}
	if r.Seen == nil {
		r.Seen = map[string]Seen{}
	}
	if had && sameRaw(value, old.Value) {
		next.Hasty, next.Own = old.Hasty && !next.Read, next.Own || next.Read && old.Own // a read names no author
	} else if r.ID.System == domain.Aloware && !next.Read {
		next.Hasty = r.ChangedAt > 0 && clock-r.ChangedAt < hastyMicros
		e.Hastened = clock
	}
	if hadTold && !sameRaw(value, told.Value) {
		r.replace(name, told)
	}
	r.Seen[name] = next
	now, _ := r.value(name)
	if !had || !sameRaw(now.Value, old.Value) {
		e.Changed = true
	}
	if had && clock < old.Clock && !sameRaw(value, old.Value) {
		e.older(name, next)
	}
}

// cross doubts a value of Aloware when another one arrived just before it and was stored after it: the two came at once,
// and neither tells when it was so.
func (r *Record) cross(name string, told, stale Seen) {
	if r.ID.System != domain.Aloware || told.Read || stale.Read || told.Clock-stale.Clock >= hastyMicros {
		return
	}
	told.Hasty = true
	r.Seen[name] = told
}

// asked tells which properties a full snapshot of the system would show: in HubSpot those that are read, in Aloware
// all.
func (v *View) asked(s domain.System) func(property string) bool {
	if s == domain.Aloware {
		return func(string) bool { return true }
	}
	var names []string // worked out when it matters, which is seldom
	return func(property string) bool {
		if names == nil {
			names = v.Control.Settings.ReadProperties(s)
		}
		return slices.Contains(names, property)
	}
}

// complete blanks what a full snapshot does not show, of what was asked for.
func (r *Record) complete(f domain.Fact, in Input, asked func(string) bool, e *Effect) {
	r.Whole = in.Position
	if !r.Known {
		e.Changed, r.Known = true, true
	}
	for name, s := range r.Seen {
		if _, ok := f.Properties[name]; ok || s.Clock >= f.Clock || isBlank(s.Value) || !asked(name) ||
			slices.Contains(f.Lacks, name) {
			continue
		}
		r.replace(name, s)
		r.Seen[name] = Seen{Value: json.RawMessage("null"), Clock: f.Clock, Position: in.Position, Read: true}
		e.Changed, e.Told = true, append(e.Told, name)
	}
}

// replace keeps the value that another one takes the place of.
func (r *Record) replace(name string, old Seen) {
	if r.ID.System != domain.Aloware {
		return // HubSpot names the author and the time of a value: a late one is known for what it is
	}
	if r.Replaced == nil {
		r.Replaced = map[string]Seen{}
	}
	r.Replaced[name] = old
}

func isBlank(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(raw, []byte("null")) || bytes.Equal(raw, []byte(`""`))
}

func sameRaw(a, b json.RawMessage) bool {
	return bytes.Equal(a, b) || isBlank(a) && isBlank(b)
}
