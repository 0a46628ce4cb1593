package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/state"
	"github.com/duolog/duolog/projections/replay/scratch"
)

// Config of a replay.
type Config struct {
	DB  eventstore.DB
	Log eventstore.Log
	// From and To bound the positions of the inputs that are compared; 0: from the beginning, to the end.
	From, To int64
	// Planned is how far the log was planned; 0: as far as the planner's own checkpoint says.
	Planned int64
	// Contact, when set, narrows what is compared to one contact.
	Contact ulid.ULID
	// AtHand is how many records and contacts are kept ready; the others are put away, which takes some time. 0: 6000.
	AtHand int
	// Scratch is where they are put, sealed, and nothing is left of them in the end.
	Scratch scratch.Config
	// Progress, when set, hears the position reached and the last one to be read.
	Progress func(done, total int64)
	// Differed, when set, is handed every difference as it is found, in planner order.
	Differed func(Difference)
	// Paired, when set, is handed the two decisions of every difference as well; the one that was not made is nil.
	Paired func(d Difference, was, now *planner.Decision)
	// Began, when set, is handed where each contact begins to differ, as it is found, by a what-if.
	Began func(Divergence)
	// Settled, when set, is handed what the systems in the log answered to commands, by a what-if.
	Settled func(domain.Outcome)
	// Enough, when set, is asked now and then; once it says so, the run ends where it is, and its result says how far
	// that was.
	Enough func() bool
}

// enough reports whether to end before the end.
func (c *Config) enough(done, total int64) bool { return done < total && c.Enough != nil && c.Enough() }

// Run replays a log as far as it was planned.
func Run(ctx context.Context, c Config) (s Summary, err error) {
	end, err := c.bound(ctx)
	if err != nil {
		return Summary{}, err
	}
	store, err := scratch.New(c.Scratch)
	if err != nil {
		return Summary{}, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	r := &replay{
		Config: c, view: newView(c.Log, store),
		queue: queue{atMost: c.AtHand}, out: newTally(c), erased: erased{},
	}
	if err := r.read(ctx, end); err != nil {
		return Summary{}, fmt.Errorf("replay: %w", err)
	}
	s = r.out.summary(r.view)
	if err := r.view.Err(); err != nil {
		return Summary{}, fmt.Errorf("replay: %w", err)
	}
	return s, nil
}

// bound keeps To within what was planned, and returns the log's end by then: all that was decided lies before it.
func (c *Config) bound(ctx context.Context) (end int64, err error) {
	if c.Planned == 0 {
		cursor, err := state.Open(ctx, c.DB, c.Log)
		if err != nil {
			return 0, err
		}
		c.Planned = cursor.Position
	}
	if c.To <= 0 || c.To > c.Planned {
		c.To = c.Planned
	}
	if c.AtHand <= 0 {
		c.AtHand = 6000
	}
	head, err := c.Log.Head(ctx)
	return head.Position, err
}

type replay struct {
	Config
	view    *planner.View
	queue   queue
	again   again
	out     *tally
	erased  erased
	encoded []byte // the decision compared last
	// version of the planner that decided last.
	version int
	// reached is the last input that was decided on.
	reached int64
}

// read takes the log in, page by page, and decides on inputs as soon as all that was decided on them is known.
func (r *replay) read(ctx context.Context, end int64) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	r.again = func(after int64, limit int) ([]eventstore.Event, error) { return r.Log.Read(ctx, after, limit) }
	for p := range pages(ctx, r.Log, end) {
		if p.err != nil {
			return p.err
		}
		if err := recall(ctx, r.Log, r.view, p.events); err != nil {
			return err
		}
		for i, e := range p.events {
			if err := r.event(e, p.inputs[i]); err != nil {
				return err
			}
		}
		last := p.events[len(p.events)-1].Position
		if r.Progress != nil {
			r.Progress(last, end)
		}
		if len(r.queue.steps) > 0 && r.queue.steps[0].in.Position > r.To {
			return ctx.Err()
		}
		if r.enough(last, end) {
			r.out.Cut, r.out.To = true, r.reached
			return nil
		}
	}
	return r.steps(r.queue.take(math.MaxInt64))
}

func (r *replay) event(e eventstore.Event, in planner.Input) error {
	r.erased.note(e)
	if e.Causation > 0 && isDecision(e) {
		if err := r.steps(r.queue.take(e.Causation)); err != nil {
			return err
		}
	}
	stray := r.queue.add(e, in)
	if stray == nil {
		return nil
	}
	return r.onlyRecorded(step{in: planner.Input{Position: e.Causation}}, *stray)
}

func (r *replay) steps(steps []step) error {
	for i, s := range steps {
		if s.in.Position > r.To {
			return nil
		}
		steps[i] = step{} // it is not to be held longer than that
		if err := r.step(s); err != nil {
			return err
		}
	}
	return nil
}

// step decides on one input. Outside of what is compared, and where what the input told is gone, the recorded decisions
// are taken as they are.
func (r *replay) step(s step) (err error) {
	r.view.Rest(r.AtHand)
	r.reached = s.in.Position
	r.out.input(s)
	switch {
	case s.erased:
		return r.adopt(s)
	case s.in.Position < r.From:
		_, _ = state.Fold(r.view, s.in)
		return r.applyRest(s)
	}
	decide(r.view, s.in, r.AtHand, func(p piece) bool {
		planned, undo, failed := p.try(r.view)
		if err = cmp.Or(err, r.view.Err()); err == nil {
			err = r.compare(&s, planned, undo)
		}
		return failed
	})
	for e, failed := range s.recorded.rest(r.again) {
		if err = cmp.Or(err, r.view.Err(), failed); err == nil {
			err = r.onlyRecorded(s, e)
		}
	}
	return cmp.Or(err, r.view.Err())
}

func (r *replay) applyRest(s step) error {
	for e, err := range s.recorded.rest(r.again) {
		if err != nil {
			return err
		}
		if _, err := r.take(e); err != nil {
			return err
		}
	}
	return nil
}

func (r *replay) apply(recorded []eventstore.Event) error {
	for _, e := range recorded {
		if _, err := r.take(e); err != nil {
			return err
		}
	}
	return nil
}

// take applies a recorded decision.
func (r *replay) take(e eventstore.Event) (planner.Decision, error) {
	d, err := state.Decision(e)
	if err != nil {
		return d, err
	}
	r.version = d.Planner
	r.view.Apply(d)
	return d, r.view.Err()
}

// adopt takes what was decided on an erased input as it is.
func (r *replay) adopt(s step) error {
	for e, err := range s.recorded.rest(r.again) {
		if err != nil {
			return err
		}
		d, err := r.take(e)
		if err != nil {
			return err
		}
		if s.in.Position >= r.From {
			r.out.adopted(d.Contact)
		}
	}
	return nil
}
