package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
)

const disconnectHelp = `Stop the sync of the connection for good: its mode becomes off, and the stored credentials are removed. The log stays,
with everything that happened. What is left in the two systems is listed: it is yours to remove.`

func (c *cli) disconnect() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "disconnect [hubspot|aloware]", Short: "Stop the sync and forget the credentials", Long: disconnectHelp, Args: atMost(1),
		Example: "  duolog disconnect --reason \"moved to another tool\"\n  duolog disconnect hubspot --reason \"another app\"",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			systems := domain.Systems[:]
			if len(args) == 1 {
				if s := domain.System(args[0]); s.Valid() {
					systems = []domain.System{s}
				} else {
					return hint(usage("%q is neither of the systems", args[0]), "duolog disconnect hubspot, or aloware, or both with neither")
				}
			}
			if err := a.Disconnect(ctx, systems, by(a, reason)); err != nil {
				return err
			}
			if c.json {
				return c.printJSON(map[string]any{"connection": a.Connection, "disconnected": systems})
			}
			c.printf("Disconnected: the mode is off, and the stored credentials are gone. What stands in the environment or a file stays there.\n")
			c.printf("What is left, for you to remove:\n")
			for _, left := range app.Left(systems) {
				c.printf("%s\n", fitted("  "+left, "    ", false))
			}
			return nil
		}),
	}
	reasonFlag(cmd, &reason)
	return cmd
}
