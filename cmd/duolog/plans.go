package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/operations"
)

const plansHelp = `A plan says what a push, a pull, a match, a reconcile, an undo or a repair (duolog replay --repair) would do, contact by
contact. It never changes: what is applied is what was shown, and who changed since is left alone.`

func (c *cli) plans() *cobra.Command {
	return group(&cobra.Command{Use: "plans", Short: "Plans that were made", Long: plansHelp}, c.plansList(), c.plansShow(), c.plansDiscard())
}

func (c *cli) plansList() *cobra.Command {
	var asCSV bool
	cmd := &cobra.Command{
		Use: "list", Short: "List plans, the latest first", Args: none, Example: "  duolog plans list",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			all, err := a.Plans(ctx, 100)
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(httpapi.PlanList{Plans: all})
			}
			zone, err := zoneOf(ctx, a)
			if err != nil {
				return err
			}
			t := table{head: []string{"plan", "made", "state", "contacts", "what"}}
			for _, p := range all {
				t.add(p.Name, p.MadeAt.In(zone).Format("Jan 2, 3:04 PM"), p.State, p.Rows, titled(p.Plan.Plan.PlanSpec))
			}
			if asCSV {
				return t.csv(c.out)
			}
			if len(all) == 0 {
				c.printf("No plan was made yet. duolog reconcile --dry-run makes one.\n")
				return nil
			}
			t.print(c)
			return nil
		}),
	}
	csvFlag(cmd, &asCSV)
	return cmd
}

func (c *cli) plansShow() *cobra.Command {
	var asCSV bool
	cmd := &cobra.Command{
		Use: "show PLAN", Short: "Show a plan, or with --csv every contact of it", Args: exactly(1), Example: "  duolog plans show P-31 --csv > plan.csv",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			p, err := a.Plan(ctx, args[0])
			if err != nil {
				return plansHint(err)
			}
			if asCSV {
				return c.planCSV(ctx, a, p)
			}
			return c.showPlan(ctx, a, p)
		}),
	}
	csvFlag(cmd, &asCSV)
	return cmd
}

// lookedAt says in the log whom a plan shows, before it does.
func lookedAt(ctx context.Context, a *app.App, p httpapi.Plan) error {
	people := p.People()
	if len(people) == 0 {
		return nil
	}
	return a.Looked(ctx, domain.AccessPlan, by(a, ""), people...)
}

func (c *cli) showPlan(ctx context.Context, a *app.App, p httpapi.Plan) error {
	if err := lookedAt(ctx, a, p); err != nil {
		return err
	}
	if c.json {
		return c.printJSON(p)
	}
	c.printf("%s\n", strings.Join(planLines(p), "\n"))
	return nil
}

// planCSV lists every row of a plan.
func (c *cli) planCSV(ctx context.Context, a *app.App, p httpapi.Plan) error {
	if err := lookedAt(ctx, a, p); err != nil {
		return err
	}
	t := table{head: []string{"contact", "create", "update", "link", "hold", "fields", "why", "left", "person"}}
	for from := int64(0); ; {
		rows, err := a.PlanRows(ctx, p.Name, from, 500)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return t.csv(c.out)
		}
		for _, r := range rows {
			from = r.N + 1
			var updates []string
			for _, s := range r.What.Updates {
				updates = append(updates, string(s))
			}
			t.add(r.Contact.String(), string(r.What.Create), strings.Join(updates, " "), fmt.Sprint(r.What.Link), fmt.Sprint(r.What.Hold),
				strings.Join(r.What.Fields, " "), r.What.Why, leftWords(r.What.Left), personIn(r))
		}
	}
}

// leftWords say what of a contact is left as it is.
func leftWords(all []operations.Left) string {
	words := make([]string, 0, len(all))
	for _, l := range all {
		words = append(words, l.String())
	}
	return strings.Join(words, "; ")
}

// personIn names a person where the plan keeps a sample of the row.
func personIn(r operations.Row) string {
	if r.Sample == nil {
		return ""
	}
	return r.Sample.Person
}

func (c *cli) plansDiscard() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "discard PLAN", Short: "Give a plan up", Args: exactly(1), Example: "  duolog plans discard P-31",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			done, err := a.DiscardPlan(ctx, args[0], by(a, reason))
			if err != nil {
				return plansHint(err)
			}
			if c.json {
				return c.printJSON(done)
			}
			c.printf("Discarded.\n")
			return nil
		}),
	}
	reasonFlag(cmd, &reason)
	return cmd
}
