package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/projections"
)

func list(words []string) string { return strings.Join(words, ", ") }

func (c *cli) rebuildStatus() *cobra.Command {
	var asCSV bool
	cmd := &cobra.Command{
		Use: "status [NAME…]", Short: "How far rebuilds are, whichever process runs them",
		Args: cobra.ArbitraryArgs, ValidArgs: projectionNames, Example: "  duolog rebuild status --json",
		RunE: c.on(func(ctx context.Context, a *app.App, names []string) error {
			all, err := chosen(ctx, a, names)
			if err != nil {
				return err
			}
			t := table{head: []string{"projection", "in use", "rebuild", "at", "of", "events/s", "left", "kept"}}
			for _, p := range all {
				t.add(rebuildRow(p)...)
			}
			return c.list(&t, asCSV, map[string]any{"rebuilds": all})
		}),
	}
	csvFlag(cmd, &asCSV)
	return cmd
}

func rebuildRow(p projections.Progress) []any {
	state, reached, speed, left, kept := "–", "–", "–", "–", "–"
	if p.State != "" {
		state, reached = fmt.Sprintf("version %d %s", p.Version, p.State), at(p.Reached)
		if p.Rollback {
			state = fmt.Sprintf("back to %d, %s", p.Version, p.State)
		}
	}
	if p.Rate > 0 {
		speed, left = number(int64(p.Rate)), p.Left.Round(time.Second).String()
	}
	if p.Kept > 0 {
		kept = fmt.Sprint("version ", p.Kept)
	}
	return []any{p.Name, p.Live, state, reached, position(p.Head), speed, left, kept}
}

// chosen are the named projections' rebuilds, or all.
func chosen(ctx context.Context, a *app.App, names []string) ([]projections.Progress, error) {
	all, err := a.Runner.Rebuilds(ctx)
	if err != nil || len(names) == 0 {
		return all, err
	}
	for _, name := range names {
		if name == plannerState {
			return nil, unsteered()
		}
		if !slices.ContainsFunc(all, func(p projections.Progress) bool { return p.Name == name }) {
			return nil, hint(usageError{fmt.Errorf("projection %q: %w", name, projections.ErrUnknown)}, "duolog projections list names them")
		}
	}
	return slices.DeleteFunc(all, func(p projections.Progress) bool { return !slices.Contains(names, p.Name) }), nil
}

// unsteered says why the planner's state has none of a projection's handles.
func unsteered() error {
	return hint(usage("the rebuild of the planner's state is not steered: it runs in the command that began it"),
		"Ctrl-C ends it, and leaves the state in use; duolog rebuild outbound begins anew; duolog replay compares")
}

// underWay does something about the named rebuilds, or about all that are under way.
func (c *cli) underWay(do func(ctx context.Context, a *app.App, p projections.Progress) error) func(*cobra.Command, []string) error {
	return c.on(func(ctx context.Context, a *app.App, names []string) error {
		all, err := chosen(ctx, a, names)
		if err != nil {
			return err
		}
		idle := func(p projections.Progress) bool { return p.State == "" }
		if i := slices.IndexFunc(all, idle); i >= 0 && len(names) > 0 {
			return fmt.Errorf("%s: %w", all[i].Name, projections.ErrNoRebuild)
		}
		if all = slices.DeleteFunc(all, idle); len(all) == 0 {
			return projections.ErrNoRebuild
		}
		return each(all, func(p projections.Progress) error { return do(ctx, a, p) })
	})
}

func (c *cli) rebuildPause() *cobra.Command {
	return &cobra.Command{
		Use: "pause [NAME…]", Short: "Have rebuilds rest, whichever process runs them",
		Args: cobra.ArbitraryArgs, ValidArgs: projectionNames, Example: "  duolog rebuild pause contacts",
		RunE: c.underWay(func(ctx context.Context, a *app.App, p projections.Progress) error {
			if err := a.Runner.Pause(ctx, p.Name); err != nil {
				return err
			}
			return c.steered(p.Name, "paused", "duolog rebuild resume "+p.Name+" goes on")
		}),
	}
}

func (c *cli) rebuildCancel() *cobra.Command {
	return &cobra.Command{
		Use: "cancel [NAME…]", Short: "Give rebuilds up, whichever process runs them",
		Args: cobra.ArbitraryArgs, ValidArgs: projectionNames, Example: "  duolog rebuild cancel contacts",
		RunE: c.underWay(func(ctx context.Context, a *app.App, p projections.Progress) error {
			err := a.Runner.Cancel(ctx, p.Name)
			if errors.Is(err, projections.ErrOtherFold) {
				return hint(err, "this program cannot go on with the version in use; duolog rebuild pause %s has the rebuild rest", p.Name)
			}
			if err != nil {
				return err
			}
			return c.steered(p.Name, "cancelled", "the version in use stays")
		}),
	}
}

func (c *cli) steered(name, state, then string) error {
	if c.json {
		return c.printJSON(map[string]string{"projection": name, "state": state})
	}
	c.printf("%s: %s; %s\n", name, state, then)
	return nil
}

func (c *cli) rebuildResume() *cobra.Command {
	return &cobra.Command{
		Use: "resume [NAME…]", Short: "Go on with rebuilds that were paused, stopped or killed",
		Args: cobra.ArbitraryArgs, ValidArgs: projectionNames, Example: "  duolog rebuild resume contacts",
		RunE: c.underWay(func(ctx context.Context, a *app.App, p projections.Progress) error {
			if p.Diff {
				return c.rebuildOne(ctx, a, p.Name, rebuilding{diff: true})
			}
			return c.work(ctx, a, "rebuild", "folded", rebuilt{Projection: p.Name}, a.Runner.Resume)
		}),
	}
}

func (c *cli) rebuildRollback() *cobra.Command {
	return &cobra.Command{
		Use: "rollback NAME…", Short: "Bring back the version before the last swap",
		Long: "Bring back the version that was in use before the last swap. It is caught up to the end of the log first, and\n" +
			"swapped in in one transaction; the other one is kept then.",
		Args: cobra.MatchAll(cobra.ArbitraryArgs, func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("want: %s", strings.TrimSuffix(cmd.UseLine(), " [flags]"))
			}
			return nil
		}),
		ValidArgs: projectionNames, Example: "  duolog rebuild rollback contacts",
		RunE: c.on(func(ctx context.Context, a *app.App, names []string) error {
			for _, name := range names {
				if name == plannerState {
					return unsteered()
				}
				if err := c.work(ctx, a, "rollback", "caught up to", rebuilt{Projection: name}, a.Runner.Rollback); err != nil {
					return err
				}
			}
			return nil
		}),
	}
}
