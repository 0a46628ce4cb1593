package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/contacts"
)

const benchRebuildHelp = `Fill a log with facts of made-up people, the decisions on them, outcomes and echoes, then rebuild a projection
from it, or with --all every one that duolog rebuild fills. The baseline scans the same events in order without
opening them, and copies the rows that result into tables without an index. Each is the median of the runs, which
take turns; the memory is the most the process held while it rebuilt. A processor that others use too makes the
times on the clock say little: what this process used of it, the database's part left out, is printed beside them.

To measure the same log again, as another version of the program does, name it with --log: one that is empty is
filled, one that is not is taken as it is. With PostgreSQL that needs DUOLOG_MASTER_KEY_FILE, the same each time.`

// rebuildBench is what the flags say.
type rebuildBench struct {
	*cli
	log              string
	events, contacts int
	skew             float64
	projection       string
	all              bool
	runs             int
	profile          string
}

func (c *cli) benchRebuild() *cobra.Command {
	b := rebuildBench{cli: c}
	cmd := &cobra.Command{
		Use: "rebuild", Short: "Rebuilding a projection from the log", Args: none, Long: benchRebuildHelp,
		Example: "  duolog bench rebuild --json\n  duolog bench rebuild --events 5000000 --runs 1\n" +
			"  duolog bench rebuild --log bench-a --projection history\n" +
			"  duolog bench rebuild --all",
		RunE: func(cmd *cobra.Command, _ []string) error { return b.run(cmd) },
	}
	cmd.Flags().StringVar(&b.log, "log", "", "which log; default a new one")
	cmd.Flags().IntVar(&b.events, "events", 1_000_000, "events in a log to be filled")
	cmd.Flags().IntVar(&b.contacts, "contacts", 100_000, "people in it; at most a tenth of the events")
	cmd.Flags().Float64Var(&b.skew, "skew", 1.1, "Zipf exponent of who changes how often, above 1")
	cmd.Flags().StringVar(&b.projection, "projection", contacts.Name, "which one")
	cmd.Flags().BoolVar(&b.all, "all", false, "all that duolog rebuild fills, together")
	cmd.Flags().IntVar(&b.runs, "runs", 3, "rebuilds, and baselines")
	b.profileFlag(cmd)
	cmd.MarkFlagsMutuallyExclusive("all", "projection")
	return cmd
}

func (b rebuildBench) validate() error {
	switch {
	case b.events < 10 || b.contacts < 1 || b.runs < 1:
		return usageError{errors.New("--events is at least 10, --contacts and --runs at least 1")}
	case b.skew <= 1:
		return usageError{errors.New("--skew must be above 1")}
	}
	return nil
}

func (b rebuildBench) run(cmd *cobra.Command) error {
	return b.around(cmd, nil, b.fill, b.measure)
}

// around does the steps, each with the log opened anew, so that the last begins with nothing in memory.
func (b *rebuildBench) around(cmd *cobra.Command, clock func() time.Time, steps ...action) error {
	if err := b.validate(); err != nil {
		return err
	}
	b.contacts = min(b.contacts, b.events/10)
	if b.log == "" {
		b.log = newBenchLog()
	}
	logs, err := b.benchLogs()
	if err != nil {
		return err
	}
	for _, step := range steps {
		if err = logs.on(b.log, clock, step)(cmd, nil); err != nil {
			break
		}
	}
	return errors.Join(err, logs.clean())
}

func (b rebuildBench) fill(ctx context.Context, a *app.App, _ []string) error {
	head, err := a.Log.Head(ctx)
	if err != nil {
		return err
	}
	b.note("measuring on %s, log %s\n", a.Database(), b.log)
	if head.Position > 0 {
		return nil
	}
	if _, err := b.fillLog(ctx, a, b.events, b.contacts, b.skew); err != nil {
		return fmt.Errorf("fill the log: %w", err)
	}
	return nil
}

func (b rebuildBench) measure(ctx context.Context, a *app.App, _ []string) error {
	names, what := []string{b.projection}, "rebuild "+b.projection
	if b.all {
		names, what = projectionNames, "rebuild all"
	}
	defer boundMemory(rebuildingMemory(a.Store.Backend(), len(names)))()
	watch := func(do func() error) (int64, error) {
		return watchResident(func() error { return b.profiled(do) })
	}
	m := b.meter(what, "events")
	r, err := a.Runner.BenchRebuild(ctx, names, projections.BenchOptions{
		Runs: b.runs, Progress: m.set, Watch: watch, CPU: cpuTime,
	})
	m.done()
	if err != nil {
		return err
	}
	result := benchResult{
		Bench: what, Backend: a.Store.Backend(), Events: r.Events, Runs: b.runs,
		EventsPerSecond: r.EventsPerSecond, BaselineEventsPerSecond: r.BaselineEventsPerSecond, Ratio: r.Ratio,
		PeakResidentMiB: float64(r.PeakResident) / (1 << 20),
		CPUSeconds:      r.CPU.Seconds(), BaselineCPUSeconds: r.BaselineCPU.Seconds(),
	}
	if r.CPU > 0 {
		result.CPURatio = r.BaselineCPU.Seconds() / r.CPU.Seconds()
	}
	return b.showBench(result)
}

func (b *rebuildBench) profileFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&b.profile, "cpuprofile", "", "write to this file what the processor was used for")
}

// profiled does something under the profiler, when a file is named for what it finds.
func (b *rebuildBench) profiled(do func() error) (err error) {
	if b.profile == "" {
		return do()
	}
	out, err := os.Create(b.profile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return do()
}
