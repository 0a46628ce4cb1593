package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/operations"
)

// operate is how an operation is asked for.
type operate struct {
	spec    domain.PlanSpec
	contact string
	dryRun  bool
	yes     bool
	reason  string
}

func (o *operate) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&o.dryRun, "dry-run", false, "make the plan, show it, and leave it for duolog apply")
	f.BoolVar(&o.yes, "yes", false, "do not ask")
	f.StringVar(&o.contact, "contact", "", "only this CONTACT")
	f.StringVar(&o.spec.Filter, "filter", "", "only those who match, as in 'city = Oakland and email is known'")
	reasonFlag(cmd, &o.reason)
}

const planHelp = `It makes a plan first: how many contacts are made, changed, linked, and left as they are and why, how long it takes,
what it costs, and ten of them with what changes. You are asked, then it runs. With --dry-run the plan is kept, and
duolog apply P-1 runs it as shown; a contact that changed since is skipped and listed.

It overrides the rules that say whose value counts, never the directions, the rule for blanks, or a do-not-call. A
running duolog serve does the work; without one this process does. It may be interrupted: it goes on where it was.`

const notRegular = "For set-up and troubleshooting, not for regular use: the sync itself keeps contacts in step."

func (c *cli) push() *cobra.Command {
	o := &operate{spec: domain.PlanSpec{Scope: domain.Scope{Name: domain.OpPush}}}
	cmd := &cobra.Command{
		Use: "contacts", Short: "Send Aloware's contacts to HubSpot", Args: none,
		Long: "Send the contacts of Aloware to HubSpot, with Aloware's values. " + notRegular + "\n\n" +
			"Aloware cannot list its contacts: those that are known take part, from webhooks, look-ups and duolog import. " +
			"HubSpot is read first.\n\n" + planHelp,
		Example: "  duolog push contacts --dry-run\n  duolog push contacts --filter 'city = Oakland' --reason CHG-2214",
		RunE:    c.on(func(ctx context.Context, a *app.App, _ []string) error { return c.operate(ctx, a, o) }),
	}
	o.flags(cmd)
	return group(&cobra.Command{
		Use: "push", Short: "Push contacts from Aloware to HubSpot, once", Long: "Push contacts from Aloware to HubSpot. " + notRegular,
	}, cmd)
}

func (c *cli) pullContacts() *cobra.Command {
	o := &operate{spec: domain.PlanSpec{Scope: domain.Scope{Name: domain.OpPull}}}
	cmd := &cobra.Command{
		Use: "contacts", Short: "Bring HubSpot's contacts into Aloware", Args: none,
		Long: "Bring the contacts of HubSpot into Aloware, with HubSpot's values. " + notRegular + "\n\n" +
			"All of HubSpot is read first. Who is in Aloware already is found by link, our key, email or number and not made " +
			"twice; who could be several people is held for you. Aloware looks up every new number, which costs: the plan says " +
			"how much.\n\n" + planHelp,
		Example: "  duolog pull contacts --dry-run\n  duolog apply P-1 --reason CHG-2214",
		RunE:    c.on(func(ctx context.Context, a *app.App, _ []string) error { return c.operate(ctx, a, o) }),
	}
	o.flags(cmd)
	return cmd
}

func (c *cli) match() *cobra.Command {
	o := &operate{spec: domain.PlanSpec{Scope: domain.Scope{Name: domain.OpMatch}}}
	cmd := &cobra.Command{
		Use: "match", Short: "Link who stands in both systems, and write nothing", Args: none,
		Long: "Link records of both systems that are the same person, by our key, email and number, and hold those who could " +
			"be several. Nobody is made and no value is written: what differs stays apart.\n\n" + planHelp,
		Example: "  duolog match --dry-run\n  duolog apply P-1",
		RunE:    c.on(func(ctx context.Context, a *app.App, _ []string) error { return c.operate(ctx, a, o) }),
	}
	o.flags(cmd)
	return cmd
}

