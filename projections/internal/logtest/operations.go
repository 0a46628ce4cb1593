package logtest

import (
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// NextOfOperations makes logs mostly of operations: plans that are made and discarded, operations that start, rest and
// end, their pages, and what was decided and answered for them.
func (g *Generator) NextOfOperations(head int64) eventstore.NewEvent {
	g.made++
	switch n := g.rnd.IntN(24); {
	case n < 4:
		e := g.event("connection", domain.PlanMade, eventstore.SubjectLog, domain.Plan{
			PlanSpec: domain.PlanSpec{Scope: domain.Scope{Name: domain.OpPush}}, Number: int64(g.made), Rows: g.rnd.Int64N(9),
		})
		g.plans = append(g.plans, e.ID)
		return e
	case n < 8 || len(g.operations) == 0:
		e := g.event("connection", domain.OperationStarted, eventstore.SubjectLog, domain.Act{
			Name: []string{domain.OpPush, domain.OpPull}[g.rnd.IntN(2)], Plan: one(g, g.plans),
		})
		g.operations = append(g.operations, e.ID)
		return e
	case n < 11:
		kinds := []string{
			domain.OperationFinished, domain.OperationPaused, domain.OperationResumed, domain.OperationCancelled, domain.PlanDiscarded,
		}
		return g.event("connection", kinds[g.rnd.IntN(len(kinds))], eventstore.SubjectLog, domain.Act{
			Command: one(g, g.operations), Plan: one(g, g.plans), Counts: map[string]int64{"cost_usd": g.rnd.Int64N(3)},
		})
	case n < 14:
		g.pages = append(g.pages, head+1)
		return g.event("connection", domain.PlanApplied, eventstore.SubjectLog, domain.PlanPage{Operation: one(g, g.operations)})
	case n < 19:
		d := planner.Decision{Contact: g.contact(), Operation: one(g, g.operations), Commands: []planner.Command{{
			ID: g.command, Kind: domain.KindUpdate, System: domain.HubSpot,
		}}}
		if g.rnd.IntN(2) == 0 {
			d.Commands, d.Whole = nil, &planner.Whole{Result: planner.Skipped}
		}
		return g.event(fmt.Sprint("contact/", d.Contact), domain.DecisionMade, eventstore.SubjectLog, d)
	case n < 23 && len(g.pages) > 0:
		e := g.outcome()
		e.Causation = g.pages[g.rnd.IntN(len(g.pages))]
		return e
	}
	return g.Next(head)
}

func one(g *Generator, of []ulid.ULID) ulid.ULID {
	if len(of) == 0 {
		return ulid.ULID{}
	}
	return of[g.rnd.IntN(len(of))]
}
