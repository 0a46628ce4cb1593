package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/projections/replay"
)

// repair is how what a replay finds is put right.
type repair struct {
	operate
	asked bool
}

func (r *repair) repairFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&r.asked, "repair", false, "make a plan of what another version of the planner decided otherwise")
	f.BoolVar(&r.spec.Repair.Unexplained, "unexplained", false, "repair what differs within one version as well")
	f.StringVar(&r.spec.Field, "field", "", "repair only this field")
	f.BoolVar(&r.spec.Known, "known", false, "plan the repair from what is known, without reading HubSpot first")
	f.BoolVar(&r.dryRun, "dry-run", false, "make the plan of a repair, show it, and leave it for duolog apply")
	f.BoolVar(&r.yes, "yes", false, "do not ask before a repair")
	reasonFlag(cmd, &r.reason)
}

// repair plans what a replay found, when there is anything to be put right.
func (c *cli) repair(ctx context.Context, a *app.App, r *repair, sum replay.Summary, cfg replay.Config) error {
	declared := int64(0)
	for _, n := range sum.Declared {
		declared += n
	}
	if unexplained := sum.Differences(); declared == 0 && (unexplained == 0 || !r.spec.Repair.Unexplained) {
		c.note("nothing differs by another version of the planner; %s unexplained\n", plural(unexplained, "difference"))
		return personIf(unexplained > 0)
	}
	r.spec.Repair.From, r.spec.Repair.To, r.spec.Contact = cfg.From, cfg.To, cfg.Contact
	return c.operate(ctx, a, &r.operate)
}
