package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
)

const reconcileHelp = `Read both systems and take in what webhooks missed: all of HubSpot is scanned, and Aloware, which cannot list its
contacts, is asked for each number that is linked or unknown. What is found becomes facts, which are decided on
like any others: under the directions, rules and mode in force.

Sweeps do the same by themselves, a part at a time, each sources.sweep_every; status shows what they find.

What still stands apart then becomes a plan: what was withheld or blocked while it may flow now, who has no counterpart
and may have one, and a field that was mapped after its records were linked (--field). --toward says whose values
count: the settings' rules, or one system's.

` + planHelp

func (c *cli) reconcile() *cobra.Command {
	o := &operate{spec: domain.PlanSpec{Scope: domain.Scope{Name: domain.OpReconcile}, Known: true}}
	cmd := &cobra.Command{
		Use: "reconcile", Short: "Read both systems, settle what webhooks missed, and plan what stands apart", Long: reconcileHelp, Args: none,
		Example: "  duolog reconcile --reason \"webhooks were off\"\n  duolog reconcile --field job_title --dry-run\n" +
			"  duolog reconcile --toward hubspot --filter 'city = Oakland'",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			if err := a.MayPlan(ctx, o.spec); err != nil {
				return err
			}
			if o.contact == "" {
				if err := c.readBoth(ctx, a, o.reason); err != nil {
					return err
				}
			}
			return c.operate(ctx, a, o)
		}),
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.spec.Field, "field", "", "only this field")
	cmd.Flags().StringVar(&o.spec.Toward, "toward", "", "whose values count: rules (default), hubspot or aloware")
	complete(cmd, "toward", domain.TowardRules, domain.TowardHubSpot, domain.TowardAloware)
	return cmd
}

// readBoth takes in what webhooks missed, and waits until that is settled.
func (c *cli) readBoth(ctx context.Context, a *app.App, reason string) error {
	said := time.Now()
	r, err := a.Reconcile(ctx, by(a, reason), func(seconds int64, what string) {
		if time.Since(said) >= lineEvery {
			said = time.Now()
			c.note("%s, %d s\n", what, seconds)
		}
	})
	if err != nil {
		return unreached(err)
	}
	if err := c.reconciled(r); err != nil {
		return err
	}
	s, err := a.Status(ctx)
	if err == nil && s.Guard != nil {
		c.note("%s\n", strings.Join(wrap("Paused: "+s.Guard.Says+". "+s.Guard.Next+".", lineWidth), "\n"))
		return errPerson
	}
	return err
}

func (c *cli) reconciled(r app.Reconciled) error {
	if c.json {
		if err := c.printJSON(r); err != nil {
			return err
		}
	} else {
		c.printf("HubSpot   %s read\n", plural(r.Scanned, "record"))
		c.printf("Aloware   %s asked, %s found\n", plural(r.LookedUp, "number"), plural(r.Found, "record"))
		c.printf("New       %s that no webhook had told\n", plural(r.Facts, "fact"))
	}
	if r.Failed > 0 {
		c.note("%s were not answered; run it again\n", plural(r.Failed, "look-up"))
		return errPerson
	}
	return nil
}
