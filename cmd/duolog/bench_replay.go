package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/projections/outbound/state"
	"github.com/duolog/duolog/projections/replay"
)

const benchReplayHelp = `Fill a log with facts of made-up people and what the planner decides on them, then decide on all of it again and
compare. The baseline scans the same events in order and decodes their payloads, on one core. Each is the median of
the runs, which take turns; the memory is the most the process held while it replayed.`

// replayBench is what the flags say.
type replayBench struct{ rebuildBench }

func (c *cli) benchReplay() *cobra.Command {
	b := replayBench{rebuildBench{cli: c}}
	cmd := &cobra.Command{
		Use: "replay", Short: "Deciding again on a whole log", Args: none, Long: benchReplayHelp,
		Example: "  duolog bench replay --json\n  duolog bench replay --events 5000000 --contacts 500000 --runs 1",
		RunE: func(cmd *cobra.Command, _ []string) error {
			recorded := time.Now().Add(time.Hour)
			fill := func(ctx context.Context, a *app.App, _ []string) error { return b.fill(ctx, a, recorded.UnixMicro()) }
			return b.around(cmd, func() time.Time { return recorded }, fill, b.measure)
		},
	}
	cmd.Flags().IntVar(&b.events, "events", 1_000_000, "events in the log")
	cmd.Flags().IntVar(&b.contacts, "contacts", 100_000, "people in it; at most a tenth of the events")
	cmd.Flags().Float64Var(&b.skew, "skew", 1.1, "Zipf exponent of who changes how often, above 1")
	cmd.Flags().IntVar(&b.runs, "runs", 3, "replays, and baselines")
	return cmd
}

func (b *replayBench) fill(ctx context.Context, a *app.App, recorded int64) error {
	b.note("measuring on %s, log %s\n", a.Database(), b.log)
	life, err := newTrueLife(b.contacts, b.skew, state.Digester(a.Log.Vault()), recorded)
	if err != nil {
		return err
	}
	return b.fillWith(ctx, a, life, b.events)
}

func (b *replayBench) measure(ctx context.Context, a *app.App, _ []string) error {
	head, err := a.Log.Head(ctx)
	if err != nil {
		return err
	}
	r := benchResult{Bench: "replay", Backend: a.Store.Backend(), Events: head.Position, Runs: b.runs}
	var ours, theirs []float64
	m := b.meter("replay", "events")
	defer m.done()
	for range b.runs {
		began := time.Now()
		peak, err := watchResident(func() error { return b.once(ctx, a, head.Position, m.set) })
		if err != nil {
			return err
		}
		ours = append(ours, float64(head.Position)/time.Since(began).Seconds())
		r.PeakResidentMiB = max(r.PeakResidentMiB, float64(peak)/(1<<20))
		bare, err := replay.Baseline(ctx, a.Store, a.Log, head.Position)
		if err != nil {
			return fmt.Errorf("measure baseline: %w", err)
		}
		theirs = append(theirs, float64(head.Position)/bare.Seconds())
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	r.EventsPerSecond, r.BaselineEventsPerSecond = ours[len(ours)/2], theirs[len(theirs)/2]
	r.Ratio = r.EventsPerSecond / r.BaselineEventsPerSecond
	return b.showBench(r)
}

func (b *replayBench) once(ctx context.Context, a *app.App, planned int64, progress func(done, total int64)) error {
	sum, err := replay.Run(ctx, replay.Config{DB: a.Store, Log: a.Log, Planned: planned, Progress: progress})
	if err != nil {
		return err
	}
	if n := sum.Differences(); n > 0 || sum.Same == 0 {
		return fmt.Errorf("%d differences in a log of this planner, first %+v", n, sum.First)
	}
	return nil
}
