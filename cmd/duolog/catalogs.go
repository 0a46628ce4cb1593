package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/projections/catalogs"
)

const catalogsHelp = `What the systems offer to choose from: statuses, outcomes, types, pipelines and deals, people. HubSpot's are
pulled daily, and by duolog pull; each has its history. Aloware's public API lists its users and nothing else, so which
of its dispositions stands for which status or outcome is said by a person (duolog catalogs map), or recognised by the
label that webhooks show.`

func (c *cli) catalogs() *cobra.Command {
	return group(&cobra.Command{Use: "catalogs", Short: "Dispositions, activity types, pipelines, deals, owners", Long: catalogsHelp},
		c.catalogsList(), c.catalogsShow(), c.catalogsMap())
}

func catalogNames() []string {
	names := []string{catalogs.DealsView}
	for _, v := range catalogs.Views {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	return names
}

// oneCatalog wants a name of a catalog, and perhaps more.
func oneCatalog(most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 || len(args) > most {
			return usage("want: %s", strings.TrimSuffix(cmd.UseLine(), " [flags]"))
		}
		if !slices.Contains(catalogNames(), args[0]) {
			return hint(usage("there is no catalog %q", args[0]), "one of %s", strings.Join(catalogNames(), ", "))
		}
		return nil
	}
}

func (c *cli) catalogsList() *cobra.Command {
	var asCSV bool
	cmd := &cobra.Command{
		Use: "list", Short: "List catalogs and when each was pulled last", Args: none, Example: "  duolog catalogs list",
		Long: "List catalogs: how many entries HubSpot has, how many it had, how many are known in Aloware, and the last pull.",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			if err := a.CatchUp(ctx); err != nil {
				return err
			}
			list, err := a.ListCatalogs(ctx)
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(httpapi.CatalogList{Catalogs: list})
			}
			t := table{head: []string{"catalog", "in HubSpot", "gone", "in Aloware", "last pull"}}
			for _, s := range list {
				said := s.Said
				if s.Failure != "" {
					said += "; the last one failed: " + s.Failure
				}
				t.add(s.Name, s.Entries, s.Gone, s.Mapped, said)
			}
			if asCSV {
				return t.csv(c.out)
			}
			t.print(c)
			return nil
		}),
	}
	csvFlag(cmd, &asCSV)
	return cmd
}

const catalogsShowHelp = `Show a catalog, Aloware left, HubSpot right. While the integration is on, only dispositions that are synced from
HubSpot are shown, as in Aloware; --all shows those of Aloware alone as well.

  synced      HubSpot has it
  unlocked    HubSpot had it and deleted it: kept here, with its id in Aloware, and free to change
  gone        HubSpot had it
  Aloware     Aloware's alone`

func (c *cli) catalogsShow() *cobra.Command {
	var q httpapi.CatalogQuery
	var past, asCSV bool
	cmd := &cobra.Command{
		Use: "show NAME", Short: "One catalog, and what happened to it", Long: catalogsShowHelp, Args: oneCatalog(1),
		ValidArgs: catalogNames(),
		Example: "  duolog catalogs show contact-dispositions\n  duolog catalogs show owners --history\n" +
			"  duolog catalogs show deals --csv > deals.csv",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			if err := a.CatchUp(ctx); err != nil {
				return err
			}
			if past {
				return c.catalogChanges(ctx, a, args[0], asCSV)
			}
			got, err := a.ShowCatalog(ctx, args[0], q)
			if err != nil {
				return err
			}
			return c.showCatalog(got, asCSV)
		}),
	}
	cmd.Flags().BoolVar(&q.All, "all", false, "with what is Aloware's alone")
	cmd.Flags().BoolVar(&past, "history", false, "what happened to it, instead")
	cmd.Flags().StringVar(&q.After, "after", "", "of deals: go on after this one")
	cmd.Flags().IntVar(&q.Limit, "limit", 100, "of deals: at most so many")
	csvFlag(cmd, &asCSV)
	return cmd
}