// operate makes a plan, shows it, asks and applies it.
func (c *cli) operate(ctx context.Context, a *app.App, o *operate) error {
	p, err := c.makePlan(ctx, a, o)
	if err != nil {
		return err
	}
	if err := c.showPlan(ctx, a, p); err != nil {
		return err
	}
	switch {
	case p.Rows == 0:
		return nil
	case o.dryRun:
		if !c.json {
			c.printf("\nDo it: duolog apply %s --reason \"...\"        All of it: duolog plans show %s --csv\n", p.Name, p.Name)
		}
		return nil
	case !o.yes && !isTerminal(c.in):
		c.note("none of it was sent: nobody is there to be asked. Do it: duolog apply %s --yes\n", p.Name)
		if o.spec.Name == domain.OpReconcile {
			return nil // both systems were read, and what that found is settled
		}
		return errPerson
	}
	if err := c.confirm(o.yes, fmt.Sprintf("Apply %s?", p.Name)); err != nil {
		return hint(err, "%s is kept: duolog apply %s", p.Name, p.Name)
	}
	return c.applyPlan(ctx, a, p, by(a, o.reason))
}

// makePlan has a plan made and waits for it.
func (c *cli) makePlan(ctx context.Context, a *app.App, o *operate) (httpapi.Plan, error) {
	if o.contact != "" {
		k, err := findOne(ctx, a, o.contact)
		if err != nil {
			return httpapi.Plan{}, err
		}
		o.spec.Contact = k.ID
	}
	done, err := a.StartPlan(ctx, o.spec, by(a, o.reason))
	if err != nil {
		return httpapi.Plan{}, err
	}
	said := time.Now()
	op, err := a.Carry(ctx, done, func(seconds, _ int64, what string) {
		if time.Since(said) >= lineEvery {
			said = time.Now()
			c.note("%s, %d s\n", what, seconds)
		}
	})
	switch {
	case err != nil:
		return httpapi.Plan{}, unreached(err)
	case op.State != operations.Done:
		return httpapi.Plan{}, hint(errors.New("no plan was made: "+op.Failure), "duolog status says how the sync stands")
	}
	return a.PlanMadeBy(ctx, op.ID)
}

const applyPlanHelp = `Apply a plan as it was shown. Each plan is applied once; a contact that changed since it was made is skipped and
listed, and a plan made under other settings than those in force is refused.

It goes in pages of a hundred contacts, as fast as the systems take them. duolog operations pause has it rest: what
was decided is still sent, and what was not is decided under the settings in force when it goes on.`

func (c *cli) apply() *cobra.Command {
	var o operate
	cmd := &cobra.Command{
		Use: "apply PLAN", Short: "Apply a plan", Long: applyPlanHelp, Args: exactly(1),
		Example: "  duolog apply P-31 --reason CHG-2214",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			p, err := a.Plan(ctx, args[0])
			if err != nil {
				return plansHint(err)
			}
			if !o.yes {
				if err := c.showPlan(ctx, a, p); err != nil {
					return err
				}
			}
			if err := c.confirm(o.yes, fmt.Sprintf("Apply %s?", p.Name)); err != nil {
				return err
			}
			return c.applyPlan(ctx, a, p, by(a, o.reason))
		}),
	}
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	reasonFlag(cmd, &o.reason)
	return cmd
}

func plansHint(err error) error {
	if errors.Is(err, httpapi.ErrNotFound) {
		return hint(err, "duolog plans list shows those there are")
	}
	return err
}

// applyPlan applies a plan, with a bar, and says what came of it.
func (c *cli) applyPlan(ctx context.Context, a *app.App, p httpapi.Plan, by httpapi.By) error {
	done, err := a.ApplyPlan(ctx, p.Name, by)
	if err != nil {
		return err
	}
	m, waits := c.meter(p.Plan.Plan.Name, "contacts"), ""
	op, err := a.Carry(ctx, done, func(n, total int64, why string) {
		if why != waits && why != "" {
			c.note("it waits: %s\n", why)
		}
		waits = why
		m.set(n, total)
	})
	m.done()
	if errors.Is(err, context.Canceled) {
		return hint(err, "it goes on when duolog serve runs; duolog operations cancel ends it")
	}
	if err != nil {
		return unreached(err)
	}
	return c.ended(op)
}

// ended says what came of an operation.
func (c *cli) ended(op httpapi.Operation) error {
	if c.json {
		if err := c.printJSON(op); err != nil {
			return err
		}
	} else {
		c.printf("%s\n", strings.Join(cameTo(op), "\n"))
	}
	switch {
	case op.State == operations.Failed:
		return errors.New(op.Failure)
	case op.State == operations.Cancelled, len(op.Skipped) > 0, op.Counts[domain.CountRefused] > 0:
		return errPerson
	}
	return nil
}
