package replay

import (
	"slices"
	"strings"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

func isDecision(e eventstore.Event) bool { return e.Type == domain.DecisionMade }

// erased are the records whose keys were destroyed. What was decided with regard to them cannot be decided again.
type erased map[domain.Record]bool

func (e erased) note(ev eventstore.Event) {
	if !ev.Erased {
		return
	}
	for _, stream := range []string{ev.Stream, ev.Subject} {
		if r, err := domain.ParseRecord(stream); err == nil {
			e[r] = true
		}
	}
}

// bears reports whether a decision depends on what is gone: on an erased record, or, through a guard, on how many
// records there were.
func (e erased) bears(d planner.Decision) bool {
	if len(e) == 0 {
		return false
	}
	gone := func(r domain.Record) bool { return e[r] }
	return d.Guard != nil || slices.ContainsFunc(d.Considered, gone) ||
		d.Whole != nil && slices.ContainsFunc(d.Whole.Others, gone) || d.Head != nil && slices.ContainsFunc(d.Head.Others, gone) ||
		slices.ContainsFunc(d.Fields, func(v planner.Verdict) bool { return strings.HasPrefix(v.Rule, "guard: ") })
}
