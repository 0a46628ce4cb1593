package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/bench"
)

const benchVerifyHelp = `Fill a log as bench rebuild does, seal it, and verify it: hashes, keys, tree and head. The baseline reads the same
events in the same way and takes SHA-256 of their bytes. Each is the median of the runs, which take turns.`

func (c *cli) benchVerify() *cobra.Command {
	var events, contacts, runs int
	cmd := &cobra.Command{
		Use: "verify", Short: "Verifying a sealed log", Args: none, Long: benchVerifyHelp,
		Example: "  duolog bench verify --json\n  duolog bench verify --events 100000 --contacts 10000",
		RunE: c.onBench(func(ctx context.Context, a *app.App) (benchResult, error) {
			if events < 10 || contacts < 1 || runs < 1 {
				return benchResult{}, usage("--events is at least 10, --contacts and --runs at least 1")
			}
			if _, err := c.fillLog(ctx, a, events, min(contacts, events/10), 1.1); err != nil {
				return benchResult{}, err
			}
			if _, err := a.Seal(ctx); err != nil {
				return benchResult{}, fmt.Errorf("bench verify: %w", err)
			}
			r, err := bench.Verify(ctx, a.Store, a.Connection, runs, func(ctx context.Context) (eventstore.Report, error) {
				return a.Verify(ctx, app.VerifyOptions{})
			})
			return benchResult{
				Bench: "verify", Backend: a.Store.Backend(), Events: r.Events, Runs: runs, EventsPerSecond: r.EventsPerSecond,
				BaselineEventsPerSecond: r.BaselineEventsPerSecond, Ratio: r.Ratio,
			}, err
		}),
	}
	cmd.Flags().IntVar(&events, "events", 1_000_000, "events in the log")
	cmd.Flags().IntVar(&contacts, "contacts", 100_000, "people in it; at most a tenth of the events")
	cmd.Flags().IntVar(&runs, "runs", 3, "verifications, and baselines")
	return cmd
}
