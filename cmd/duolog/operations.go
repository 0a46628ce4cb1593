package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/projections/operations"
)

const operationsHelp = `One-time operations: pushes, pulls, matches, reconciles, undos, repairs and the making of their plans, with how far they
are, what they came to, and when each was done last.`

func (c *cli) operations() *cobra.Command {
	return group(&cobra.Command{Use: "operations", Short: "One-time operations: see them, have them rest, end them", Long: operationsHelp},
		c.operationsList(), c.operationsShow(),
		c.steer("pause", "Have an operation rest", "What it decided is still sent; nothing further is decided until it is resumed.", (*app.App).PauseOperation),
		c.steer("resume", "Have an operation go on", "What was not decided yet is decided under the settings in force now.", (*app.App).ResumeOperation),
		c.steer("cancel", "End an operation", "What it decided is still sent; the rest is left as it is.", (*app.App).CancelOperation))
}

func (c *cli) operationsList() *cobra.Command {
	var limit int
	var asCSV bool
	cmd := &cobra.Command{
		Use: "list", Short: "When each was done last, and the latest of all", Args: none, Example: "  duolog operations list",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			last, err := a.LastRuns(ctx)
			if err != nil {
				return err
			}
			all, err := a.OperationList(ctx, limit)
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(httpapi.OperationList{Last: last, Operations: all})
			}
			zone, err := zoneOf(ctx, a)
			if err != nil {
				return err
			}
			t := table{head: []string{"operation", "started", "state", "done", "what"}}
			for _, o := range all {
				t.add(o.ID, o.StartedAt.In(zone).Format("Jan 2, 3:04 PM"), o.State, doneOf(o), cmp.Or(o.Failure, o.Waits, o.Name))
			}
			if asCSV {
				return t.csv(c.out)
			}
			for _, l := range last {
				c.printf("%s%s\n", l.Said, spent(l.Counts))
			}
			c.printf("\n")
			t.print(c)
			return nil
		}),
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "at most so many")
	csvFlag(cmd, &asCSV)
	return cmd
}

// spent is what of a last run's counts stands beside it.
func spent(counts map[string]int64) string {
	text := ""
	if n := counts["creates_aloware"] + counts["creates_hubspot"]; n > 0 {
		text += "   +" + number(n)
	}
	if n := counts["cost_usd"]; n > 0 {
		text += "   " + dollars(n)
	}
	return text
}

func doneOf(o httpapi.Operation) string {
	if o.Plan == "" {
		return "–"
	}
	return fmt.Sprintf("%s of %s", number(o.Done), number(o.Rows))
}

func (c *cli) operationsShow() *cobra.Command {
	return &cobra.Command{
		Use: "show [OPERATION]", Short: "An operation: how far it is, what it came to, whom it skipped", Args: atMost(1),
		Example: "  duolog operations show\n  duolog operations show 01JDB4Q8ZK3MT2V50000000000",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			o, err := a.Operation(ctx, first(args))
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(o)
			}
			for _, line := range cameTo(o) {
				c.printf("%s\n", line)
			}
			if o.EndedAt == nil && o.Plan != "" {
				c.printf("Done      %s\n", doneOf(o))
			}
			if o.Waits != "" {
				c.printf("It waits  %s\n", o.Waits)
			}
			if o.State == operations.Failed {
				c.printf("Failed    %s\n", o.Failure)
			}
			for _, id := range o.Skipped {
				c.printf("  %s\n", id)
			}
			return nil
		}),
	}
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func (c *cli) steer(verb, short, long string, do func(*app.App, context.Context, string, httpapi.By) (httpapi.Done, error)) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: verb + " [OPERATION]", Short: short, Long: long + " Without a name it is the one under way.", Args: atMost(1),
		Example: "  duolog operations " + verb + " --reason \"wrong mapping\"",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			done, err := do(a, ctx, first(args), by(a, reason))
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(done)
			}
			c.printf("Said, at %s.\n", at(done.Position))
			return nil
		}),
	}
	reasonFlag(cmd, &reason)
	return cmd
}
