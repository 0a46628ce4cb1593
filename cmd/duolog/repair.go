package main

import (
	"context"
	"errors"

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

// repair plans what a replay found, when there is anything to be put right; told is what was said of it.
func (c *cli) repair(ctx context.Context, a *app.App, r *repair, sum replay.Summary, cfg replay.Config, told error) error {
	if len(sum.Declared) == 0 && (sum.Differences() == 0 || !r.spec.Repair.Unexplained) {
		c.note("nothing is repaired: nothing differs by another version of the planner\n")
		return told
	}
	r.spec.Repair.From, r.spec.Repair.To, r.spec.Contact = cfg.From, cfg.To, cfg.Contact
	return errors.Join(told, c.operate(ctx, a, &r.operate))
}
