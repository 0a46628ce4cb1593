package contacts

import (
	"encoding/json"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/internal/inputs"
)

// input is an event with its payload read; at most one of the payloads is set.
type input struct {
	*eventstore.Event
	fact     *fact
	outcome  *outcome
	decision *inputs.Effects
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

// isFact reports the types that tell values of the record whose stream they lie on.
func isFact(kind string) bool {
	switch kind {
	case domain.RecordCreated, domain.RecordUpdated, domain.RecordDeleted, domain.RecordRestored,
		domain.RecordMerged, domain.RecordObserved:
		return true
	}
	return false
}

func decode(e *projections.Event) (*input, error) {
	in := &input{Event: e.Event}
	var err error
	switch {
	case e.Erased:
	case isFact(e.Type) || e.Type == domain.RecordAbsent || e.Type == domain.RecordSuppressed:
		in.fact, err = decodeFact(e.Event)
	case e.Type == domain.CommandSettled:
		in.outcome, err = decodeOutcome(e.Event)
	case e.Type == domain.DecisionMade:
		in.decision, err = e.Effects(true)
	case e.Type == domain.SubjectErased || e.Type == domain.SubjectLifted:
		in.erasure, err = payload[domain.Act](e.Event)
	case e.Type == domain.SettingsChanged:
		in.settings, err = payload[domain.SettingsAct](e.Event)
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
