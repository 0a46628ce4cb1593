package contacts

import (
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/internal/inputs"
)

// decide takes a verdict into the field it is about, unless one of a higher input is there. An outcome that came
// before counts on while the verdict still waits for the same write: the planner writes no decision on an outcome
// that only confirms.
func (c *contact) decide(v inputs.Effect, at order) {
	old, known := c.body.Fields.get(v.Field)
	if known && !at.after(old.Order) {
		return
	}
	f := field{Order: at, Position: at.Position}
	f.State, f.Reason = fieldStatus(v.After)
	// A field that is apart or waits says what was decided since: how an older write ends does not change that.
	if p := v.After.Pending; p != nil && (v.After.State == planner.Pending || v.After.State == planner.InStep) {
		f.Write = write{System: p.System, Command: p.Command}
		if old.Write.Command == p.Command {
			f.Write = old.Write
		}
	}
	f.settle()
	c.body.Fields.put(v.Field, f)
}

// settled takes an outcome into the fields that wait for it; true when there were any.
func (c *contact) settled(in *input, p *policy) bool {
	waited := false
	for i := range c.body.Fields {
		f := &c.body.Fields[i].v
		if o := in.outcome; f.Write.Command == o.Command && !o.Command.IsZero() {
			name := p.writeName(f.Write.System, c.body.Fields[i].name)
			f.Write.Result, f.Write.Reason = fieldResult(&o.Outcome, name)
			f.Write.Position = in.Position
			f.settle()
			waited = true
		}
	}
	return waited
}

// fieldResult narrows an outcome to one property.
func fieldResult(o *domain.Outcome, property string) (result, reason string) {
	refusal, refused := o.Refused[property]
	switch {
	case o.Result == domain.ResultPartly && refused:
		return domain.ResultRejected, refusal
	case o.Result == domain.ResultPartly:
		return domain.ResultApplied, ""
	case refusal != "":
		return o.Result, refusal
	}
	return o.Result, o.Reason
}

// settle lets the outcome of the field's write, if there is one, say how it stands.
func (f *field) settle() {
	switch {
	case f.Write.Result == "":
		return
	case f.Write.Result == domain.ResultApplied, f.Write.Result == domain.ResultSuperseded:
		f.State, f.Reason = InStep, ""
	case f.Write.Result == domain.ResultWithdrawn, f.Write.Reason == domain.ReasonChanged: // planned again
		f.State, f.Reason = Pending, f.Write.Result
	default:
		f.State, f.Reason = Failing, joinReason(f.Write.Result, f.Write.Reason)
	}
	f.Position = f.Write.Position
}
