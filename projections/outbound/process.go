package outbound

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/lease"
	"github.com/duolog/duolog/projections/outbound/state"
)

// ErrMoved: another process planned, or swapped the state, meanwhile; what was worked out is thrown away.
var ErrMoved = state.ErrMoved

// Config of a Process. Page defaults to 500 inputs.
type Config struct {
	DB    eventstore.DB
	Log   eventstore.Log
	Lease *lease.Handle // nil: the caller is the only process there is
	Clock func() time.Time
	Page  int
	// Planned, when set, is told after each commit how many commands were added.
	Planned func(commands int)
	// Steered, when set, is told the connection's own state after each page.
	Steered func(planner.Control)
	Logger  *slog.Logger
}

// Process is the planner at work on a connection it owns. Run and Step must not be called concurrently.
type Process struct {
	Config
	digester planner.Digester
	state    *state.Cursor // nil: load it and choices
	// choices are what values are read through, at state's place.
	choices *planner.Choices
	poison  map[poisoned]bool
}

// poisoned names what could not be decided: an input, or one of the contacts that an act brings with it. What is
// parked on it depends on the log alone, so that a process that finds the same again parks the same.
type poisoned struct {
	position int64
	contact  ulid.ULID
}

// New returns a process that is at rest.
func New(c Config) *Process {
	if c.Page <= 0 {
		c.Page = 500
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Process{Config: c, digester: state.Digester(c.Log.Vault()), poison: map[poisoned]bool{}}
}

// Run plans until ctx ends or the lease is lost. A failing database is tried again after a second.
func (p *Process) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := p.Step(ctx)
		switch {
		case errors.Is(err, lease.ErrLost):
			return err
		case err != nil && ctx.Err() == nil:
			p.Logger.Warn("planner stopped, trying again", slog.Any("error", err))
			pause(ctx, time.Second)
		case n == 0 && err == nil:
			if err := p.Log.Wait(ctx, p.state.Position); err != nil && ctx.Err() == nil {
				pause(ctx, time.Second)
			}
		}
	}
	return ctx.Err()
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// Step plans one page of inputs and returns how many events it covered; 0 at the end of the log. A page with inputs
// that cannot be decided is done again, each time with one more of them parked.
func (p *Process) Step(ctx context.Context) (int, error) {
	for {
		n, err := p.step(ctx)
		if err != nil {
			p.state = nil
		}
		var bad *undecided
		if !errors.As(err, &bad) || p.poison[bad.poisoned] {
			return n, err
		}
		p.Logger.Error("an input could not be decided; it is parked",
			slog.Int64("position", bad.position), slog.Any("error", bad.err))
		p.poison[bad.poisoned] = true
	}
}

func (p *Process) step(ctx context.Context) (int, error) {
	if p.state == nil {
		st, err := state.Open(ctx, p.DB, p.Log)
		if err != nil {
			return 0, err
		}
		if p.choices, err = st.Choices(ctx, p.Log); err != nil {
			return 0, err
		}
		p.state = st
	}
	events, err := p.Log.Read(ctx, p.state.Position, p.Page)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	events = cut(events)
	w := &work{Process: p, Cursor: p.state}
	if err := w.page(ctx, events); err != nil {
		return 0, err
	}
	clear(p.poison) // behind us
	if p.Steered != nil {
		p.Steered(p.state.Control)
	}
	return len(events), nil
}

// cut ends a page behind the first act that changes how other inputs are loaded or planned, or brings many contacts with
// it, so it has the page's end for itself.
func cut(events []eventstore.Event) []eventstore.Event {
	for i, e := range events {
		switch e.Type {
		case domain.SettingsChanged, domain.ModeChanged, domain.SyncPaused, domain.SyncResumed, domain.GateChanged,
			domain.BaselineCompleted, domain.LogRestored, domain.SchemaObserved, domain.OperationFinished, domain.PlanApplied:
			return events[:i+1]
		case domain.CatalogObserved:
			if e.Stream == declared {
				return events[:i+1]
			}
		}
	}
	return events
}

// declared is the stream of what a person says of Aloware's dispositions, which counts at once.
var declared = domain.CatalogStream(domain.Aloware, domain.ContactDispositions)

// Control returns the connection's own state as planned so far, and the position up to which it was.
func Control(ctx context.Context, db eventstore.DB, log eventstore.Log) (planner.Control, int64, error) {
	c, err := state.Open(ctx, db, log)
	if err != nil {
		return planner.Control{}, 0, err
	}
	return c.Control, c.Position, nil
}

// Rebuild folds the log from its beginning into a new version of planner state, swaps it in and removes the old one.
// It decides nothing, and cannot add a command: package state does not know the outbox. progress, when not nil, hears
// the position reached and the log's end after each page.
func Rebuild(ctx context.Context, db eventstore.DB, log eventstore.Log, progress func(done, total int64)) error {
	return state.Rebuilder{DB: db, Log: log, Progress: progress}.Run(ctx)
}
