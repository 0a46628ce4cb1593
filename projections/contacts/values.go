package contacts

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// byDuolog is the author of what Duolog wrote.
const byDuolog = "duolog"

// author puts the vendor's words about who made a change into one text; empty when it told nothing.
func author(o domain.Origin) string {
	if o.Own {
		return byDuolog
	}
	return strings.TrimSpace(o.Source + " " + o.ID)
}

// tell folds one value: one older than the shown one changes nothing, and one that is the same only renews the clock,
// so a value keeps the moment since when, and by whom, it is there.
func (r *record) tell(name string, raw json.RawMessage, clock, position int64, by string) {
	old, had := r.body.Values[name]
	if had && clock < old.Clock || !had && domain.Blank(raw) {
		return
	}
	if had && same(old.Value, raw) {
		if clock > old.Clock {
			old.Clock = clock
			r.put(name, old)
		}
		return
	}
	r.put(name, value{Value: raw, Position: position, Occurred: clock, Clock: clock, By: by})
}

func (r *record) put(name string, v value) {
	if r.body.Values == nil {
		r.body.Values = map[string]value{}
	}
	r.body.Values[name] = v
	r.changed = true
}

// tellFact folds what a fact shows of its record.
func (r *record) tellFact(e eventstore.Event, f domain.Fact) {
	by := author(f.Origin)
	for name, raw := range f.Properties {
		clock := f.Clock
		if c, ok := f.Clocks[name]; ok {
			clock = c
		}
		r.tell(name, raw, clock, e.Position, by)
	}
	if f.Complete {
		r.blankRest(f.Properties, f.Clock, e.Position, by)
	}
}

// tellOutcome folds what a target answered: first what was written, then what it shows for it.
func (r *record) tellOutcome(e eventstore.Event, o domain.Outcome, p policy) {
	clock := o.Clock
	if clock == 0 {
		clock = e.OccurredAt
	}
	shown := domain.Properties{}
	if o.Result == domain.ResultApplied || o.Result == domain.ResultPartly {
		for name, raw := range o.Sent {
			if _, refused := o.Refused[name]; !refused {
				shown[p.readName(o.System, name)] = raw
			}
		}
	}
	ours := make(map[string]bool, len(shown))
	for name := range shown {
		ours[name] = true
	}
	for name, raw := range o.Shows {
		shown[name] = raw
	}
	for name, raw := range shown {
		by := ""
		if ours[name] {
			by = byDuolog
		}
		r.tell(name, raw, clock, e.Position, by)
	}
	if o.Complete {
		r.blankRest(shown, clock, e.Position, "")
	}
}

// blankRest empties what a full snapshot does not show.
func (r *record) blankRest(shown domain.Properties, clock, position int64, by string) {
	for name, old := range r.body.Values {
		if _, ok := shown[name]; !ok && clock > old.Clock {
			r.tell(name, json.RawMessage("null"), clock, position, by)
		}
	}
}

func same(a, b json.RawMessage) bool {
	return bytes.Equal(a, b) || domain.Blank(a) && domain.Blank(b)
}
