package replay

import (
	"context"
	"iter"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/internal/inputs"
	"github.com/duolog/duolog/projections/outbound/state"
)

// pageSize is how many events are read at once.
const pageSize = 2000

type page struct {
	events []eventstore.Event
	inputs []planner.Input // of each event; of a decision or an erased one nothing
	err    error
}

// read reads what follows a position.
func read(ctx context.Context, log eventstore.Log, at int64, limit int) (p page) {
	if p.events, p.err = log.Read(ctx, at, limit); p.err != nil {
		return p
	}
	p.inputs = make([]planner.Input, len(p.events))
	for i, e := range p.events {
		if e.Erased || isDecision(e) {
			continue
		}
		in, err := state.Input(e)
		if err != nil {
			return page{err: err}
		}
		p.inputs[i] = told(in)
	}
	return p
}

// told is an input with its payload read.
func told(in planner.Input) planner.Input {
	switch ok := false; {
	case planner.IsFact(in.Type):
		if in.Fact, ok = inputs.Fact(in.Data); ok {
			return in
		}
	case in.Type == domain.CommandSettled:
		if in.Outcome, ok = inputs.Outcome(in.Data); ok {
			return in
		}
	}
	in.Fact, in.Outcome = nil, nil
	return in.Read()
}

// pages reads a log up to a position, the next pages, and what they tell, while one is worked on.
func pages(ctx context.Context, log eventstore.Log, end int64) iter.Seq[page] {
	ctx, stop := context.WithCancel(ctx)
	next := make(chan page, 2)
	go func() {
		defer close(next)
		for at := int64(0); at < end; {
			p := read(ctx, log, at, int(min(pageSize, end-at)))
			if p.err == nil && len(p.events) == 0 {
				return
			}
			select {
			case next <- p:
			case <-ctx.Done():
				return
			}
			if p.err != nil {
				return
			}
			at = p.events[len(p.events)-1].Position
		}
	}()
	return func(yield func(page) bool) {
		defer stop()
		for p := range next {
			if !yield(p) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(page{err: err})
		}
	}
}
