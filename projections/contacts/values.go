package contacts

import (
	"bytes"
	"encoding/json"
	"slices"
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
	old, had := r.values.get(name)
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
	r.rekey = r.rekey || r.watch[name]
	r.put(name, value{Value: raw, Position: position, Occurred: clock, Clock: clock, By: by})
}

func (r *record) put(name string, v value) {
	r.values.put(name, v)
	r.changed = true
}

// tellFact folds what a fact shows of its record.
func (r *record) tellFact(e *eventstore.Event, f *fact) {
	r.values.grow(len(f.props))
	for _, p := range f.props {
		clock := f.Clock
		if c, ok := f.clocks.get(p.name); ok {
			clock = c
		}
		r.tell(p.name, p.v, clock, e.Position, f.by)
	}
	if f.Complete {
		r.blankRest(f.props, f.Lacks, f.Clock, e.Position, f.by)
	}
}

// tellOutcome folds what a target answered: first what was written, then what it shows for it.
func (r *record) tellOutcome(e *eventstore.Event, o *outcome, p *policy) {
	clock := o.Clock
	if clock == 0 {
		clock = e.OccurredAt
	}
	var shown byName[json.RawMessage]
	ours := map[string]bool{}
	if o.Result == domain.ResultApplied || o.Result == domain.ResultPartly {
		for _, sent := range o.sent {
			if _, refused := o.Refused[sent.name]; !refused {
				name := p.readName(o.System, sent.name)
				shown.put(name, sent.v)
				ours[name] = true
			}
		}
	}
	for _, shows := range o.shows {
		shown.put(shows.name, shows.v)
	}
	for _, s := range shown {
		by := ""
		if ours[s.name] {
			by = byDuolog
		}
		r.tell(s.name, s.v, clock, e.Position, by)
	}
	if o.Complete {
		r.blankRest(shown, nil, clock, e.Position, "")
	}
}

// blankRest empties what a full snapshot does not show, but for what the system does not have.
func (r *record) blankRest(shown byName[json.RawMessage], lacks []string, clock, position int64, by string) {
	for _, old := range r.values {
		if _, ok := shown.get(old.name); !ok && clock > old.v.Clock && !slices.Contains(lacks, old.name) {
			r.tell(old.name, json.RawMessage("null"), clock, position, by)
		}
	}
}

func same(a, b json.RawMessage) bool {
	return bytes.Equal(a, b) || domain.Blank(a) && domain.Blank(b)
}
