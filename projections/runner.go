package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/duolog/duolog/eventstore"
)

// Page sizes. A SQLite page is small because its transaction keeps every append waiting.
const (
	pagePostgres = 1000
	pageSQLite   = 250
)

// rowMemory is how many bytes of rows a rebuild holds.
const rowMemory = 140 << 20

// pollMark is how often an idle runner writes down that it looked, for readers in other processes.
const pollMark = 5 * time.Second

// retryAfter bounds how long a follower waits after a failure that is not the events' fault.
const retryAfter = 5 * time.Second

// gather is how long a follower lets events come together once the log has grown: planning and sending, which share the
// machine and the log's disk with it, go before tables that people look at.
const gather = 20 * time.Millisecond

// While the log grows without a pause, a follower waits longer: once as long again for so many pages in a row, and that many
// times as long at most. A page costs it much the same whether there is one event in it or fifty.
const (
	pagesInRow = 8
	mostGather = 8
)

// pace says how long to gather.
type pace struct{ inRow int } // pages that the log had grown for when the one before was done

func (p *pace) gather(waited time.Duration) time.Duration {
	if p.inRow++; waited >= gather {
		p.inRow = 0
	}
	return gather * time.Duration(min(1+p.inRow/pagesInRow, mostGather))
}

// Options tune a Runner; the zero value is right for service.
type Options struct {
	// Page is the number of events in a transaction; 0 takes the backend's.
	Page int
	// Memory is about how many bytes of rows a rebuild holds before it writes them; 0 takes 140 MiB.
	Memory int
	// Now is the clock of the checkpoints' times.
	Now func() time.Time
	Log *slog.Logger
}

// Runner keeps projections of one connection in step with its log. Its methods may be called concurrently, and any
// number of processes may run the same projections.
type Runner struct {
	db          eventstore.DB
	log         eventstore.Log
	projections []Projection
	page        int
	memory      int
	clock       func() time.Time
	slog        *slog.Logger

	mu    sync.Mutex
	marks map[string]int64 // projection → when this process last looked at the log, µs
	noted map[string]int64 // projection → when it last saw to it that the table says so, µs
}

// New returns a runner of the projections over the log, whose tables lie in db.
func New(db eventstore.DB, log eventstore.Log, opts Options, projections ...Projection) *Runner {
	r := &Runner{
		db: db, log: log, projections: projections, page: opts.Page, memory: opts.Memory, clock: opts.Now,
		slog: opts.Log, marks: map[string]int64{}, noted: map[string]int64{},
	}
	if r.page == 0 {
		r.page = pagePostgres
		if db.Backend() == "sqlite" {
			r.page = pageSQLite
		}
	}
	if r.memory == 0 {
		r.memory = rowMemory
	}
	if r.clock == nil {
		r.clock = time.Now
	}
	if r.slog == nil {
		r.slog = slog.New(slog.DiscardHandler)
	}
	return r
}

// Run follows the log with every projection until ctx ends, and returns ctx's error then. What a database that is
// away leaves undone is done when it is back.
func (r *Runner) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, p := range r.projections {
		wg.Go(func() { r.follow(ctx, p) })
	}
	wg.Go(func() { r.tend(ctx) })
	wg.Wait()
	return ctx.Err()
}

func (r *Runner) follow(ctx context.Context, p Projection) {
	var pace pace
	for ctx.Err() == nil {
		err := r.followOnce(ctx, p, &pace)
		if err == nil || ctx.Err() != nil {
			continue
		}
		r.slog.LogAttrs(ctx, slog.LevelError, "projection stands still",
			slog.String("projection", p.Name()), slog.String("error", safeText(err)))
		r.pause(ctx, retryAfter)
	}
}

// followOnce catches up and then waits for the log to grow.
func (r *Runner) followOnce(ctx context.Context, p Projection, pace *pace) error {
	at, err := r.catchUp(ctx, p)
	if err != nil {
		return err
	}
	if err := r.mark(ctx, p); err != nil {
		return err
	}
	began := time.Now()
	if err := r.log.Wait(ctx, at); err != nil {
		return err
	}
	r.pause(ctx, pace.gather(time.Since(began)))
	return nil
}

// CatchUp applies what the log holds by now to every projection.
func (r *Runner) CatchUp(ctx context.Context) error {
	for _, p := range r.projections {
		if _, err := r.catchUp(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// CatchUpOf is CatchUp for one projection. ErrUnknown when the runner has none of that name.
func (r *Runner) CatchUpOf(ctx context.Context, name string) error {
	p, err := r.named(name)
	if err == nil {
		_, err = r.catchUp(ctx, p)
	}
	return err
}

// catchUp returns the position reached, the end of the log when it last looked.
func (r *Runner) catchUp(ctx context.Context, p Projection) (int64, error) {
	for {
		cp, err := r.live(ctx, p)
		if err != nil {
			return 0, err
		}
		if cp.fold > int64(p.Fold()) {
			return 0, fmt.Errorf("%s: %w", p.Name(), ErrNewer)
		}
		if cp.fold < int64(p.Fold()) {
			if err := r.rebuild(ctx, p, nil); err != nil {
				return 0, err
			}
			continue
		}
		events, err := r.log.Read(ctx, cp.position, r.page)
		if err != nil {
			return 0, fmt.Errorf("read log for %s: %w", p.Name(), err)
		}
		if len(events) == 0 {
			return cp.position, nil
		}
		err = r.apply(ctx, p, &cp, events)
		switch {
		case err == nil && len(events) < r.page:
			return cp.position, nil
		case err != nil && !errors.Is(err, errFenced):
			return 0, err
		}
	}
}

func (r *Runner) now() int64 { return r.clock().UnixMicro() }

func (r *Runner) named(name string) (Projection, error) {
	for _, p := range r.projections {
		if p.Name() == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("projection %q: %w", name, ErrUnknown)
}

// ErrUnknown: the runner has no projection of that name.
var ErrUnknown = errors.New("no such projection")

// ErrNewer: the rows were made by a newer program; this one must not add to them, nor take them back.
var ErrNewer = errors.New("projection belongs to a newer program: start that one again, or rebuild it with this one")

func (r *Runner) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
