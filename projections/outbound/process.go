package outbound

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/lease"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// ErrMoved: another process planned meanwhile; what was worked out is thrown away.
var ErrMoved = errors.New("planner state has moved on")

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
	secret []byte
	state  *cursor // nil: load it
	poison int64   // position of an input that could not be decided
}

// cursor is the planner's place: the live version, the checkpoint and the connection's own state.
type cursor struct {
	store
	position int64
	control  planner.Control
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
	return &Process{Config: c, secret: c.Log.Vault().Secret("planner digest")}
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
			if err := p.Log.Wait(ctx, p.state.position); err != nil && ctx.Err() == nil {
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

// Step plans one page of inputs and returns how many events it covered; 0 at the end of the log.
func (p *Process) Step(ctx context.Context) (int, error) {
	n, err := p.step(ctx)
	var bad *undecided
	if errors.As(err, &bad) {
		p.Logger.Error("an input could not be decided; it is parked", slog.Int64("position", bad.position), slog.Any("error", bad.err))
		p.poison, p.state = bad.position, nil
		return p.step(ctx)
	}
	if err != nil {
		p.state = nil
	}
	return n, err
}

func (p *Process) step(ctx context.Context) (int, error) {
	if p.state == nil {
		st, err := loadCursor(ctx, p.DB, p.Log)
		if err != nil {
			return 0, err
		}
		p.state = st
	}
	events, err := p.Log.Read(ctx, p.state.position, p.Page)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	events = cut(events)
	w := &work{Process: p, cursor: *p.state}
	if err := w.page(ctx, events); err != nil {
		return 0, err
	}
	p.state.position, p.state.control = events[len(events)-1].Position, w.view.Control
	if p.Steered != nil {
		p.Steered(p.state.control)
	}
	return len(events), nil
}

// cut ends a page behind the first act that changes how other inputs are loaded or planned, so it has the page's end
// for itself.
func cut(events []eventstore.Event) []eventstore.Event {
	for i, e := range events {
		switch e.Type {
		case domain.SettingsChanged, domain.ModeChanged, domain.SyncPaused, domain.SyncResumed, domain.GateChanged,
			domain.BaselineCompleted:
			return events[:i+1]
		}
	}
	return events
}

// loadCursor reads the live version's place, making version 1 when there is none.
func loadCursor(ctx context.Context, db eventstore.DB, log eventstore.Log) (*cursor, error) {
	c := &cursor{store: store{conn: log.Connection(), vault: log.Vault()}}
	rows, err := db.Query(ctx, "SELECT version, position, control FROM outbound WHERE connection = $1 AND live = 1", c.conn)
	type live struct {
		version, position int64
		control           string
	}
	got, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (live, error) {
		var l live
		return l, r.Scan(&l.version, &l.position, &l.control)
	})
	if err != nil {
		return nil, fmt.Errorf("load the planner's place: %w", err)
	}
	if len(got) == 0 {
		c.version = 1
		if _, err := db.Exec(ctx, `INSERT INTO outbound (connection, version, live, position, control, updated_at)
			VALUES ($1, 1, 1, 0, '{}', 0) ON CONFLICT (connection, version) DO NOTHING`, c.conn); err != nil {
			return nil, fmt.Errorf("open planner state: %w", err)
		}
		return c, nil
	}
	c.version, c.position = got[0].version, got[0].position
	if err := json.Unmarshal([]byte(got[0].control), &c.control); err != nil {
		return nil, fmt.Errorf("planner state: %w", err)
	}
	return c, nil
}

// Control returns the connection's own state as planned so far.
func Control(ctx context.Context, db eventstore.DB, log eventstore.Log) (planner.Control, int64, error) {
	c, err := loadCursor(ctx, db, log)
	if err != nil {
		return planner.Control{}, 0, err
	}
	return c.control, c.position, nil
}

// outboxRow gives a decided command its place in the outbox.
func outboxRow(o planner.Outgoing, input int64) outbox.Row {
	r := outbox.Row{
		Command: o.ID, Contact: o.Contact, Kind: o.Kind, System: o.System, Record: o.Record, Source: o.Source, Input: input,
		Payload: outbox.Payload{Values: o.Values, Phone: o.Phone, By: o.By, Value: o.Value, Properties: o.Properties},
	}
	if o.Kind == domain.KindCreate {
		r.Record = domain.Record{}
	}
	return r
}
