package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/catalogs"
)

const pullHelp = `Pull contacts (see duolog pull contacts --help), or what HubSpot keeps beside them, once, now. What differs from what is known becomes facts; nothing is
written to either system. All of it is pulled daily at 5 PM in the connection's time zone as well, so pulls by hand are
for set-up and for when something was just changed.

A running duolog serve does the work; without one this process does that and nothing else.`

func (c *cli) pull() *cobra.Command {
	return group(&cobra.Command{Use: "pull", Short: "Pull contacts, statuses, outcomes, types, deals, owners from HubSpot", Long: pullHelp},
		c.pullContacts(),
		c.pullCatalogs("lead-statuses", "Lead statuses, which become Aloware's contact dispositions",
			"Pull HubSpot's lead statuses and lifecycle stages. Aloware's public API cannot be told them: duolog catalogs show "+
				"contact-dispositions says which are to be made there by hand, and duolog catalogs map ties them together."),
		c.pullCatalogs("call-outcomes", "Call outcomes, which become Aloware's call dispositions",
			"Pull HubSpot's call outcomes. Aloware's public API cannot be told them: duolog catalogs show call-dispositions says "+
				"which are to be made there by hand."),
		c.pullCatalogs("activity-types", "Types of calls and meetings",
			"Pull HubSpot's call and meeting types, under which calls stand in duolog contact history."),
		c.pullCatalogs("deals", "Deals with amount, pipeline and stage",
			"Pull HubSpot's pipelines and deals. A deal is a fact about each contact it is about: it stands in duolog contact card "+
				"and decides to whom a caller is put through."),
		c.pullCatalogs("owners", "HubSpot's owners and Aloware's users",
			"Pull HubSpot's owners and Aloware's users, who are matched by email."))
}

func (c *cli) pullCatalogs(name, short, long string) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: name, Short: short, Long: long, Args: none, Example: "  duolog pull " + name,
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			said := time.Now()
			end, err := a.Pull(ctx, name, by(a, reason), func(seconds int64, what string) {
				if time.Since(said) >= lineEvery {
					said = time.Now()
					c.note("%s, %d s\n", what, seconds)
				}
			})
			if err != nil {
				return unreached(err)
			}
			return c.pulled(ctx, a, name, end)
		}),
	}
	reasonFlag(cmd, &reason)
	return cmd
}

func (c *cli) pulled(ctx context.Context, a *app.App, name string, end domain.Act) error {
	if end.Reason != "" {
		return hint(errors.New(end.Reason), "nothing that was known is lost; duolog doctor checks both credentials, then pull again")
	}
	list, err := a.ListCatalogs(ctx)
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(map[string]any{"pull": name, "counts": end.Counts})
	}
	n := end.Counts
	c.printf("%s listed: %s new, %s changed, %s gone\n", number(n["listed"]), number(n["new"]), number(n["changed"]), number(n["gone"]))
	if n["withheld"] > 0 {
		c.printf("%s left out: the person was erased\n", plural(n["withheld"], "fact"))
	}
	if n["unfit"] > 0 {
		c.printf("%s left out: the text cannot be stored\n", plural(n["unfit"], "fact"))
	}
	for _, s := range list {
		if s.Pull == name {
			c.printf("%s\n", s.Said)
			break
		}
	}
	for _, v := range catalogs.Views {
		if v.Pull == name {
			c.printf("See them: duolog catalogs show %s\n", v.Name)
		}
	}
	return nil
}
