package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
)

const testHelp = `Test a field's mapping by a controlled update: the value of one contact is changed in one system, followed through
fact, decision, command and echo to the other, and put back. Where the field flows both ways it is put back in the other
system, so that the way back is tested as well. Each step is told with its time since the start.

duolog serve does the work, since it hears the webhooks a test follows: it goes on, and puts the old value back, also
when this command is interrupted, and after a crash when serve starts again. People who work in the two systems, and
their automations, see the change for some seconds. Phone, email and consent fields are not tested. In a mode that
sends nothing, nothing is changed. Exit 3 when the value did not arrive.`

func (c *cli) settingsTest() *cobra.Command {
	var field, contact, from, reason string
	cmd := &cobra.Command{
		Use: "test --field FIELD --contact CONTACT", Short: "Test a field's mapping by a controlled update", Long: testHelp, Args: none,
		Example: "  duolog settings test --field city --contact hubspot:512\n" +
			"  duolog settings test --field plan_tier --contact aloware:90001 --from aloware",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			if field == "" || contact == "" {
				return hint(usage("which field, of which contact?"), "duolog settings test --field city --contact hubspot:512")
			}
			k, err := findOne(ctx, a, contact)
			if err != nil {
				return err
			}
			order := httpapi.TestOrder{Contact: k.ID, Field: field, From: domain.System(from)}
			if from != "" && !order.From.Valid() {
				return usage("--from is hubspot or aloware")
			}
			done, err := a.StartFieldTest(ctx, order, by(a, reason))
			if err != nil {
				return err
			}
			return c.followTest(ctx, a, done.ID)
		}),
	}
	cmd.Flags().StringVar(&field, "field", "", "which field, by its name in either system")
	cmd.Flags().StringVar(&contact, "contact", "", "of whom: hubspot:ID, aloware:ID, an email, a phone or a ULID")
	cmd.Flags().StringVar(&from, "from", "", "where the value is changed: hubspot or aloware")
	complete(cmd, "from", "hubspot", "aloware")
	reasonFlag(cmd, &reason)
	return cmd
}

// followTest tells the steps as they come.
func (c *cli) followTest(ctx context.Context, a *app.App, id string) error {
	told := 0
	for {
		f, err := a.FieldTest(ctx, id)
		if err != nil {
			return err
		}
		for ; !c.json && told < len(f.Steps); told++ {
			s := f.Steps[told]
			c.printf("%7d ms  %-9s %-8s %s  %s\n", s.After, s.Step, s.System.Title(), s.Text, c.paint(faint, at(s.Position)))
		}
		if f.Ended {
			return c.testEnded(f)
		}
		select {
		case <-ctx.Done():
			c.note("The test goes on in duolog serve, which puts the old value back.\n")
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *cli) testEnded(f httpapi.FieldTest) error {
	if c.json {
		if err := c.printJSON(f); err != nil {
			return err
		}
	}
	switch {
	case f.OK && !c.json:
		c.printf("%s arrived, and the old value is back on both sides.\n", f.Field)
	case f.OK:
	case f.PutBack:
		c.note("%s\n", strings.Join(wrap(f.Field+" did not arrive: "+f.Reason+". The old value is back on both sides.", lineWidth), "\n"))
		return errPerson
	default:
		return hint(errors.New(f.Reason), "look at the contact in both systems: duolog contact show %s", f.Contact)
	}
	return nil
}
