package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
)

const connectionsHelp = `A connection is one HubSpot portal paired with one Aloware account: with a log, settings, mode and order of its own. Several
may lie in one database, and one duolog serve runs all whose credentials are stored or stand in its file:

  connections:
    north:
      hubspot: {access_token: env:NORTH_HUBSPOT_TOKEN, client_secret: file:/run/secrets/north-hubspot}
      aloware: {api_token: env:NORTH_ALOWARE_TOKEN, webhook_token: env:NORTH_ALOWARE_HOOK}

Its name stands in the URL of its webhooks and cannot be changed. Every other command takes --connection NAME.`

func (c *cli) connections() *cobra.Command {
	return group(&cobra.Command{Use: "connections", Short: "Portals and accounts, paired", Long: connectionsHelp},
		c.connectionsList(), c.connectionsShow(), c.connectionsAdd(), c.connectionsRemove())
}

func (c *cli) connectionsList() *cobra.Command {
	var asCSV bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the connections of the database", Args: none, Example: "  duolog connections list",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			all, err := a.Connections(ctx)
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(map[string]any{"connections": all})
			}
			t := table{head: []string{"connection", "Aloware", "HubSpot", "mode", "served", "needs you", "events"}}
			for _, i := range all {
				served := "no"
				if i.Served {
					served = "yes"
				}
				t.add(i.Name, orDash(i.Account), orDash(i.Portal), orDash(i.Mode), served, i.Needs, i.Events)
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

func (c *cli) connectionsShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "How a connection stands", Args: exactly(1), Example: "  duolog connections show north",
		RunE: func(cmd *cobra.Command, args []string) error {
			c.connection = args[0]
			return c.on(func(ctx context.Context, a *app.App, _ []string) error {
				s, err := a.Status(ctx)
				if err != nil {
					return err
				}
				return c.showStatus(ctx, a, s)
			})(cmd, args)
		},
	}
}

func (c *cli) connectionsAdd() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Make a connection, switched off", Args: exactly(1), Example: "  duolog connections add north",
		RunE: c.onKnown(func(ctx context.Context, a *app.App, args []string) error {
			if err := a.AddConnection(ctx, args[0], by(a, reason)); err != nil {
				return err
			}
			if c.json {
				return c.printJSON(map[string]any{"connection": args[0]})
			}
			c.printf("Connection %s made, mode off.  Next: duolog connect hubspot --connection %s, then connect aloware;\n"+
				"a running duolog serve takes it along on SIGHUP.\n", args[0], args[0])
			return nil
		}),
	}
	reasonFlag(cmd, &reason)
	return cmd
}

func (c *cli) connectionsRemove() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "remove NAME", Short: "Serve a connection no more; its log stays", Args: exactly(1),
		Long:    "Set a connection's mode off and forget its stored credentials. Its log stays, for the audit. What a file says is to be taken out there; a running duolog serve leaves it on SIGHUP.",
		Example: "  duolog connections remove north --reason \"portal closed\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			c.connection = args[0]
			return c.on(func(ctx context.Context, a *app.App, _ []string) error {
				if err := a.Disconnect(ctx, domain.Systems[:], by(a, reason)); err != nil {
					return err
				}
				if c.json {
					return c.printJSON(map[string]any{"connection": a.Connection, "removed": true})
				}
				c.printf("Connection %s is served no more; its log stays.\n", a.Connection)
				return nil
			})(cmd, args)
		},
	}
	reasonFlag(cmd, &reason)
	return cmd
}
