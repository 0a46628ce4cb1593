package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
)

const rejectedHelp = `List webhook deliveries and items that did not become facts, newest first:

  rejected   refused: wrong or missing signature, stale, not readable; a wrong URL or secret, too
  raw        stored unread: an event type Duolog does not know, or an item it could not read
  parked     of another portal or account: kept aside, never synced
  unknown    of a portal no connection has

expected is the URL a signature was checked against; if it is not the one entered in HubSpot, set DUOLOG_PUBLIC_URL.`

func (c *cli) webhooks() *cobra.Command {
	var limit int
	var asCSV bool
	rejected := &cobra.Command{
		Use: "rejected", Short: "List deliveries that were not taken in", Long: rejectedHelp, Args: none,
		Example: "  duolog webhooks rejected --limit 20",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			lines, err := a.Rejected(ctx, limit)
			if err != nil {
				return err
			}
			return c.showRejected(ctx, a, httpapi.NotTakenIn(lines), asCSV)
		}),
	}
	rejected.Flags().IntVar(&limit, "limit", 50, "at most so many")
	csvFlag(rejected, &asCSV)
	return group(&cobra.Command{Use: "webhooks", Short: "What arrived and was not taken in"}, rejected)
}

func (c *cli) showRejected(ctx context.Context, a *app.App, list []httpapi.NotTaken, asCSV bool) error {
	if c.json {
		return c.printJSON(map[string]any{"rejected": list})
	}
	zone, err := zoneOf(ctx, a)
	if err != nil {
		return err
	}
	t := table{head: []string{"when", "from", "kind", "status", "why"}}
	if asCSV {
		t.head = append(t.head, "expected", "offered", "type", "position")
	}
	for _, l := range list {
		row := []any{l.At.In(zone).Format("Jan 2 15:04:05"), domain.System(l.System).Title(), l.Kind, l.Status, l.Reason}
		if asCSV {
			row = append(row, l.URL, strings.Join(l.Offered, " "), l.Vendor, l.Position)
		}
		t.add(row...)
	}
	if asCSV {
		return t.csv(c.out)
	}
	if len(list) == 0 {
		c.printf("Every delivery was taken in.\n")
		return nil
	}
	t.print(c)
	if url := list[0].URL; url != "" {
		c.printf("\nThe newest was checked against %s\n", url)
	}
	return nil
}
