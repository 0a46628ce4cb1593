package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
)

const reconcileHelp = `Read both systems and take in what webhooks missed: all of HubSpot is scanned, and Aloware, which cannot list its
contacts, is asked for each number that is linked or unknown. What is found becomes facts, which are decided on
like any others: under the directions, rules and mode in force.

Sweeps do the same by themselves, a part at a time, each sources.sweep_every; status shows what they find.

A running duolog serve does the work; without one this process does, and ends when what was found is settled.`

func (c *cli) reconcile() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "reconcile", Short: "Read both systems and settle what webhooks missed", Long: reconcileHelp, Args: none,
		Example: "  duolog reconcile --reason \"webhooks were off\"",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
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
		}),
	}
	reasonFlag(cmd, &reason)
	return cmd
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
