package main

import (
	"context"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

const commandsHelp = `Commands are the writes and reads that wait for a system. One that failed is tried again by itself, later and
later; when its tries have run out it is dead, blocks nothing and waits for a person.

An orphaned one was decided and is neither waiting nor settled, after its row was lost by hand or by a fault: nothing
carries it out, and its contact stays pending. duolog commands list --orphaned reads the whole log for them; retry has
the contact planned again from what both systems show now, discard leaves its fields apart.`

func (c *cli) commands() *cobra.Command {
	return group(&cobra.Command{
		Use: "commands", Short: "What waits for a system", Long: commandsHelp,
	}, c.commandsList(),
		c.commandAct("retry", "Plan the command's contact again", "Take the command out and plan its contact again from the "+
			"present state. Nothing old is sent.", "retried", (*app.App).Retry),
		c.commandAct("discard", "Give a command up", "Give the command up for good. Its fields stay apart until their "+
			"source changes again.", "discarded", (*app.App).Discard))
}

func (c *cli) commandsList() *cobra.Command {
	var f outbox.Filter
	var state, system string
	var asCSV, orphaned bool
	cmd := &cobra.Command{
		Use: "list", Short: "List what waits, oldest first", Args: none,
		Example: "  duolog commands list --state dead\n  duolog commands list --orphaned\n  duolog commands list --system aloware --csv > waiting.csv",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			f.State, f.System = state, domain.System(system)
			if state != "" && !slices.Contains(commandStates, state) {
				return hint(usage("there is no state %q", state), "one of %s", strings.Join(commandStates, ", "))
			}
			if system != "" && !f.System.Valid() {
				return hint(usage("there is no system %q", system), "aloware or hubspot")
			}
			entries, err := listed(ctx, a, f, orphaned)
			if err != nil {
				return err
			}
			return c.showCommands(ctx, a, httpapi.Listed(entries), asCSV)
		}),
	}
	cmd.Flags().StringVar(&state, "state", "", "only those waiting, sending or dead")
	complete(cmd, "state", commandStates...)
	cmd.Flags().StringVar(&system, "system", "", "only those for aloware or hubspot")
	cmd.Flags().BoolVar(&orphaned, "orphaned", false, "those that were decided and have neither a row that waits nor an outcome; reads the whole log")
	cmd.Flags().IntVar(&f.Limit, "limit", 100, "at most so many")
	csvFlag(cmd, &asCSV)
	return cmd
}

func listed(ctx context.Context, a *app.App, f outbox.Filter, orphaned bool) ([]outbox.Entry, error) {
	switch {
	case !orphaned:
		return outbox.List(ctx, a.Store, a.Connection, f)
	case f.State != "":
		return nil, usage("--orphaned is a state of its own: leave --state out")
	}
	all, err := a.Orphaned(ctx)
	return f.Of(all), err
}

var commandStates = []string{outbox.Waiting, outbox.Sending, outbox.Dead}

func csvFlag(cmd *cobra.Command, into *bool) {
	cmd.Flags().BoolVar(into, "csv", false, "print CSV, for a spreadsheet")
}

func (c *cli) showCommands(ctx context.Context, a *app.App, list []httpapi.Command, asCSV bool) error {
	if c.json {
		return c.printJSON(httpapi.CommandList{Commands: list})
	}
	zone, err := zoneOf(ctx, a)
	if err != nil {
		return err
	}
	t := table{head: []string{"command", "to", "what", "state", "tries", "since", "record", "why"}}
	for _, cmd := range list {
		t.add(cmd.ID, domain.System(cmd.System).Title(), cmd.Kind, cmd.State, cmd.Attempts,
			cmd.Created.In(zone).Format("Jan 2 15:04"), orDash(cmd.Record), cmd.Error)
	}
	if asCSV {
		return t.csv(c.out)
	}
	if len(list) == 0 {
		c.printf("Nothing waits.\n")
		return nil
	}
	t.print(c)
	return nil
}

func (c *cli) commandAct(name, short, long, said string,
	do func(*app.App, context.Context, ulid.ULID, httpapi.By) (httpapi.Done, error),
) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: name + " COMMAND", Short: short, Long: long, Args: exactly(1),
		Example: "  duolog commands " + name + " 01JDB4Q8ZK3MT2V5W6X7Y8Z9A0 --reason \"fixed in HubSpot\"",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			id, err := ulid.ParseStrict(args[0])
			if err != nil {
				return hint(usage("%q is no command", args[0]), "duolog commands list shows their ids")
			}
			done, err := do(a, ctx, id, by(a, reason))
			return c.acted(done, err, said)
		}),
	}
	reasonFlag(cmd, &reason)
	return cmd
}
