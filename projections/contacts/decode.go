package contacts

import (
	"encoding/json"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// input is an event with its payload read; at most one of the payloads is set.
type input struct {
	*eventstore.Event
	fact     *fact
	outcome  *outcome
	decision *decision
	erasure  *domain.Act // or the end of one
	settings *domain.SettingsAct
}

// fact is a domain.Fact with its values as lists; Properties and Clocks are empty.
type fact struct {
	domain.Fact
	props  byName[json.RawMessage]
	clocks byName[int64]
	by     string // author
}

// outcome is a domain.Outcome with its values as lists; Sent and Shows are empty.
type outcome struct {
	domain.Outcome
	sent, shows byName[json.RawMessage]
}

// decision is of a planner.Decision what the fold needs of it: the whole of one is many times as large.
type decision struct {
	Input   int64              `json:"input"`
	Contact ulid.ULID          `json:"contact"`
	Links   []planner.Link     `json:"links"`
	Aliases []planner.Alias    `json:"aliases"`
	Head    *planner.HeadState `json:"head"`
	Fields  []verdict          `json:"fields"`
}

// verdict is of a planner.Verdict what a field's status comes of.
type verdict struct {
	Field string `json:"field"`
	After after  `json:"after"`
}

type after struct {
	State   planner.FieldStatus `json:"state"`
	Result  planner.Result      `json:"result"`
	Rule    string              `json:"rule"`
	Pending *pending            `json:"pending"`
}

// pending is a write that is waited for.
type pending struct {
	System  domain.System `json:"system"`
	Command ulid.ULID     `json:"command"`
}

// isFact reports the types that tell values of the record whose stream they lie on.
func isFact(kind string) bool {
	switch kind {
	case domain.RecordCreated, domain.RecordUpdated, domain.RecordDeleted, domain.RecordRestored,
		domain.RecordMerged, domain.RecordObserved:
		return true
	}
	return false
}

func decode(e *eventstore.Event) (*input, error) {
	in := &input{Event: e}
	var err error
	switch {
	case e.Erased:
	case isFact(e.Type) || e.Type == domain.RecordAbsent || e.Type == domain.RecordSuppressed:
		in.fact, err = decodeFact(e)
	case e.Type == domain.CommandSettled:
		in.outcome, err = decodeOutcome(e)
	case e.Type == domain.DecisionMade:
		in.decision, err = decodeDecision(e)
	case e.Type == domain.SubjectErased || e.Type == domain.SubjectLifted:
		in.erasure, err = payload[domain.Act](e)
	case e.Type == domain.SettingsChanged:
		in.settings, err = payload[domain.SettingsAct](e)
	}
	return in, err
}

func decodeFact(e *eventstore.Event) (*fact, error) {
	if f, ok := readFact(e.Data); ok {
		return f, nil
	}
	f, err := payload[domain.Fact](e)
	if err != nil {
		return nil, err
	}
	out := &fact{Fact: *f, props: fromMap(f.Properties), clocks: fromMap(f.Clocks), by: author(f.Origin)}
	out.Properties, out.Clocks = nil, nil
	return out, nil
}

func decodeOutcome(e *eventstore.Event) (*outcome, error) {
	if o, ok := readOutcome(e.Data); ok {
		return o, nil
	}
	o, err := payload[domain.Outcome](e)
	if err != nil {
		return nil, err
	}
	out := &outcome{Outcome: *o, sent: fromMap(o.Sent), shows: fromMap(o.Shows)}
	out.Sent, out.Shows = nil, nil
	return out, nil
}

func decodeDecision(e *eventstore.Event) (*decision, error) {
	if d, ok := readDecision(e.Data); ok {
		return d, nil
	}
	return payload[decision](e)
}

func payload[T any](e *eventstore.Event) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(e.Data, v); err != nil {
		return nil, fmt.Errorf("read %s at %d: %w", e.Type, e.Position, err)
	}
	return v, nil
}

// shows reports whether the event tells values of the record on whose stream it lies. What is kept of one that came when
// the record was erased, under no key of its own, tells none.
func (in *input) shows() bool {
	switch {
	case in.Subject == eventstore.SubjectLog:
		return false
	case isFact(in.Type):
		return true
	case in.Type == domain.CommandSettled:
		return in.Erased || in.outcome.Record.Stream() == in.Stream
	}
	return false
}

// read returns the records whose read by id the event answers, and the command that asked.
func (in *input) read() (streams []string, command ulid.ULID) {
	switch {
	case in.fact != nil && in.fact.Answer != nil && in.fact.Answer.By == "id":
		streams = append(streams, in.Stream)
		for _, rec := range in.fact.Merged {
			streams = append(streams, rec.Stream())
		}
		return streams, in.fact.Answer.Command
	case in.outcome != nil && in.outcome.Kind == domain.KindRead && !in.outcome.Record.IsZero():
		return []string{in.outcome.Record.Stream()}, in.outcome.Command
	}
	return nil, ulid.ULID{}
}
