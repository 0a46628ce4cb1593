package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
)

const contactExplainHelp = `Say why a field of a contact is as it is, or is not as expected: what each system shows, how that was heard, whether
both switches allow it, what was decided by which rule of which settings, what became of it, and what can be done.
FIELD is a field's name or a property of either system. That Duolog was never told is an answer, too: --live asks both
systems what they show now, and compares. With --at or --position, as it was then, under the settings of then.`

func (c *cli) contactExplain() *cobra.Command {
	var m moment
	var live bool
	cmd := &cobra.Command{
		Use: "explain CONTACT FIELD", Short: "Why a field is as it is, or is not as expected", Long: contactExplainHelp, Args: exactly(2),
		Example: "  duolog contact explain jane.cooper@example.com phone_number --live\n" +
			"  duolog contact explain hubspot:512 city --at '2026-11-12 14:00'",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			if live && (m.at != "" || m.position != 0) {
				return usage("--live shows what the systems hold now, which explains no other moment: leave one out")
			}
			when, err := m.read(ctx, a)
			if err != nil {
				return err
			}
			k, err := findOne(ctx, a, args[0])
			if err != nil {
				return err
			}
			answer, err := a.Explain(ctx, k.ID, args[1], when, live)
			if err != nil {
				return m.notYet(ctx, a, k, err)
			}
			if err := a.Looked(ctx, domain.AccessContact, by(a, ""), k.ID); err != nil {
				return err
			}
			if c.json {
				return c.printJSON(answer)
			}
			zone, err := zoneOf(ctx, a)
			if err != nil {
				return err
			}
			c.showExplained(answer, zone)
			return nil
		}),
	}
	m.flags(cmd)
	cmd.Flags().BoolVar(&live, "live", false, "ask both systems what they show now")
	return cmd
}
