package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/projections/report"
)

const reportHelp = `Tell what the log says about a month, or any period: what flowed, what did not and why, settings in force, conflicts,
duplicates, consent, who did what and looked at whom, erasures, retries and pauses, and how all of that is proved.
A report of a month that is over comes out the same whenever it is made.

Values that lost a conflict are shown, which makes the report a look at personal data, and an act in the log:
--no-values leaves them out. --actors lists every act instead, in a table for each actor.`

// reportFlags are the flags of every report.
type reportFlags struct {
	month, from, to, format string
}

func (f *reportFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.month, "month", "", "a calendar month in the connection's zone, as in 2026-10")
	cmd.Flags().StringVar(&f.from, "from", "", "from this time on")
	cmd.Flags().StringVar(&f.to, "to", "", "before this time")
	cmd.Flags().StringVar(&f.format, "format", report.Markdown, "md, html, csv or json")
	complete(cmd, "format", report.Formats...)
}

func (c *cli) reports() *cobra.Command {
	var f reportFlags
	var actors, noVerify, noImpact, noValues bool
	cmd := &cobra.Command{
		Use: "report", Short: "What the log says about a month: the audit", Long: reportHelp, Args: none,
		Example: "  duolog report --month 2026-10 --format html > 2026-10.html\n" +
			"  duolog report --from 2026-10-01 --to 2026-10-08 --json\n" +
			"  duolog report --month 2026-10 --actors",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			q := httpapi.ReportQuery{Verify: !noVerify, Impact: !noImpact, Values: !noValues}
			if actors {
				q.What = httpapi.ReportActors
			}
			return c.tellReport(ctx, a, f, q)
		}),
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&actors, "actors", false, "every act, in a table for each actor")
	cmd.Flags().BoolVar(&noVerify, "no-verify", false, "do not check the whole log")
	cmd.Flags().BoolVar(&noImpact, "no-impact", false, "do not decide again to tell what new settings had come out differently")
	cmd.Flags().BoolVar(&noValues, "no-values", false, "leave out the values that lost a conflict")
	return cmd
}

func (c *cli) duplicatesReport() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use: "report", Short: "Duplicates prevented, suspected, resolved, merged", Args: none,
		Long: "Tell how many duplicates were prevented, by which key, how many wait for a person or were resolved by one, and how " +
			"many were merged in one system, by whom they were made. Without a period, of the whole log.",
		Example: "  duolog duplicates report\n  duolog duplicates report --month 2026-10 --format csv",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			return c.tellReport(ctx, a, f, httpapi.ReportQuery{What: httpapi.ReportDuplicates})
		}),
	}
	f.add(cmd)
	return cmd
}

func (c *cli) tellReport(ctx context.Context, a *app.App, f reportFlags, q httpapi.ReportQuery) (err error) {
	if c.json {
		f.format = report.JSON
	}
	if !slices.Contains(report.Formats, f.format) {
		return hint(usage("there is no format %q", f.format), "--format %s", strings.Join(report.Formats, ", "))
	}
	if f.month != "" && f.from+f.to != "" {
		return usage("--month and --from or --to say the same thing twice: leave one out")
	}
	if q.Since, q.Until, err = c.period(ctx, a, f.from, f.to); err != nil {
		return err
	}
	if err := a.CatchUp(ctx); err != nil {
		return err
	}
	q.Month = f.month
	defer boundMemory(decidingMemory)()
	m := c.meter("report", "events")
	q.Progress = m.set
	r, err := a.Report(ctx, q, by(a, ""))
	m.done()
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return r.Write(c.out, f.format)
}
