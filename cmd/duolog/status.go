package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/contacts"
)

const statusHelp = `Show how the connection stands, as stored: mode, what needs a person, both systems, contacts, lag. No system is
asked. Exit 3 when a person is needed, so it can be used from cron.`

func (c *cli) status() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use: "status", Short: "One screen about the connection", Long: statusHelp, Args: none,
		Example: "  duolog status\n  duolog status --watch",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			if watch {
				return c.watchStatus(ctx, a)
			}
			s, err := a.Status(ctx)
			if err != nil {
				return err
			}
			if err := c.showStatus(ctx, a, s); err != nil {
				return err
			}
			if len(s.Needs) > 0 {
				return errPerson
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&watch, "watch", false, "show it again every two seconds until Ctrl-C")
	return cmd
}

func (c *cli) watchStatus(ctx context.Context, a *app.App) error {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		s, err := a.Status(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if isTerminal(c.out) && !c.json {
			c.printf("\x1b[H\x1b[2J")
		}
		if err := c.showStatus(ctx, a, s); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (c *cli) showStatus(ctx context.Context, a *app.App, s httpapi.Status) error {
	if c.json {
		return c.printJSON(s)
	}
	control, _, err := a.Control(ctx)
	if err != nil {
		return err
	}
	aw, hs := s.Systems[string(domain.Aloware)], s.Systems[string(domain.HubSpot)]
	c.printf("%s   Aloware %s ↔ HubSpot %s   mode %s   %s\n\n", c.paint(bold, s.Connection), orDash(aw.Account),
		orDash(hs.Account), c.modeWord(s), c.needsWord(s))
	for _, n := range s.Needs {
		c.printf("  %s %s\n", c.paint(yellow, "!"), strings.Join(wrap(n, lineWidth-4), "\n    "))
	}
	if len(s.Needs) > 0 {
		c.printf("\n")
	}
	c.tellSides(aw, hs, control.Settings.Env().Zone)
	c.printf("  %-13s%s\n", "contacts", contactCounts(s.Contacts))
	if s.Checked != nil {
		c.printf("  %-13s%s\n", "gate", gateWord(s, control.Settings.Env().Zone))
	}
	if v := control.Settings.Version; v > 0 {
		c.printf("  %-13sv%d · preset %s · %s\n", "settings", v, control.Settings.Preset,
			plural(int64(len(control.Settings.Fields)), "field"))
	}
	c.printf("  %-13s%s · %s\n", "log", plural(s.Head, "event"), lagWords(s.Lag))
	if control.Settings.Version == 0 {
		return nil
	}
	return c.tellLastRuns(ctx, a)
}

// tellLastRuns tells when contacts were pushed and pulled last.
func (c *cli) tellLastRuns(ctx context.Context, a *app.App) error {
	runs, err := a.LastRunsFolded(ctx)
	if err != nil {
		return err
	}
	what := "operations"
	for _, r := range runs {
		if r.Name == domain.OpPush || r.Name == domain.OpPull {
			c.printf("  %-13s%s%s\n", what, r.Said, spent(r.Counts))
			what = ""
		}
	}
	return nil
}

func (c *cli) modeWord(s httpapi.Status) string {
	word := strings.ToUpper(s.Mode)
	if word == "" {
		word = "none yet"
	}
	if s.Paused {
		word += c.paint(yellow, ", PAUSED")
	}
	if s.Gate != "" {
		word += c.paint(red, ", GATE SHUT")
	}
	return word
}

func (c *cli) needsWord(s httpapi.Status) string {
	switch {
	case s.Systems[string(domain.HubSpot)].Account == "":
		return c.paint(yellow, "not connected yet: duolog serve was not run")
	case len(s.Needs) == 0:
		return c.paint(green, "all well")
	}
	return c.paint(yellow, "needs you: "+plural(int64(len(s.Needs)), "thing"))
}

func (c *cli) tellSides(aw, hs httpapi.SystemStatus, zone *time.Location) {
	c.printf("  %-13s%-37s%s\n", "", "Aloware", "HubSpot")
	row := func(what string, say func(httpapi.SystemStatus) string) {
		if l, r := say(aw), say(hs); l+r != "" {
			c.printf("  %-13s%-37s%s\n", what, orDash(l), orDash(r))
		}
	}
	row("credential", func(s httpapi.SystemStatus) string {
		if s.Credential != httpapi.CredentialWorks || s.Used == nil {
			return s.Credential
		}
		return fmt.Sprintf("%s, seen %s", s.Credential, ago(time.Since(*s.Used)))
	})
	row("last webhook", func(s httpapi.SystemStatus) string {
		if s.LastWebhook == nil {
			return ""
		}
		return fmt.Sprintf("%s (%s)", s.LastWebhook.In(zone).Format(timeLayout), ago(time.Since(*s.LastWebhook)))
	})
	row("last sweep", func(s httpapi.SystemStatus) string {
		if s.LastSweep == nil {
			return ""
		}
		return fmt.Sprintf("%s, drift %s of %s", s.LastSweep.At.In(zone).Format(timeLayout), number(s.LastSweep.Drift),
			number(s.LastSweep.Looked))
	})
	row("to send", func(s httpapi.SystemStatus) string {
		if s.Oldest == nil {
			return number(s.Waiting)
		}
		return fmt.Sprintf("%s, oldest %s", number(s.Waiting), ago(time.Since(*s.Oldest)))
	})
	row("failing", func(s httpapi.SystemStatus) string { return number(s.Failing) })
	row("given up", func(s httpapi.SystemStatus) string { return number(s.Dead) })
	row("API budget", func(s httpapi.SystemStatus) string { return budgetWord(s.Budget) })
	c.printf("\n")
}

// budgetWord says how much of a system's limits is used.
func budgetWord(u *adapters.Usage) string {
	if u == nil || u.Limit == 0 || u.Share == 0 {
		return ""
	}
	word := fmt.Sprintf("%d %% of our %d %%", 100*u.Used*100/(u.Limit*u.Share), u.Share)
	if u.DayLimit > 0 {
		word += fmt.Sprintf(", %d %% of the day", 100*u.Day/u.DayLimit)
	}
	return word
}

// gateWord says how far the mapping fits both systems, and when that was looked at.
func gateWord(s httpapi.Status, zone *time.Location) string {
	word := "open"
	if len(s.Shut) > 0 {
		var names []string
		for _, f := range s.Shut {
			if !slices.Contains(names, f.Shuts) {
				names = append(names, f.Shuts)
			}
		}
		word = "shut: " + strings.Join(names, ", ")
	}
	return cut(fmt.Sprintf("%s · checked %s (%s)", word, s.Checked.In(zone).Format(bothLayout), ago(time.Since(*s.Checked))), lineWidth-15)
}

// contactCounts says how many contacts are in which status, the usual first.
func contactCounts(counts map[string]int64) string {
	var parts []string
	for _, status := range contacts.Statuses {
		if n := counts[status]; n > 0 {
			parts = append(parts, number(n)+" "+strings.ReplaceAll(status, "_", " "))
		}
	}
	if len(parts) == 0 {
		return "none yet"
	}
	return strings.Join(parts, " · ")
}

func lagWords(lag map[string]int64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(lag)) {
		if n := lag[name]; n > 0 {
			parts = append(parts, name+" "+number(n)+" behind")
		}
	}
	if len(parts) == 0 {
		return "everything folded"
	}
	return strings.Join(parts, " · ")
}

// zoneOf returns the zone in which the connection's times are shown.
func zoneOf(ctx context.Context, a *app.App) (*time.Location, error) {
	control, _, err := a.Control(ctx)
	if err != nil {
		return nil, err
	}
	return control.Settings.Env().Zone, nil
}
