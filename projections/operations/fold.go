package operations

import (
	"encoding/json"
	"fmt"

	"github.com/duolog/duolog/domain"
)

// The states of an operation, and of a plan.
const (
	Running   = "running"
	Paused    = "paused"
	Done      = "done"
	Failed    = "failed"
	Cancelled = "cancelled"

	Made      = "made"
	Applied   = "applied"
	Discarded = "discarded"
)

// operation is a row of table operation.
type operation struct {
	id, name, plan, state, actor string
	position, started, ended     int64
	body                         opBody

	dirty bool
}

// opBody is what of an operation nobody searches by.
type opBody struct {
	Reason  string           `json:"reason,omitempty"`  // why it was started
	Failure string           `json:"failure,omitempty"` // why it ended without being done
	Rows    int64            `json:"rows,omitempty"`
	Spec    *domain.PlanSpec `json:"spec,omitempty"`
	Counts  map[string]int64 `json:"counts,omitempty"`
}

// plan is a row of table operation_plan.
type plan struct {
	id, state, operation, actor string
	number, position, made      int64
	body                        string

	dirty bool
}

// skip names a contact an operation left.
type skip struct{ operation, contact string }

// fold holds the rows a run of events touches, and folds the events into them.
type fold struct {
	operations map[string]*operation
	plans      map[string]*plan
	pages      map[int64]string // operation by position
	fresh      map[int64]bool   // pages to be written
	skipped    map[skip]int64   // and where that was said
}

func newFold() *fold {
	return &fold{
		operations: map[string]*operation{}, plans: map[string]*plan{}, pages: map[int64]string{}, fresh: map[int64]bool{},
		skipped: map[skip]int64{},
	}
}

func (f *fold) apply(in input) error {
	switch {
	case in.plan != nil:
		return f.applyPlan(in)
	case in.page != nil:
		f.pages[in.Position], f.fresh[in.Position] = in.page.Operation.String(), true
	case in.decision != nil:
		d := in.decision
		f.add(d.operation, d.counts)
		if d.skipped {
			f.skipped[skip{d.operation, d.contact}] = in.Position
		}
	case in.outcome != nil:
		if id := f.pages[in.Causation]; id != "" {
			f.add(id, in.outcome.counts())
		}
	case in.Type == domain.PlanDiscarded:
		if p := f.plans[in.act.Plan.String()]; p != nil {
			p.state, p.dirty = Discarded, true
		}
	default:
		f.applyAct(in)
	}
	return nil
}

func (f *fold) applyPlan(in input) error {
	body, err := json.Marshal(in.plan)
	if err != nil {
		return fmt.Errorf("encode a plan: %w", err)
	}
	f.plans[in.ID.String()] = &plan{
		id: in.ID.String(), number: in.plan.Number, state: Made, actor: in.Actor, position: in.Position, made: in.RecordedAt,
		body: string(body), dirty: true,
	}
	return nil
}

// applyAct takes that an operation started, rests, goes on or ended.
func (f *fold) applyAct(in input) {
	if in.Type == domain.OperationStarted {
		f.start(in)
		return
	}
	o := f.operations[in.act.Command.String()]
	if o == nil || o.ended > 0 {
		return
	}
	o.dirty = true
	switch in.Type {
	case domain.OperationPaused:
		o.state = Paused
	case domain.OperationResumed:
		o.state = Running
	case domain.OperationCancelled:
		o.state, o.ended, o.body.Failure = Cancelled, in.RecordedAt, in.act.Reason
	case domain.OperationFinished:
		o.state, o.ended, o.body.Failure = Done, in.RecordedAt, in.act.Reason
		if in.act.Reason != "" {
			o.state = Failed
		}
		for name, n := range in.act.Counts {
			o.count(name, n, false)
		}
	}
}

func (f *fold) start(in input) {
	o := &operation{
		id: in.ID.String(), name: in.act.Name, state: Running, actor: in.Actor, position: in.Position, started: in.RecordedAt,
		body: opBody{Reason: in.act.Reason, Rows: in.act.Counts[domain.CountRows], Spec: in.act.Spec}, dirty: true,
	}
	if !in.act.Plan.IsZero() {
		o.plan = in.act.Plan.String()
		if p := f.plans[o.plan]; p != nil {
			p.state, p.operation, p.dirty = Applied, o.id, true
		}
	}
	f.operations[o.id] = o
}

func (f *fold) add(id string, counts map[string]int64) {
	o := f.operations[id]
	if o == nil {
		return
	}
	for name, n := range counts {
		o.count(name, n, true)
	}
	o.dirty = true
}

// count adds to a count, or says what it is.
func (o *operation) count(name string, n int64, more bool) {
	if o.body.Counts == nil {
		o.body.Counts = map[string]int64{}
	}
	if more {
		n += o.body.Counts[name]
	}
	if n != 0 {
		o.body.Counts[name] = n
	}
}
