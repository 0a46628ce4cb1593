package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/outbound"
)

const rebuildHelp = `Make a projection again from the log alone, beside the one in use, and swap in one transaction. Sync and reads go on
meanwhile; no system is called and nothing is decided again. Without a name, all that duolog projections list shows;
several go side by side, from one pass through the log, and take up to twice the memory of one.
duolog rebuild outbound makes the planner's state again, on which everything is decided. It is swapped in at the very
position where the planner stands, which does not wait for it: so it runs in one go, begins anew when it is stopped, has
none of the handles below and no way back; duolog replay compares what it leads to. What waits to be sent is no projection
and stays as it is: attempts and leases are not in the log.

A rebuild that was stopped or killed goes on where it was, with rebuild or rebuild resume; a service that runs takes it
up by itself. status, pause, resume, cancel and rollback work from any process that sees the database. The version
before is kept for a day, or until the next rebuild: rollback brings it back.

--diff compares the new version with the one in use, row for row and decrypted, both at one position, before the swap.
When something differs it says what, goes on with the next one, exit 3, and does not swap unless --yes says so. The new
version stands beside then: duolog rebuild NAME swaps it in, duolog rebuild cancel NAME drops it.`

// plannerState names what the planner works on: rebuilt by this name alone.
const plannerState = "outbound"

// rebuilding is how a rebuild is to go.
type rebuilding struct{ diff, yes bool }

func (c *cli) rebuild() *cobra.Command {
	var how rebuilding
	cmd := &cobra.Command{
		Use: "rebuild [NAME…]", Short: "Make projections again from the log", Long: rebuildHelp, Args: cobra.ArbitraryArgs,
		Example:   "  duolog rebuild\n  duolog rebuild contacts --diff\n  duolog rebuild status\n  duolog rebuild rollback contacts",
		ValidArgs: append(slices.Clone(projectionNames), plannerState),
		RunE: c.on(func(ctx context.Context, a *app.App, names []string) error {
			if len(names) == 0 {
				names = projectionNames
			}
			if len(names) > 1 && !how.diff && !slices.Contains(names, plannerState) {
				return c.rebuildTogether(ctx, a, names)
			}
			if how.diff && slices.Contains(names, plannerState) {
				return hint(usage("the planner's state has no --diff"), "duolog replay compares what it led to with what was decided")
			}
			return each(names, func(name string) error { return c.rebuildOne(ctx, a, name, how) })
		}),
	}
	cmd.Flags().BoolVar(&how.diff, "diff", false, "compare with the version in use before the swap; exit 3 when a row differs")
	cmd.Flags().BoolVar(&how.yes, "yes", false, "with --diff: swap although rows differ")
	cmd.AddCommand(c.rebuildStatus(), c.rebuildPause(), c.rebuildResume(), c.rebuildCancel(), c.rebuildRollback())
	return cmd
}

// rebuilt is what a rebuild came to.
type rebuilt struct {
	Projection string            `json:"projection"`
	Events     int64             `json:"events"`
	Seconds    float64           `json:"seconds"`
	Swapped    bool              `json:"swapped"`
	Diff       *projections.Diff `json:"diff,omitempty"`
}

// rebuildOne rebuilds one projection, and compares it first when that is asked for.
func (c *cli) rebuildOne(ctx context.Context, a *app.App, name string, how rebuilding) error {
	done := rebuilt{Projection: name}
	switch {
	case name == plannerState:
		return c.work(ctx, a, "rebuild", "folded", done, func(ctx context.Context, _ string, progress func(done, total int64)) error {
			return outbound.Rebuild(ctx, a.Store, a.Log, progress)
		})
	case !how.diff:
		return c.work(ctx, a, "rebuild", "folded", done, a.Runner.Rebuild)
	}
	d, err := c.compare(ctx, a, name)
	if err != nil {
		return err
	}
	done.Diff, done.Events = &d, d.Position
	differs := personIf(d.Differences() > 0)
	switch {
	case differs == nil || how.yes:
		return errors.Join(c.work(ctx, a, "rebuild", "folded", done, a.Runner.Rebuild), differs)
	case c.json:
		return errors.Join(c.printJSON(done), differs)
	}
	c.printf("Not swapped in: duolog rebuild %s does it all the same, duolog rebuild cancel %s drops it\n", name, name)
	return differs
}

// work shows how far a rebuild or a rollback is, and how it ended.
func (c *cli) work(ctx context.Context, a *app.App, what, did string, done rebuilt,
	do func(ctx context.Context, name string, progress func(done, total int64)) error,
) error {
	defer boundMemory(rebuildingMemory(a.Store.Backend(), 1))()
	m := c.meter(what+" "+done.Projection, "events")
	began := time.Now()
	err := do(ctx, done.Projection, func(at, total int64) {
		done.Events = at
		m.set(at, total)
	})
	m.done()
	if err != nil {
		return c.stopped(done.Projection, err)
	}
	return c.swapped(done, did, time.Since(began))
}

// swapped tells of one that came to its end.
func (c *cli) swapped(done rebuilt, did string, took time.Duration) error {
	if done.Seconds, done.Swapped = took.Seconds(), true; c.json {
		return c.printJSON(done)
	}
	c.printf("%s: %s %s in %s, swapped in\n", done.Projection, plural(done.Events, "event"), did, tookWord(took))
	return nil
}

// stopped says what to do about a rebuild that did not come to its end.
func (c *cli) stopped(name string, err error) error {
	switch {
	case errors.Is(err, projections.ErrUnknown):
		return hint(usageError{err}, "duolog projections list names them")
	case errors.Is(err, projections.ErrPaused):
		c.note("%s: paused; duolog rebuild resume %s goes on\n", name, name)
		return errPerson
	case errors.Is(err, outbound.ErrMoved):
		return hint(err, "another process began to rebuild it after this one, and goes on; what is in use is whole")
	case errors.Is(err, projections.ErrOtherFold):
		return hint(err, "only the version of the program that made them can bring them back; what is in use may be rebuilt")
	case errors.Is(err, projections.ErrNothingKept):
		return hint(err, "a version is kept for a day after the rebuild that replaced it; duolog rebuild makes it again from the log")
	}
	return err
}

// compare compares a projection made from the log with the one in use, and says how they differ.
func (c *cli) compare(ctx context.Context, a *app.App, name string) (projections.Diff, error) {
	defer boundMemory(rebuildingMemory(a.Store.Backend(), 1))()
	m := c.meter("rebuild "+name, "events")
	d, err := a.Runner.Compare(ctx, name, m.set)
	m.done()
	if err != nil {
		return d, c.stopped(name, err)
	}
	if !c.json {
		c.tellDiff(d)
	}
	return d, nil
}

func (c *cli) tellDiff(d projections.Diff) {
	c.printf("%s: version %d beside version %d, which is in use, both at %s\n", d.Projection, d.Version, d.Live, at(d.Position))
	t := table{head: []string{"table", "same", "changed", "added", "removed"}}
	for _, one := range d.Tables {
		t.add(one.Table, one.Same, one.Changed, one.Added, one.Removed)
	}
	t.print(c)
	if d.Differences() == 0 {
		c.printf("No row differs.\n")
		return
	}
	first := table{head: []string{"first that differ", "row", "what"}}
	for _, one := range d.Tables {
		for _, row := range one.First {
			what := row.What
			if len(row.Columns) > 0 {
				what += ": " + list(row.Columns)
			}
			first.add(one.Table, row.Key, what)
		}
	}
	first.print(c)
}
