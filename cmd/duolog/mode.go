package main

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
)

const modeHelp = `Say what the sync may do from now on.

  off       facts are stored, nothing is decided
  observe   everything is decided and stored, nothing is sent: contact history says what would
  pilot     only the contacts of --filter take part, and at most --max-writes an hour
  live      everything is sent

Going live sends nothing retroactively: it begins with the next change of each contact.`

var modes = []string{
	string(domain.ModeOff), string(domain.ModeObserve), string(domain.ModePilot), string(domain.ModeLive),
}

func (c *cli) mode() *cobra.Command {
	var filter, writes, reason string
	cmd := &cobra.Command{
		Use: "mode off|observe|pilot|live", Short: "Say what the sync may do", Long: modeHelp,
		Example: "  duolog mode observe\n" +
			"  duolog mode pilot --filter 'city = Oakland' --max-writes 50 --reason CHG-2214\n" +
			"  duolog mode live --reason CHG-2214",
		Args: exactly(1), ValidArgs: modes,
		RunE: func(cmd *cobra.Command, args []string) error {
			change, err := modeChange(args[0], filter, writes)
			if err != nil {
				return err
			}
			return c.onAny(func(ctx context.Context, a *app.App, args []string) error {
				done, err := a.SetMode(ctx, change, by(a, reason))
				return c.acted(done, err, "mode "+args[0])
			})(cmd, args)
		},
	}
	cmd.Flags().StringVar(&filter, "filter", "", "pilot: who takes part, as in \"city = Oakland and email is known\"")
	cmd.Flags().StringVar(&writes, "max-writes", "", "pilot: at most so many writes an hour, as in 50 or 50/h")
	reasonFlag(cmd, &reason)
	return cmd
}

func modeChange(mode, filter, writes string) (httpapi.ModeChange, error) {
	m := httpapi.ModeChange{Mode: domain.Mode(mode), Filter: filter}
	if !slices.Contains(modes, mode) {
		return m, hint(usage("there is no mode %q", mode), "one of %s", strings.Join(modes, ", "))
	}
	if m.Mode != domain.ModePilot && (filter != "" || writes != "") {
		return m, usage("--filter and --max-writes belong to mode pilot")
	}
	if writes == "" {
		return m, nil
	}
	n, err := strconv.Atoi(strings.TrimSuffix(writes, "/h"))
	if err != nil || n < 1 {
		return m, hint(usage("--max-writes is %q", writes), "a number of writes an hour, as in 50 or 50/h")
	}
	m.MaxWrites = n
	return m, nil
}

const pauseHelp = `Stop planning and sending. Facts are still stored, and contacts that change are marked; resume plans each of
them once, under the settings of that moment. Do-not-call and opt-out still go through.`

func (c *cli) pause() *cobra.Command {
	return c.simpleAct("pause", "Stop sending; facts are still stored", pauseHelp, "paused", (*app.App).Pause)
}

func (c *cli) resume() *cobra.Command {
	return c.simpleAct("resume", "Go on after a pause", "Go on. Contacts that changed during the pause are planned once each.\n\n"+
		"When a guard paused the sync (duolog status says which, and what it counted), this is your word that what waits\n"+
		"may be sent: it is, and the guards begin to count anew.",
		"resumed", (*app.App).Resume)
}

func (c *cli) simpleAct(name, short, long, said string,
	do func(*app.App, context.Context, httpapi.By) (httpapi.Done, error),
) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: name, Short: short, Long: long, Args: none, Example: "  duolog " + name + " --reason \"bad import\"",
		RunE: c.onAny(func(ctx context.Context, a *app.App, _ []string) error {
			done, err := do(a, ctx, by(a, reason))
			return c.acted(done, err, said)
		}),
	}
	reasonFlag(cmd, &reason)
	return cmd
}

// acted says that an act is in the log.
func (c *cli) acted(done httpapi.Done, err error, said string) error {
	switch {
	case err != nil:
		return err
	case c.json:
		return c.printJSON(done)
	}
	c.printf("%s  %s\n", said, c.paint(faint, at(done.Position)))
	return nil
}
