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
// so a value keeps the moment since when, and by whom, it is there. The value is looked for at i first; what is returned
// is where the next name's may be.
func (r *record) tell(i int, name string, raw json.RawMessage, clock, position int64, by string) (next int) {
	i, had := r.values.findAt(i, name)
	switch {
	case !had && domain.Blank(raw):
		return i
	case !had:
	case clock < r.values[i].v.Clock:
		return i + 1
	case same(r.values[i].v.Value, raw):
		if old := &r.values[i].v; clock > old.Clock {
			old.Clock, r.changed = clock, true
		}
		return i + 1
	}
	r.rekey, r.changed = r.rekey || r.watch[name], true
	r.values.putAt(i, had, name, value{Value: raw, Position: position, Occurred: clock, Clock: clock, By: by})
	return i + 1
}

// tellFact folds what a fact shows of its record.
func (r *record) tellFact(e *eventstore.Event, f *fact) {
	r.values.grow(len(f.props))
	next := 0
	for _, p := range f.props {
		clock := f.Clock
		if c, ok := f.clocks.get(p.name); ok {
			clock = c
		}
		next = r.tell(next, p.name, p.v, clock, e.Position, f.by)
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
	shown := slices.Clone(o.shows)
	var ours []string
	if o.Result == domain.ResultApplied || o.Result == domain.ResultPartly {
		for _, sent := range o.sent {
			if _, refused := o.Refused[sent.name]; !refused {
				name := p.readName(o.System, sent.name)
				ours = append(ours, name)
				if _, answered := o.shows.get(name); !answered {
					shown.put(name, sent.v)
				}
			}
		}
	}
	next := 0
	for _, s := range shown {
		by := ""
		if slices.Contains(ours, s.name) {
			by = byDuolog
		}
		next = r.tell(next, s.name, s.v, clock, e.Position, by)
	}
	if o.Complete {
		r.blankRest(shown, nil, clock, e.Position, "")
	}
}

// blankRest empties what a full snapshot does not show, but for what the system does not have.
func (r *record) blankRest(shown byName[json.RawMessage], lacks []string, clock, position int64, by string) {
	next := 0
	for i, old := range r.values {
		at, ok := shown.findAt(next, old.name)
		if next = at; ok {
			next++
		} else if clock > old.v.Clock && !slices.Contains(lacks, old.name) {
			r.tell(i, old.name, json.RawMessage("null"), clock, position, by)
		}
	}
}

func same(a, b json.RawMessage) bool {
	return bytes.Equal(a, b) || domain.Blank(a) && domain.Blank(b)
}
