package app_test

import (
	"encoding/json"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// each reads the whole log.
func (r *rig) each(fn func(eventstore.Event)) {
	r.t.Helper()
	for after := int64(0); ; {
		events, err := r.Log.Read(r.t.Context(), after, 1000)
		r.must(err)
		if len(events) == 0 {
			return
		}
		for _, e := range events {
			after = e.Position
			fn(e)
		}
	}
}

// decided counts the decisions on inputs of a type.
func (r *rig) decided(trigger string) int {
	r.t.Helper()
	n := 0
	r.eachDecision(func(d planner.Decision) {
		if d.Trigger == trigger {
			n++
		}
	})
	return n
}

func (r *rig) eachDecision(fn func(planner.Decision)) {
	r.t.Helper()
	r.each(func(e eventstore.Event) {
		var d planner.Decision
		if e.Type == domain.DecisionMade {
			r.must(json.Unmarshal(e.Data, &d))
			fn(d)
		}
	})
}

func (r *rig) withdrawn() int { return len(r.outcomes(domain.ResultWithdrawn)) }

// outcomes lists the commands that ended so.
func (r *rig) outcomes(result string) []domain.Outcome {
	r.t.Helper()
	var out []domain.Outcome
	r.each(func(e eventstore.Event) {
		var o domain.Outcome
		if e.Type != domain.CommandSettled {
			return
		}
		r.must(json.Unmarshal(e.Data, &o))
		if o.Result == result {
			out = append(out, o)
		}
	})
	return out
}

// verdicts lists what was decided about a field, oldest first.
func (r *rig) verdicts(field string) []planner.Verdict {
	r.t.Helper()
	var out []planner.Verdict
	r.eachDecision(func(d planner.Decision) {
		for _, v := range d.Fields {
			if v.Field == field {
				out = append(out, v)
			}
		}
	})
	return out
}

// story logs what happened to a contact: the events on its records' streams and its decisions.
func (r *rig) story(contact string) {
	r.t.Helper()
	streams := map[string]bool{"contact/" + contact: true}
	for _, rec := range r.contact(contact).Records {
		streams[domain.Record{System: rec.System, ID: rec.ID}.Stream()] = true
	}
	r.each(func(e eventstore.Event) {
		if streams[e.Stream] {
			r.t.Logf("%d %s %s ← %d %s", e.Position, e.Type, e.Stream, e.Causation, e.Data)
		}
	})
}
