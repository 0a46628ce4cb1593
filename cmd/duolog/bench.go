package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	ingestbench "github.com/duolog/duolog/adapters/httpapi/bench"
	feedbench "github.com/duolog/duolog/adapters/stream/bench"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore/bench"
)

const benchHelp = `Measure this machine and database, against what the same database does with bare inserts of the same bytes:
ratio is what of that rate is left for order, dedupe, sealing and everything else.

The measured events go to logs of their own, named bench-…, and stay there, because events cannot be deleted:
use a database made for it. Without --database-url, --data or their variables, a SQLite file in a temporary
folder is used and removed. With PostgreSQL no key is needed, and duolog migrate up must have run.`

func (c *cli) bench() *cobra.Command {
	return group(&cobra.Command{Use: "bench", Short: "Measure appends, ingest, rebuilds, replays, verify, growth and the feed", Long: benchHelp},
		c.benchAppend(), c.benchIngest(), c.benchRebuild(), c.benchReplay(), c.benchVerify(), c.benchGrowth(), c.benchFeed(), c.benchListen())
}

// benchResult is what every bench prints.
type benchResult struct {
	Bench                   string  `json:"bench"`
	Backend                 string  `json:"backend"`
	Events                  int64   `json:"events,omitempty"` // in a run
	Writers                 int     `json:"writers,omitempty"`
	Batch                   int     `json:"batch,omitempty"`
	Runs                    int     `json:"runs,omitempty"`
	EventsPerSecond         float64 `json:"events_per_second"`
	BaselineEventsPerSecond float64 `json:"baseline_events_per_second"`
	Ratio                   float64 `json:"ratio"`
	PeakResidentMiB         float64 `json:"peak_resident_mib,omitempty"`
	// What the runs used of a processor, all threads together.
	CPUSeconds         float64 `json:"cpu_seconds,omitempty"`
	BaselineCPUSeconds float64 `json:"baseline_cpu_seconds,omitempty"`
	CPURatio           float64 `json:"cpu_ratio,omitempty"`
	// Latency is printed by ingest --end-to-end, for each direction.
	Latency []latency `json:"latency,omitempty"`

	feed *feedbench.Result // what bench feed prints instead
}

// benchConns are connections enough for every client of a baseline to have its own.
const benchConns = 36

// onBench runs a bench on a log of its own.
func (c *cli) onBench(do func(context.Context, *app.App) (benchResult, error)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		clean, err := c.benchFolder()
		if err != nil {
			return err
		}
		err = with(func(ctx context.Context) (*app.App, error) {
			return c.open(ctx, func(cfg *app.Config) {
				cfg.Ephemeral, cfg.Connection = true, newBenchLog()
				cfg.MaxConns = benchConns
			})
		}, func(ctx context.Context, a *app.App, _ []string) error {
			c.note("measuring on %s\n", a.Database())
			r, err := do(ctx, a)
			if err != nil {
				return err
			}
			return c.showBench(r)
		})(cmd, nil)
		return errors.Join(err, clean())
	}
}

func newBenchLog() string { return app.BenchPrefix + strings.ToLower(ulid.Make().String()) }

// benchFolder names a temporary folder when no database was named.
func (c *cli) benchFolder() (clean func() error, err error) {
	named := c.database != "" || c.data != "" || c.file != "" ||
		slices.ContainsFunc([]string{"DUOLOG_DATABASE_URL", "DUOLOG_DATABASE_URL_FILE", "DUOLOG_DATA"},
			func(name string) bool { return c.getenv(name) != "" })
	if named {
		return func() error { return nil }, nil
	}
	if c.data, err = os.MkdirTemp("", "duolog-bench-"); err != nil {
		return nil, err
	}
	return func() error { return os.RemoveAll(c.data) }, nil
}

func (c *cli) showBench(r benchResult) error {
	if r.feed != nil && c.json {
		return c.printJSON(r.feed)
	}
	if r.feed != nil {
		c.showFeed(*r.feed)
		return nil
	}
	if c.json {
		return c.printJSON(r)
	}
	if len(r.Latency) > 0 {
		c.showLatency(r)
		return nil
	}
	memory := ""
	if r.PeakResidentMiB > 0 {
		memory = fmt.Sprintf(", at most %.0f MiB", r.PeakResidentMiB)
	}
	cpu := ""
	if r.CPUSeconds > 0 {
		cpu = fmt.Sprintf("; of a processor %.2f s, baseline %.2f s, ratio %.2f", r.CPUSeconds, r.BaselineCPUSeconds, r.CPURatio)
	}
	c.printf("%s on %s: %s events/s, baseline %s/s, ratio %.2f%s%s\n", r.Bench, r.Backend,
		number(int64(r.EventsPerSecond)), number(int64(r.BaselineEventsPerSecond)), r.Ratio, memory, cpu)
	return nil
}

