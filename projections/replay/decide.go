package replay

import (
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/state"
)

// newView is a view at the beginning of a log, which puts away on a shelf.
func newView(log eventstore.Log, shelf planner.Shelf) *planner.View {
	v := planner.NewView(planner.Control{}, state.Digester(log.Vault()))
	v.Know(&planner.Choices{})
	v.RestOn(shelf)
	return v
}

// piece is planned in one go: what follows from an input, or for one of the contacts that an act brings with it. park
// takes its place when plan fails.
type piece struct {
	contact    ulid.ULID // zero for what follows from the input
	plan, park func() []planner.Planned
}

// decide folds an input and hands what is to be planned on it to do, piece by piece, as the planner does, with so much of
// the view at hand in between. do reports whether planning failed.
func decide(v *planner.View, in planner.Input, atHand int, do func(piece) (failed bool)) {
	park := func() []planner.Planned { return v.Park(in) }
	e, err := state.Fold(v, in)
	if err != nil {
		do(piece{plan: park, park: park})
		return
	}
	if do(piece{plan: func() []planner.Planned { return v.Plan(in, e) }, park: park}) {
		return
	}
	switch {
	case e.Release:
		for _, id := range v.Dirty(in.Position) {
			v.Rest(atHand)
			do(piece{
				contact: id,
				plan:    func() []planner.Planned { return v.PlanDirty(in, e, id) },
				park:    func() []planner.Planned { return v.ParkDirty(in, id) },
			})
		}
	case e.Page != nil:
		for _, row := range e.Page.Rows {
			v.Rest(atHand)
			do(piece{
				contact: row.Contact,
				plan:    func() []planner.Planned { return v.PlanRow(in, *e.Page, row) },
				park:    func() []planner.Planned { return v.ParkDirty(in, row.Contact) },
			})
		}
	}
}

// try plans a piece; a panic is an error like any other.
func (p piece) try(v *planner.View) (out []planner.Planned, undo func(), failed bool) {
	var err error
	out, undo = v.Try(func() (out []planner.Planned) {
		defer state.Recovered(&err)
		return p.plan()
	})
	if err == nil {
		return out, undo, false
	}
	undo()
	out, undo = v.Try(p.park)
	return out, undo, true
}
