package app

import (
	"fmt"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// addGuard says which guard paused the sync, what it counted, and how to go on.
func addGuard(s *httpapi.Status, c planner.Control) {
	t := c.Guard.Trip
	if t == nil {
		return
	}
	g := &httpapi.Guarded{
		Guard: t.Guard, System: string(t.System), Counted: t.Counted, Limit: t.Limit, Of: t.Of, Position: c.Guard.PausedAt,
	}
	g.Says, g.Next = guardWords(*t)
	s.Guard = g
	s.Needs = append(s.Needs, "the guard "+g.Guard+" paused the sync: "+g.Says+". "+g.Next)
}

// guardWords says what a guard found, and what a person can do.
func guardWords(t domain.Trip) (says, next string) {
	const resume = "duolog resume --reason WHY sends what waits"
	switch t.Guard {
	case planner.GuardEmptied:
		return fmt.Sprintf("a sweep found %d of the %d records known in %s", t.Counted, t.Of, t.System.Title()),
			"See whether they are really gone there, or the token may not read them any more; then " + resume
	case planner.GuardDeleted:
		says = fmt.Sprintf("%d records were found deleted within an hour, and %d may be: %d %% of %d contacts", t.Counted,
			t.Limit, t.Share, t.Of)
	default:
		says = fmt.Sprintf("%d contacts would be written to within an hour, and %d may be: %d %% of %d", t.Counted, t.Limit,
			t.Share, t.Of)
	}
	return says, "Look at duolog contact list --status held; if it is meant, " + resume +
		"; guards." + t.Guard + " in the settings allows more"
}
