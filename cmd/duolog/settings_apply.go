package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain/settings"
)

const applyHelp = `Apply a settings file: show what it changes, hold the mapping against both systems, ask, and make it the next
version. It takes effect at its place in the log; what happened before stays decided as it was. A file that is wrong in
any line, or maps what a system does not have, changes nothing, and a file made from an older version than the one in
force is refused.

HubSpot is asked for its properties when this shell has access to it (the variables of duolog serve); otherwise those
that were seen last count, and duolog serve checks again before it sends anything.`

func (c *cli) settingsApply() *cobra.Command {
	var yes bool
	var reason string
	cmd := &cobra.Command{
		Use: "apply FILE", Short: "Apply a settings file", Long: applyHelp, Args: exactly(1),
		Example: "  duolog settings apply settings.yaml --reason CHG-2190",
		RunE: func(cmd *cobra.Command, args []string) error {
			s, basedOn, err := readSettings(args[0])
			if err != nil {
				return c.refused(err)
			}
			return c.onAny(func(ctx context.Context, a *app.App, _ []string) error {
				return c.applySettings(ctx, a, s, basedOn, yes, reason)
			})(cmd, args)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	reasonFlag(cmd, &reason)
	return cmd
}

func (c *cli) applySettings(ctx context.Context, a *app.App, s settings.Settings, basedOn int, yes bool, reason string) error {
	all, err := a.SettingsHistory(ctx)
	if err != nil {
		return err
	}
	if len(all) > 0 {
		now, err := settingsNow(ctx, a)
		if err != nil {
			return err
		}
		changes := settings.Diff(now.Settings, s)
		if !c.json {
			if err := c.showChanges(changes); err != nil {
				return err
			}
		}
		if len(changes) == 0 {
			return c.applied(all[len(all)-1].Version, false)
		}
	}
	checked, err := a.CheckMapping(ctx, s)
	if err != nil {
		return err
	}
	if len(checked.Faults) == 0 {
		if !c.json {
			c.tellChecked(checked, s.Env().Zone)
		}
		if err := c.confirm(yes, fmt.Sprintf("Apply as v%d?", len(all)+1)); err != nil {
			return err
		}
	}
	version, err := a.Apply(ctx, checked, basedOn, by(a, reason))
	var bad *app.FaultsError
	if errors.As(err, &bad) {
		return c.refused(hint(err, "mend the file or the system, then apply again"))
	}
	if errors.Is(err, app.ErrOutdated) {
		return hint(err, "look at the new version with duolog settings diff FILE, then set based_on in the file")
	}
	if err != nil {
		return err
	}
	return c.applied(version, true)
}

// tellChecked says what the mapping was held against.
func (c *cli) tellChecked(k app.Checked, zone *time.Location) {
	fields := plural(int64(len(k.Settings.Fields)), "field")
	var text string
	switch h := k.HubSpot; {
	case h.Now:
		text = "Checked against both systems: " + fields + " good."
	case h.Seen.IsZero():
		text = "Not checked against HubSpot (" + h.Why + "): duolog serve checks before it sends anything."
	default:
		text = fmt.Sprintf("Checked against HubSpot as it was on %s (%s): %s good.", h.Seen.In(zone).Format(bothLayout), h.Why, fields)
	}
	if len(k.Unseen) > 0 {
		text += " Declared by Aloware, not seen on a contact there yet: " + strings.Join(k.Unseen, ", ") + "."
	}
	c.printf("%s\n", strings.Join(wrap(text, lineWidth), "\n"))
}

func (c *cli) applied(version int, changed bool) error {
	switch {
	case c.json:
		return c.printJSON(map[string]any{"version": version, "changed": changed})
	case changed:
		c.printf("Applied as v%d.\n", version)
	}
	return nil
}

// confirm asks on a terminal; elsewhere --yes must say so.
func (c *cli) confirm(yes bool, question string) error {
	if yes {
		return nil
	}
	if !isTerminal(c.in) {
		return hint(usage("nobody is there to answer: %s", question), "--yes applies without asking")
	}
	c.note("%s [y/N] ", question)
	answer, err := bufio.NewReader(c.in).ReadString('\n')
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return errors.New("not applied")
	}
	return nil
}
