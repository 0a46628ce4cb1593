package planner

import (
	"encoding/json"
	"fmt"

	"github.com/duolog/duolog/domain"
)

// SchemaSeen is a look at a system's properties.
type SchemaSeen struct {
	Digest string `json:"digest"`
	Clock  int64  `json:"clock"` // when the reading began, µs UTC
	// Position is where the list of all of them lies.
	Position int64 `json:"position"`
}

// foldSchema takes a look at a system's properties. When they are others than before, what was refused because of them
// is tried again, in the contacts that wait for that.
func (v *View) foldSchema(in Input) (Effect, error) {
	var s domain.Schema
	if err := json.Unmarshal(in.Data, &s); err != nil {
		return Effect{}, fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
	}
	if v.Control.Opening == in.Position {
		return v.opened(in, false), nil // its dirty contacts are being planned
	}
	was, now := v.Control.Schemas[s.System], SchemaSeen{Digest: s.Digest, Clock: s.Clock, Position: in.Position}
	if len(s.Properties) == 0 {
		now.Position = was.Position
	}
	if v.Control.Schemas == nil {
		v.Control.Schemas = map[domain.System]SchemaSeen{}
	}
	v.Control.Schemas[s.System], v.control = now, true
	v.choices.schema(in, s)
	v.cached = nil
	if was.Digest == s.Digest || was.Digest == "" && !v.Control.Settings.Listed() {
		return Effect{}, nil
	}
	v.Control.Refit = in.Position
	return v.opened(in, v.Control.Baseline), nil // before that, dirty is who waits for the scan to end
}

func (v *View) foldGate(in Input, a domain.Act, was bool) Effect {
	_, shut := v.Control.ShutFields[a.Field]
	v.tellGate(in, a)
	switch {
	case a.Field == "":
		v.Control.Shut = !a.Open
	case a.Open && shut:
		delete(v.Control.ShutFields, a.Field)
		was = true // contacts that hold such a field are dirty
	case !a.Open:
		if v.Control.ShutFields == nil {
			v.Control.ShutFields = map[string]string{}
		}
		v.Control.ShutFields[a.Field] = a.Reason
		return Effect{}
	}
	return v.opened(in, was)
}

// tellGate notes what does not fit, for who asks.
func (v *View) tellGate(in Input, a domain.Act) {
	v.Control.Gated = in.Position
	if a.Open {
		v.Control.Refit = in.Position
		delete(v.Control.Faults, a.Field)
		return
	}
	if v.Control.Faults == nil {
		v.Control.Faults = map[string][]domain.Fault{}
	}
	v.Control.Faults[a.Field] = a.Faults
}

// shownMost bounds how many names of properties are counted: Aloware's accounts have some dozens.
const shownMost = 500

// shown counts a property the first time a record of Aloware shows it.
func (v *View) shown(r *Record, property string) {
	if r.ID.System != domain.Aloware {
		return
	}
	if _, had := r.value(property); had || len(v.Control.Shown) >= shownMost && v.Control.Shown[property] == 0 {
		return
	}
	if v.Control.Shown == nil {
		v.Control.Shown = map[string]int64{}
	}
	v.Control.Shown[property]++
	v.control = true
}

// subscribed notes whether changes of a mapped property of HubSpot come by webhook: HubSpot sends them only for those an
// app is subscribed to, and cannot be asked.
func (v *View) subscribed(r *Record, property string, f domain.Fact) {
	since, mapped := v.Control.Mapped[property]
	if !mapped || r.ID.System != domain.HubSpot {
		return
	}
	told, had := r.Seen[property]
	had = had || r.Known && r.Whole >= since // read before, and blank then
	switch {
	case f.Via == "webhook" && !v.Control.Hooked[property]:
		if v.Control.Hooked == nil {
			v.Control.Hooked = map[string]bool{}
		}
		v.Control.Hooked[property], v.control = true, true
	case f.Via != "webhook" && had && f.Clock > told.Clock && !sameRaw(f.Properties[property], told.Value):
		if v.Control.Missed == nil {
			v.Control.Missed = map[string]int64{}
		}
		v.Control.Missed[property]++
		v.control = true
	}
}
