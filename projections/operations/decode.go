package operations

import (
	"encoding/json"
	"fmt"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/internal/inputs"
	"github.com/duolog/duolog/projections/internal/jsonread"
)

// input is an event that says something about operations; one of the payloads is set.
type input struct {
	*eventstore.Event
	act      *domain.Act // an operation's, or a plan that was discarded
	plan     *domain.Plan
	page     *domain.PlanPage
	decision *decision
	outcome  *outcome
}

// decision is what counts of a decision that was made for an operation.
type decision struct {
	operation string
	contact   string
	skipped   bool
	counts    map[string]int64
}

// outcome is what counts of an answer to a command.
type outcome struct {
	Kind    string        `json:"kind"`
	System  domain.System `json:"system"`
	Result  string        `json:"result"`
	Created bool          `json:"created"`
}

// decode reads an event; false when it says nothing about operations. An erased one says nothing any more.
func decode(e *projections.Event) (in input, ok bool, err error) {
	in.Event = e.Event
	if e.Erased {
		return in, false, nil
	}
	switch e.Type {
	case domain.OperationStarted, domain.OperationFinished, domain.OperationPaused, domain.OperationResumed,
		domain.OperationCancelled, domain.PlanDiscarded:
		in.act = &domain.Act{}
		return in, true, read(in.Event, in.act)
	case domain.PlanMade:
		in.plan = &domain.Plan{}
		return in, true, read(in.Event, in.plan)
	case domain.PlanApplied:
		in.page = &domain.PlanPage{}
		return in, true, read(in.Event, in.page)
	case domain.DecisionMade:
		return decodeDecision(in, e)
	case domain.CommandSettled:
		return decodeOutcome(in)
	}
	return in, false, nil
}

// decodeDecision reads only decisions made for an operation: they are few among all.
func decodeDecision(in input, e *projections.Event) (input, bool, error) {
	effects, err := e.Effects(false)
	if err != nil || effects.Operation.IsZero() {
		return in, false, err
	}
	var d planner.Decision
	if err := read(in.Event, &d); err != nil {
		return in, false, err
	}
	in.decision = &decision{
		operation: d.Operation.String(), contact: d.Contact.String(),
		skipped: wholeOf(d) == planner.Skipped, counts: countsOf(d),
	}
	return in, true, nil
}

// counted names what is counted of the verdicts on a contact as such.
var counted = map[planner.Result]string{
	planner.LinkedUp: domain.CountLinks, planner.HeldBack: domain.CountAmbiguous, planner.Skipped: domain.CountSkipped,
}

func wholeOf(d planner.Decision) planner.Result {
	if d.Whole == nil {
		return ""
	}
	return d.Whole.Result
}

func countsOf(d planner.Decision) map[string]int64 {
	counts := map[string]int64{domain.CountDecided: int64(d.Writes())}
	for _, c := range d.Commands {
		switch c.Kind {
		case domain.KindCreate:
			counts["creates_"+string(c.System)]++
		case domain.KindUpdate:
			counts["updates_"+string(c.System)]++
		}
	}
	if name := counted[wholeOf(d)]; name != "" {
		counts[name]++
	}
	return counts
}

// decodeOutcome reads the outcome of a write. Whether an operation led to it its cause will tell: to few of all.
func decodeOutcome(in input) (input, bool, error) {
	o, ok := readOutcome(in.Data)
	if !ok {
		o = outcome{}
		if err := read(in.Event, &o); err != nil {
			return in, false, err
		}
	}
	if o.Kind != domain.KindCreate && o.Kind != domain.KindUpdate {
		return in, false, nil
	}
	in.outcome = &o
	return in, true, nil
}

// readOutcome reads an outcome as it is written, without reflection.
func readOutcome(data []byte) (o outcome, ok bool) {
	r, seen := jsonread.New(data), uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "kind":
			r.Once(&seen, 0)
			o.Kind = inputs.Word(r)
		case "system":
			r.Once(&seen, 1)
			o.System = domain.System(inputs.Word(r))
		case "result":
			r.Once(&seen, 2)
			o.Result = inputs.Word(r)
		case "created":
			r.Once(&seen, 3)
			o.Created = r.Bool()
		default:
			r.Unknown(key)
		}
	}
	return o, r.Done()
}

func (o outcome) counts() map[string]int64 {
	counts := map[string]int64{domain.CountSettled: 1}
	switch {
	case o.Created && o.System == domain.Aloware: // by a try whose answer was lost, too
		counts[domain.CountLRN] = 1
	case o.Result == domain.ResultRejected && !o.Created, o.Result == domain.ResultDiscarded:
		counts[domain.CountRefused] = 1
	}
	return counts
}

func read(e *eventstore.Event, v any) error {
	if err := json.Unmarshal(e.Data, v); err != nil {
		return fmt.Errorf("read %s at %d: %w", e.Type, e.Position, err)
	}
	return nil
}
