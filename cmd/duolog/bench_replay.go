package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/outbound/state"
	"github.com/duolog/duolog/projections/replay"
	"github.com/duolog/duolog/projections/replay/scratch"
)

const benchReplayHelp = `Fill a log with facts of made-up people and what the planner decides on them, then decide on all of it again and
compare. The baseline scans the same events in order and decodes their payloads, on one core. Each is the median of
the runs, which take turns; the memory is the most the process held while it replayed. A processor that others use too
makes the times on the clock say little: those of the processor are printed beside them.`

// replayBench is what the flags say.
type replayBench struct {
	rebuildBench
	whatif bool
	preset string
}

func (c *cli) benchReplay() *cobra.Command {
	b := replayBench{rebuildBench: rebuildBench{cli: c}}
	cmd := &cobra.Command{
		Use: "replay", Short: "Deciding again on a whole log", Args: none, Long: benchReplayHelp,
		Example: "  duolog bench replay --json\n  duolog bench replay --events 5000000 --contacts 500000 --runs 1\n" +
			"  duolog bench replay --what-if\n  duolog bench replay --preset default",
		RunE: func(cmd *cobra.Command, _ []string) error {
			recorded := time.Now().Add(time.Hour)
			fill := func(ctx context.Context, a *app.App, _ []string) error { return b.fill(ctx, a, recorded.UnixMicro()) }
			return b.around(cmd, func() time.Time { return recorded }, fill, b.measure)
		},
	}
	f := cmd.Flags()
	f.IntVar(&b.events, "events", 1_000_000, "events in the log")
	f.IntVar(&b.contacts, "contacts", 100_000, "people in it; at most a tenth of the events")
	f.Float64Var(&b.skew, "skew", 1.1, "Zipf exponent of who changes how often, above 1")
	f.IntVar(&b.runs, "runs", 3, "replays, and baselines")
	f.BoolVar(&b.whatif, "what-if", false, "measure a what-if of another direction for one field; the baseline is the replay")
	f.StringVar(&b.preset, "preset", "", "measure a what-if of a preset, under which much is otherwise")
	b.profileFlag(cmd)
	return cmd
}

func (b *replayBench) fill(ctx context.Context, a *app.App, recorded int64) (err error) {
	b.note("measuring on %s, log %s\n", a.Database(), b.log)
	shelf, err := scratch.New(scratch.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shelf.Close()) }()
	life, err := newTrueLife(b.contacts, b.skew, state.Digester(a.Log.Vault()), shelf, recorded)
	if err != nil {
		return err
	}
	return errors.Join(b.fillWith(ctx, a, life, b.events), shelf.Err())
}

func (b *replayBench) measure(ctx context.Context, a *app.App, _ []string) (err error) {
	head, err := a.Log.Head(ctx)
	if err != nil {
		return err
	}
	r := benchResult{Bench: "replay", Backend: a.Store.Backend(), Events: head.Position, Runs: b.runs}
	defer boundMemory(decidingMemory)()
	m := b.meter("replay", "events")
	defer m.done()
	cfg := replay.Config{DB: a.Store, Log: a.Log, Planned: head.Position, Progress: m.set}
	once, baseline := func() error { return b.once(ctx, cfg) }, func(t *benchTime) error {
		return replay.Baseline(ctx, a.Store, a.Log, head.Position, t.timed)
	}
	if b.whatif || b.preset != "" {
		r.Bench = "what-if"
		once, baseline = func() error { return b.whatIf(ctx, cfg) }, func(t *benchTime) error {
			return t.timed(func() error { return b.once(ctx, cfg) })
		}
	}
	var ours, theirs []benchTime
	for range b.runs {
		var us, them benchTime
		peak, err := watchResident(func() error { return b.profiled(func() error { return us.timed(once) }) })
		if err != nil {
			return err
		}
		r.PeakResidentMiB = max(r.PeakResidentMiB, float64(peak)/(1<<20))
		if err := baseline(&them); err != nil {
			return fmt.Errorf("measure baseline: %w", err)
		}
		ours, theirs = append(ours, us), append(theirs, them)
	}
	r.rates(float64(head.Position), median(ours), median(theirs))
	return b.showBench(r)
}

// benchTime is how long something took, on the clock and of a processor.
type benchTime struct{ wall, cpu time.Duration }

func (t *benchTime) timed(do func() error) error {
	began, cpu := time.Now(), cpuTime()
	err := do()
	t.wall, t.cpu = t.wall+time.Since(began), t.cpu+cpuTime()-cpu
	return err
}

// median takes that of each apart.
func median(all []benchTime) (mid benchTime) {
	slices.SortFunc(all, func(a, b benchTime) int { return cmp.Compare(a.wall, b.wall) })
	mid.wall = all[len(all)/2].wall
	slices.SortFunc(all, func(a, b benchTime) int { return cmp.Compare(a.cpu, b.cpu) })
	mid.cpu = all[len(all)/2].cpu
	return mid
}

// rates sets the result of a run over so many events against its baseline.
func (r *benchResult) rates(events float64, ours, theirs benchTime) {
	r.EventsPerSecond, r.BaselineEventsPerSecond = events/ours.wall.Seconds(), events/theirs.wall.Seconds()
	r.Ratio = r.EventsPerSecond / r.BaselineEventsPerSecond
	if ours.cpu > 0 {
		r.CPUSeconds, r.BaselineCPUSeconds, r.CPURatio = ours.cpu.Seconds(), theirs.cpu.Seconds(), theirs.cpu.Seconds()/ours.cpu.Seconds()
	}
}

func (b *replayBench) once(ctx context.Context, c replay.Config) error {
	sum, err := replay.Run(ctx, c)
	if err != nil {
		return err
	}
	if n := sum.Differences(); n > 0 || sum.Same == 0 {
		return fmt.Errorf("%d differences in a log of this planner, first %+v", n, sum.First)
	}
	return nil
}

// whatIf decides under other settings than the log's.
func (b *replayBench) whatIf(ctx context.Context, c replay.Config) error {
	s, err := b.otherSettings()
	if err != nil {
		return err
	}
	f, err := replay.WhatIf(ctx, c, s)
	if err == nil && f.Same() {
		err = errors.New("other settings made no difference")
	}
	return err
}

// otherSettings are a preset, or those in force with one field that goes one way only.
func (b *replayBench) otherSettings() (settings.Settings, error) {
	if b.preset != "" {
		return settings.Preset(b.preset)
	}
	s, err := benchSettings()
	for i := range s.Fields {
		if s.Fields[i].Name == "city" {
			s.Fields[i].Direction = settings.ToAloware
		}
	}
	return s, err
}
