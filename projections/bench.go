package projections

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bench is the speed of rebuilds against that of scanning the same events in order, unopened, and copying the rows that
// result into tables without an index.
type Bench struct {
	Events                  int64   `json:"events"`
	EventsPerSecond         float64 `json:"events_per_second"`
	BaselineEventsPerSecond float64 `json:"baseline_events_per_second"`
	Ratio                   float64 `json:"ratio"`
	PeakResident            int64   `json:"peak_resident"` // bytes
	// What each run used of a processor, by BenchOptions.CPU.
	CPU, BaselineCPU time.Duration
}

// BenchOptions of a measurement.
type BenchOptions struct {
	Runs     int                               // rebuilds, and baselines, in turns; the median counts
	Progress func(done, total int64)           // of each rebuild; may be nil
	Watch    func(func() error) (int64, error) // runs what it is given and returns the most memory held, bytes; may be nil
	CPU      func() time.Duration              // how long the process has used a processor; may be nil
}

func (o BenchOptions) withDefaults() BenchOptions {
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	if o.Watch == nil {
		o.Watch = func(do func() error) (int64, error) { return 0, do() }
	}
	if o.CPU == nil {
		o.CPU = func() time.Duration { return 0 }
	}
	return o
}

// benchClock adds up what pieces of work took, on the clock and of a processor.
type benchClock struct {
	cpu        func() time.Duration
	wall, used time.Duration
}

func (c *benchClock) timed(do func() error) error {
	began, used := time.Now(), c.cpu()
	err := do()
	c.wall, c.used = c.wall+time.Since(began), c.used+c.cpu()-used
	return err
}

// BenchRebuild measures rebuilds of the projections together, each followed by a run of the baseline.
func (r *Runner) BenchRebuild(ctx context.Context, names []string, o BenchOptions) (Bench, error) {
	all, err := r.allNamed(names)
	if err != nil {
		return Bench{}, err
	}
	o = o.withDefaults()
	var b Bench
	var ours, theirs []benchClock
	r.settle(ctx, "event")
	for range max(o.Runs, 1) {
		us, them := benchClock{cpu: o.CPU}, benchClock{cpu: o.CPU}
		if err := r.benchRun(ctx, all, o, &us, &b); err != nil {
			return b, fmt.Errorf("rebuild %s: %w", strings.Join(names, ", "), err)
		}
		if err := r.baseline(ctx, all, b.Events, &them); err != nil {
			return b, fmt.Errorf("measure baseline: %w", err)
		}
		ours, theirs = append(ours, us), append(theirs, them)
	}
	var us, them time.Duration
	us, b.CPU = median(ours)
	them, b.BaselineCPU = median(theirs)
	b.EventsPerSecond, b.BaselineEventsPerSecond = rate(b.Events, us), rate(b.Events, them)
	if us > 0 {
		b.Ratio = them.Seconds() / us.Seconds()
	}
	return b, nil
}

// benchRun rebuilds once. What is left of the versions before is removed first, out of the measured time.
func (r *Runner) benchRun(ctx context.Context, all []Projection, o BenchOptions, clock *benchClock, b *Bench) error {
	for _, p := range all {
		if err := r.removeKept(ctx, p, r.now()); err != nil {
			return err
		}
		for _, t := range p.Tables() {
			r.settle(ctx, t.Name)
		}
	}
	peak, err := o.Watch(func() error {
		return clock.timed(func() error {
			return r.fillAll(ctx, all, &together{progress: func(_ string, done, total int64) {
				b.Events = max(b.Events, done)
				o.Progress(done, total)
			}})
		})
	})
	b.PeakResident = max(b.PeakResident, peak)
	return err
}

// settle leaves a table as if nobody had been there a moment ago. PostgreSQL may refuse the second to some users,
// who then measure a little of what came before.
func (r *Runner) settle(ctx context.Context, table string) {
	if r.db.Backend() == "postgres" {
		_, _ = r.db.Exec(ctx, "VACUUM (ANALYZE) "+table)
		_, _ = r.db.Exec(ctx, "CHECKPOINT")
	}
}

func rate(n int64, took time.Duration) float64 {
	if took <= 0 {
		return 0
	}
	return float64(n) / took.Seconds()
}

// median takes that of each apart.
func median(all []benchClock) (wall, used time.Duration) {
	mid := func(of func(benchClock) time.Duration) time.Duration {
		slices.SortFunc(all, func(a, b benchClock) int { return cmp.Compare(of(a), of(b)) })
		return of(all[len(all)/2])
	}
	return mid(func(c benchClock) time.Duration { return c.wall }), mid(func(c benchClock) time.Duration { return c.used })
}
