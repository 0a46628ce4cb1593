package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain/settings"
)

func (c *cli) settingsHistory() *cobra.Command {
	var asCSV bool
	cmd := &cobra.Command{
		Use: "history", Short: "List the versions: who, when, why, what changed", Args: none,
		Example: "  duolog settings history",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			all, err := a.SettingsHistory(ctx)
			if err != nil {
				return err
			}
			return c.listVersions(ctx, a, all, asCSV)
		}),
	}
	csvFlag(cmd, &asCSV)
	return cmd
}

// versionLine is a version as listed.
type versionLine struct {
	Version  int               `json:"version"`
	Position int64             `json:"position"`
	At       time.Time         `json:"at"`
	Actor    string            `json:"actor"`
	Reason   string            `json:"reason,omitempty"`
	Changes  []settings.Change `json:"changes"`
}

func (c *cli) listVersions(ctx context.Context, a *app.App, all []app.SettingsVersion, asCSV bool) error {
	zone, err := zoneOf(ctx, a)
	if err != nil {
		return err
	}
	lines := make([]versionLine, len(all))
	t := table{head: []string{"version", "position", "when", "by", "why", "changed"}}
	for i, v := range all {
		lines[i] = versionLine{v.Version, v.Position, v.At, v.Actor, v.Reason, []settings.Change{}}
		what := "first"
		if i > 0 {
			lines[i].Changes = append(lines[i].Changes, settings.Diff(all[i-1].Settings, v.Settings)...)
			what = inWords(lines[i].Changes)
		}
		t.add(fmt.Sprintf("v%d", v.Version), position(v.Position), v.At.In(zone).Format(bothLayout), v.Actor,
			orDash(v.Reason), what)
	}
	switch {
	case c.json:
		return c.printJSON(map[string]any{"versions": lines})
	case asCSV:
		return t.csv(c.out)
	case len(all) == 0:
		c.printf("No settings were applied yet.\n")
		return nil
	}
	for i, v := range lines {
		c.printf("%s  %s  by %s  %s\n", c.paint(bold, fmt.Sprintf("v%d", v.Version)), v.At.In(zone).Format(bothLayout), v.Actor,
			c.paint(faint, at(v.Position)))
		if v.Reason != "" {
			c.printf("      %s\n", v.Reason)
		}
		for _, ch := range lines[i].Changes {
			c.printf("      %s\n", cut(ch.String(), lineWidth-6))
		}
	}
	return nil
}

func inWords(changes []settings.Change) string {
	words := make([]string, len(changes))
	for i, ch := range changes {
		words[i] = ch.String()
	}
	return strings.Join(words, "; ")
}