// showLatency prints a line for each direction, Aloware standing left.
func (c *cli) showLatency(r benchResult) {
	c.printf("%s on %s: %.1f changes/s written of %.1f/s made\n", r.Bench, r.Backend, r.EventsPerSecond,
		r.BaselineEventsPerSecond)
	t := table{head: []string{"", "changes", "p50 ms", "p90 ms", "p99 ms", "worst ms"}}
	for _, l := range r.Latency {
		arrow := "Aloware → HubSpot"
		if l.To == domain.Aloware {
			arrow = "Aloware ← HubSpot"
		}
		ms := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
		t.add(arrow, l.Facts, ms(l.P50), ms(l.P90), ms(l.P99), ms(l.Max))
	}
	t.print(c)
}

func (c *cli) benchAppend() *cobra.Command {
	o := bench.Options{}
	cmd := &cobra.Command{
		Use: "append", Short: "Appends by many writers at once", Args: none,
		Long: "Append events of about 300 bytes from many writers at once, each waiting until its events are durable. Median of\n" +
			"three runs, in turns with as many of the baseline, which always has 32 clients.",
		Example: "  duolog bench append --writers 256\n  duolog bench append --batch 1000 --duration 10s --json",
		RunE: c.onBench(func(ctx context.Context, a *app.App) (benchResult, error) {
			m := c.meter("append", "runs")
			o.Progress = func(done, total int) { m.set(int64(done), int64(total)) }
			r, err := bench.Append(ctx, a.Store, o)
			m.done()
			return benchResult{
				Bench: "append", Backend: r.Backend, Writers: r.Writers, Batch: r.Batch, EventsPerSecond: r.EventsPerSecond,
				BaselineEventsPerSecond: r.BaselineEventsPerSecond, Ratio: r.Ratio,
			}, err
		}),
	}
	cmd.Flags().IntVar(&o.Writers, "writers", 32, "callers at once")
	cmd.Flags().IntVar(&o.Batch, "batch", 1, "events in one call")
	cmd.Flags().DurationVar(&o.Duration, "duration", 3*time.Second, "of each run")
	return cmd
}

func (c *cli) benchIngest() *cobra.Command {
	var events, writers, batch int
	var whole, sealing bool
	var o endToEndOptions
	cmd := &cobra.Command{
		Use: "ingest", Short: "Signed webhooks over HTTP, and what they cause", Args: none,
		Long: "Send signed HubSpot webhooks over HTTP to a service of this process; each is answered when its events are\n" +
			"durable. Median of three runs, in turns with as many of the baseline: bare inserts, or with --sealing the same\n" +
			"ingest without encryption, hashes and heads.\n\n" + endToEndHelp,
		Example: "  duolog bench ingest --json\n  duolog bench ingest --sealing\n  duolog bench ingest --end-to-end --rate 100 --duration 30s",
		RunE: c.onBench(func(ctx context.Context, a *app.App) (benchResult, error) {
			if whole {
				return c.benchEndToEnd(ctx, a, o)
			}
			batch = max(batch, 1)
			r, err := ingestbench.Ingest(ctx, ingestbench.Config{
				Store: a.Store, Batches: max(events/batch, 1), Size: batch, Senders: writers, Sealing: sealing,
				Progress: func(what string, rate float64) { c.note("%s: %s events/s\n", what, number(int64(rate))) },
			})
			name := "ingest"
			if sealing {
				name = "ingest sealing"
			}
			return benchResult{
				Bench: name, Backend: r.Backend, Events: int64(r.Events), Writers: writers, Batch: batch,
				EventsPerSecond: r.EventsPerSecond, BaselineEventsPerSecond: r.BaselineEventsPerSecond, Ratio: r.Ratio,
			}, err
		}),
	}
	cmd.Flags().IntVar(&events, "events", 100_000, "in each run; with few of them a run is over before it is even")
	cmd.Flags().IntVar(&writers, "writers", 10, "webhooks on their way at a time")
	cmd.Flags().IntVar(&batch, "batch", 100, "events in a webhook; HubSpot sends up to 100")
	cmd.Flags().BoolVar(&sealing, "sealing", false, "against the same ingest with sealing and encryption off")
	cmd.Flags().BoolVar(&whole, "end-to-end", false, "time changes from their webhook to the write in the other system")
	cmd.Flags().Float64Var(&o.rate, "rate", 100, "with --end-to-end: changes a second, both sides together")
	cmd.Flags().DurationVar(&o.duration, "duration", 10*time.Second, "with --end-to-end: how long they go on")
	cmd.Flags().IntVar(&o.contacts, "contacts", 0, "with --end-to-end: people on both sides; 0: each is changed once")
	return cmd
}