func (c *cli) showCatalog(got httpapi.Catalog, asCSV bool) error {
	if c.json {
		return c.printJSON(got)
	}
	t := catalogTable(got)
	if asCSV {
		return t.csv(c.out)
	}
	c.printf("%s   %s in HubSpot.   %s\n", c.paint(bold, got.Name), number(int64(got.Entries)), got.Said)
	if got.Failure != "" {
		c.printf("%s\n", c.paint(red, strings.Join(wrap("The last pull failed: "+got.Failure, lineWidth), "\n")))
	}
	if got.Menu != "" {
		c.printf("In Aloware: %s\n", got.Menu)
	}
	if len(t.rows) > 0 {
		c.printf("\n")
		t.print(c)
	}
	c.afterCatalog(got)
	return nil
}

// afterCatalog says what is not shown and what there is to do.
func (c *cli) afterCatalog(got httpapi.Catalog) {
	var notes []string
	if v := catalogs.ViewNamed(got.Name); v != nil && v.Declared() {
		if n := unmapped(got.Rows); n > 0 {
			notes = append(notes, fmt.Sprintf("%s not known in Aloware, whose public API cannot be told or asked. Look under %s, make "+
				"what is missing, and say which is which: duolog catalogs map %s HUBSPOT-ID ALOWARE-ID", are(n), got.Menu, got.Name))
		}
	}
	if got.Hidden > 0 {
		notes = append(notes, fmt.Sprintf("%s in Aloware alone: hidden while the integration is on; --all shows it all", are(got.Hidden)))
	}
	if got.Next != "" {
		notes = append(notes, fmt.Sprintf("There may be more: --after %s goes on, --limit shows more at once.", got.Next))
	}
	for _, n := range notes {
		c.printf("\n%s\n", strings.Join(wrap(n, lineWidth), "\n"))
	}
}

func are(n int) string {
	if n == 1 {
		return "1 is"
	}
	return number(int64(n)) + " are"
}

func unmapped(rows []catalogs.Row) int {
	n := 0
	for _, r := range rows {
		if r.State == catalogs.Synced && r.Aloware == nil {
			n++
		}
	}
	return n
}

const catalogsMapHelp = `Say which disposition in Aloware stands for a lead status (contact-dispositions) or a call outcome
(call-dispositions) of HubSpot. Aloware's public API cannot list its dispositions: open the disposition in Aloware and
read its id. Without ids, show what is known and what is missing. Owners and users are matched by email.`

func (c *cli) catalogsMap() *cobra.Command {
	var d httpapi.Declaration
	var reason string
	var remove bool
	cmd := &cobra.Command{
		Use: "map NAME [HUBSPOT-ID ALOWARE-ID]", Short: "Say which disposition in Aloware stands for which in HubSpot",
		Long: catalogsMapHelp, Args: oneCatalog(3), ValidArgs: catalogNames(),
		Example: "  duolog catalogs map contact-dispositions\n" +
			"  duolog catalogs map contact-dispositions NEW 1201 --label \"New lead\" --reason \"read in Aloware\"\n" +
			"  duolog catalogs map contact-dispositions --remove 1201",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			switch {
			case remove && len(args) == 2:
				d.Aloware = args[1]
			case !remove && len(args) == 3:
				d.HubSpot, d.Aloware = args[1], args[2]
			case remove || len(args) == 2:
				return usage("want: duolog catalogs map NAME HUBSPOT-ID ALOWARE-ID, or duolog catalogs map NAME --remove ALOWARE-ID")
			}
			if d.Aloware != "" {
				if err := c.declare(ctx, a, args[0], d, by(a, reason)); err != nil {
					return err
				}
			}
			if err := a.CatchUp(ctx); err != nil {
				return err
			}
			got, err := a.ShowCatalog(ctx, args[0], httpapi.CatalogQuery{All: true})
			if err != nil {
				return err
			}
			return c.showCatalog(got, false)
		}),
	}
	cmd.Flags().StringVar(&d.Label, "label", "", "what it is called in Aloware")
	cmd.Flags().BoolVar(&remove, "remove", false, "take back what was said of an Aloware id")
	reasonFlag(cmd, &reason)
	return cmd
}

func (c *cli) declare(ctx context.Context, a *app.App, name string, d httpapi.Declaration, who httpapi.By) error {
	if d.Aloware == "" || strings.Trim(d.Aloware, "0123456789") != "" {
		return hint(usage("%q is no id of Aloware", d.Aloware), "ids there are numbers, as in 1201")
	}
	_, err := a.Declare(ctx, name, d, who)
	return err
}
