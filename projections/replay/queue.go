package replay

import (
	"slices"

	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// step is an input with what was decided on it, in the order it was decided.
type step struct {
	in       planner.Input
	erased   bool // what it told is gone
	recorded recorded
}

// queue puts a log into the planner's order. What was decided on an input is complete once a decision on a later one
// was read: the planner takes inputs in order, and appends what it decides as it goes.
type queue struct {
	steps  []step
	atMost int // decisions on one input that are held
}

// add takes the next event of the log, and returns a decision on an input that is not waiting: it belongs to none.
func (q *queue) add(e eventstore.Event, in planner.Input) (stray *eventstore.Event) {
	if isDecision(e) {
		i, ok := q.find(e.Causation)
		if !ok {
			return &e
		}
		q.steps[i].recorded.add(e, q.atMost)
		return nil
	}
	if e.Erased {
		in = planner.Input{Position: e.Position, ID: e.ID, Type: e.Type, Stream: e.Stream, RecordedAt: e.RecordedAt}
	}
	q.steps = append(q.steps, step{in: in, erased: e.Erased})
	return nil
}

func (q *queue) find(position int64) (int, bool) {
	return slices.BinarySearchFunc(q.steps, position, func(s step, p int64) int { return int(s.in.Position - p) })
}

// take removes the steps before a position, and returns them.
func (q *queue) take(before int64) []step {
	n, _ := q.find(before)
	done := q.steps[:n]
	q.steps = q.steps[n:]
	return done
}
