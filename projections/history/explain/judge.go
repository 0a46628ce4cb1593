package explain

import (
	"slices"
	"strings"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history"
)

// ruling is a decision about the field, or about the contact as such, where it stands in the timeline.
type ruling struct {
	entry   *history.Entry
	step    *history.Step
	verdict *history.Verdict
	whole   *planner.Whole
}

// quiet results say that there was nothing to do: they explain a field only when nothing else does.
var quiet = []planner.Result{planner.Echo, planner.Unchanged, planner.Agreed, planner.Stale}

// find looks up the decisions that count, and whose value flowed.
func (x *explanation) find() {
	for i := range x.Entries {
		for j := range x.Entries[i].Steps {
			step := &x.Entries[i].Steps[j]
			if step.Decision == nil {
				continue
			}
			if step.Decision.Whole != nil {
				x.whole = &ruling{entry: &x.Entries[i], step: step, whole: step.Decision.Whole}
			}
			for k := range step.Decision.Verdicts {
				x.weigh(ruling{entry: &x.Entries[i], step: step, verdict: &step.Decision.Verdicts[k]})
			}
		}
	}
	x.from = x.flows()
}

func (x *explanation) weigh(r ruling) {
	if r.verdict.Field != x.field.Name {
		return
	}
	if x.counts == nil || !slices.Contains(quiet, r.verdict.Result) || slices.Contains(quiet, x.counts.verdict.Result) {
		x.counts = &r
	}
	if !r.verdict.Command.IsZero() && r.verdict.Result == planner.Sent {
		x.write = r.verdict.Command
	}
}

// flows is the side whose value counts: one that shows another now than it told, or what was decided, or else the one
// that changed last.
func (x *explanation) flows() domain.System {
	a, h := x.sides[domain.Aloware], x.sides[domain.HubSpot]
	switch {
	case h.untold():
		return domain.HubSpot
	case a.untold():
		return domain.Aloware
	case x.counts != nil && x.counts.verdict.From.Valid():
		return x.counts.verdict.From
	case a.Record == "":
		return domain.HubSpot
	case h.Record == "" || a.Since.After(h.Since):
		return domain.Aloware
	}
	return domain.HubSpot
}

// untold reports that the system shows another value now than it told.
func (s *Side) untold() bool { return s.Live != nil && s.Live.Differs }

// judge finds the cause: what is true of the contact as such first, then what is true of the field.
func (x *explanation) judge() Cause {
	switch {
	case x.Contact.Erased:
		return Erased
	case x.sides[domain.Aloware].untold() || x.sides[domain.HubSpot].untold():
		return NeverTold
	case !x.paired(), x.Contact.Status == contacts.Excluded:
		return x.alone()
	case !x.sides[domain.Aloware].Told && !x.sides[domain.HubSpot].Told && x.counts == nil:
		return NeverTold
	case x.differs() && x.stopped():
		return x.mean(x.whole.whole.Result, x.whole.whole.Rule)
	case x.state == nil:
		return x.undecided()
	}
	return x.standing()
}

// mean keeps the words of a result and its rule, and returns the cause.
func (x *explanation) mean(result planner.Result, ruled string) Cause {
	x.words = means(result, ruled)
	return x.words.cause
}

func (x *explanation) paired() bool {
	linked := map[domain.System]bool{}
	for _, r := range x.Contact.Records {
		linked[r.System] = linked[r.System] || r.State == string(planner.Linked)
	}
	return linked[domain.Aloware] && linked[domain.HubSpot]
}

// alone is why a contact has no other side that is in step with it.
func (x *explanation) alone() Cause {
	gone := slices.ContainsFunc(x.Contact.Records, func(r contacts.Record) bool { return r.State == string(planner.Deleted) })
	cause := Alone
	if x.whole != nil {
		cause = x.mean(x.whole.whole.Result, x.whole.whole.Rule)
	}
	switch {
	case gone:
		return Gone
	case x.Contact.Status == contacts.Excluded && cause != Filter:
		return Excluded
	case x.Contact.Status == contacts.Held:
		return Review
	case cause == Same, cause == Undecided, cause == Direction:
		return Alone
	}
	return cause
}

// stopped reports that the last word about the contact is that nothing is decided, for a change that came since.
func (x *explanation) stopped() bool {
	if x.whole == nil || x.whole.whole.Result != planner.Withheld && x.whole.whole.Result != planner.Parked {
		return false
	}
	if x.state != nil && !x.newer() {
		return false
	}
	return x.counts == nil || x.whole.step.Position > x.counts.step.Position
}

// undecided is why a pair's field was never decided.
func (x *explanation) undecided() Cause {
	since := x.Sync.Mapped[x.field.Name]
	switch {
	case x.Sync.Fields[x.field.Name] != "" || x.Sync.Shut:
		return Gate
	case !x.differs():
		return Same
	case since > 0 && since > x.Contact.Position, x.pairedBefore(since):
		return MappedLater
	}
	return Undecided
}

// pairedBefore reports that the records became a pair before the position.
func (x *explanation) pairedBefore(position int64) bool {
	for _, e := range x.Entries {
		for _, st := range e.Steps {
			if d := st.Decision; d != nil && st.Position < position && slices.ContainsFunc(d.Links, func(l planner.Link) bool {
				return l.State == planner.Linked
			}) {
				return true
			}
		}
	}
	return false
}

// standing is why a field stands as it does.
func (x *explanation) standing() Cause {
	switch x.state.State {
	case contacts.InStep:
		return x.inStep()
	case contacts.Pending:
		return x.pending()
	}
	result, ruled, _ := strings.Cut(x.state.Reason, ": ")
	return x.mean(planner.Result(result), ruled)
}

func (x *explanation) inStep() Cause {
	if x.counts == nil {
		return Same
	}
	v := x.counts.verdict
	cause := x.mean(v.Result, v.Rule)
	switch {
	case x.newer():
		return Undecided
	case v.Lost != nil && (v.Result == planner.LostIt || strings.HasPrefix(v.Rule, "conflict")):
		return LostOne
	case cause == Stale:
		return Stale
	case x.differs():
		return Rendered
	}
	return Same
}

// newer reports a value that was told after the field was decided last, and differs.
func (x *explanation) newer() bool {
	last := x.state.Position
	return x.differs() && (x.sides[domain.Aloware].Position > last || x.sides[domain.HubSpot].Position > last)
}

// pending is how far what is on its way has come.
func (x *explanation) pending() Cause {
	result, ruled, _ := strings.Cut(x.state.Reason, ": ")
	cause := OnItsWay
	if _, known := results[planner.Result(result)]; known {
		cause = x.mean(planner.Result(result), ruled)
	} else if x.counts != nil {
		x.words = means(x.counts.verdict.Result, x.counts.verdict.Rule)
	}
	for _, w := range x.Waiting {
		switch {
		case w.Kind == domain.KindRead || w.Kind == domain.KindLookup:
		case w.Dead:
			x.write = w.Command
			return DeadLetter
		case w.Attempts > 0 && w.Error != "":
			return Retrying
		}
	}
	return cause
}
