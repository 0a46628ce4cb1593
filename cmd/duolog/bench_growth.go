package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history"
	"github.com/duolog/duolog/projections/outbound/state"
)

const benchGrowthHelp = `Fill a log with a hundredth of the contacts and events, measure, fill another one with all of them, and measure
both: what one person's change and one look at a contact cost must not grow with what is stored. A ratio is the
large log's median against the small one's when it was alone; again is the small one beside the large, measured
last, which tells how far the machine moved meanwhile.

  append    a changed value is appended and durable
  planner   from the append until the decision on it is committed
  contact   found by its ULID, by email, by phone, as duolog contact show does
  at        a contact as it stood at a time, as duolog contact show --at does
  history   a contact's timeline

Each look is at another contact, in a process that has seen none of them. The logs are filled in bulk, and then
stand as if they had been planned and projected event by event.`

// growthFactor is how many times larger the large log is.
const growthFactor = 100

// growthBench is what the flags say.
type growthBench struct {
	*cli
	contacts, events, samples int
}

// growthResult holds the medians.
type growthResult struct {
	Bench    string          `json:"bench"`
	Backend  string          `json:"backend"`
	Contacts [2]int          `json:"contacts"` // of the small log and of the large one
	Events   [2]int64        `json:"events"`
	Samples  int             `json:"samples"`
	Measures []growthMeasure `json:"measures"`
}

// growthMeasure is one thing's medians, in milliseconds.
type growthMeasure struct {
	What  string  `json:"what"`
	Small float64 `json:"small_ms"`
	Again float64 `json:"again_ms"`
	Large float64 `json:"large_ms"`
	Ratio float64 `json:"ratio"`
}

func (c *cli) benchGrowth() *cobra.Command {
	b := growthBench{cli: c}
	cmd := &cobra.Command{
		Use: "growth", Short: "What a change and a look cost as a log grows", Args: none, Long: benchGrowthHelp,
		Example: "  duolog bench growth --json\n  duolog bench growth --contacts 100000 --events 500000",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if b.contacts < growthFactor*growthPasses || b.events < 5*b.contacts || b.samples < 1 {
				return usageError{fmt.Errorf("--contacts is at least %d, --events five times as many, --samples at least 1",
					growthFactor*growthPasses)}
			}
			return b.run(cmd)
		},
	}
	cmd.Flags().IntVar(&b.contacts, "contacts", 1_000_000, "people in the large log")
	cmd.Flags().IntVar(&b.events, "events", 5_000_000, "events in it; at least five times as many")
	cmd.Flags().IntVar(&b.samples, "samples", 500, "of each thing, each time; at most a tenth of the small log's people")
	return cmd
}

func (b growthBench) run(cmd *cobra.Command) error {
	logs, err := b.benchLogs()
	if err != nil {
		return err
	}
	small := &growthLog{growthBench: b, contacts: b.contacts / growthFactor, events: b.events / growthFactor}
	large := &growthLog{growthBench: b, contacts: b.contacts, events: b.events}
	small.samples = min(b.samples, small.contacts/growthPasses)
	large.samples = small.samples
	name, backend := newBenchLog(), ""
	for _, step := range []struct {
		log string
		do  action
	}{
		{"small", small.fill}, {"small", small.measure}, {"large", large.fill}, {"large", large.measure}, {"small", small.measure},
	} {
		err = logs.on(name+"-"+step.log, nil, func(ctx context.Context, a *app.App, args []string) error {
			backend = a.Store.Backend()
			return step.do(ctx, a, args)
		})(cmd, nil)
		if err != nil {
			return errors.Join(err, logs.clean())
		}
	}
	return errors.Join(b.show(small, large, backend), logs.clean())
}

func (b growthBench) show(small, large *growthLog, backend string) error {
	r := growthResult{
		Bench: "growth", Backend: backend, Contacts: [2]int{small.contacts, large.contacts},
		Events: [2]int64{small.filled, large.filled}, Samples: small.samples,
	}
	for i, what := range growthThings {
		m := growthMeasure{What: what, Small: small.medians[0][i], Again: small.medians[1][i], Large: large.medians[0][i]}
		m.Ratio = m.Large / m.Small
		r.Measures = append(r.Measures, m)
	}
	if b.json {
		return b.printJSON(r)
	}
	b.printf("growth on %s: medians of %d at %s contacts and %s events, and at %s and %s\n", r.Backend, r.Samples,
		number(int64(r.Contacts[0])), number(r.Events[0]), number(int64(r.Contacts[1])), number(r.Events[1]))
	t := table{head: []string{"", "small ms", "again ms", "large ms", "ratio"}}
	ms := func(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }
	for _, m := range r.Measures {
		t.add(m.What, ms(m.Small), ms(m.Again), ms(m.Large), ms(m.Ratio))
	}
	t.print(b.cli)
	return nil
}

// fill makes the log, and what planner and projections would have made of it.
func (g *growthLog) fill(ctx context.Context, a *app.App, _ []string) (err error) {
	g.note("filling a log on %s with %s events about %s contacts\n", a.Database(), number(int64(g.events)), number(int64(g.contacts)))
	if g.life, err = g.fillLog(ctx, a, g.events, g.contacts, 1.1); err != nil {
		return err
	}
	head, err := a.Log.Head(ctx)
	if err != nil {
		return err
	}
	g.filled = head.Position
	if err := g.fold(ctx, a); err != nil {
		return err
	}
	g.rest(ctx, a.Store)
	return nil
}

// fold brings planner state and projections to the log's end, side by side.
func (g *growthLog) fold(ctx context.Context, a *app.App) error {
	m := g.meter("planner state, contacts and history", "events")
	defer m.done()
	var parts [3]atomic.Int64
	progress := func(part int) func(done, total int64) {
		return func(done, _ int64) {
			parts[part].Store(done)
			m.set(parts[0].Load()+parts[1].Load()+parts[2].Load(), 3*g.filled)
		}
	}
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return g.planned(ctx, a, progress(0)) })
	all.Go(func() error {
		if err := a.Runner.Rebuild(ctx, contacts.Name, progress(1)); err != nil {
			return err
		}
		return a.Runner.Rebuild(ctx, history.Name, progress(2))
	})
	return all.Wait()
}

// growthPage is how many events of a log that nobody else uses are folded in a transaction.
const growthPage = 5000

// planned gives the log the planner state of a planner that has come to its end: the checkpoint is set there, and a
// rebuild folds what lies before it.
func (g *growthLog) planned(ctx context.Context, a *app.App, progress func(done, total int64)) error {
	if _, _, err := a.Control(ctx); err != nil { // which makes the first version
		return err
	}
	if _, err := a.Store.Exec(ctx, "UPDATE outbound SET position = $1 WHERE connection = $2", g.filled, a.Connection); err != nil {
		return fmt.Errorf("planner state: %w", err)
	}
	return state.Rebuilder{DB: a.Store, Log: a.Log, Page: growthPage, Progress: progress}.Run(ctx)
}

// rest leaves a PostgreSQL as it is long after so much was written.
func (g *growthLog) rest(ctx context.Context, db eventstore.DB) {
	if db.Backend() != "postgres" {
		return
	}
	g.note("vacuum and checkpoint\n")
	for _, statement := range []string{"VACUUM (ANALYZE)", "CHECKPOINT"} { // not everybody may do the second
		_, _ = db.Exec(ctx, statement)
	}
}
