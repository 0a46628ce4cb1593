package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/replay"
)

const impactHelp = `Say what a version of the settings caused: what was sent while it was in force, and what would have been under the
version before it. It decides again, in memory, on all that came in then; it changes nothing and cannot send.`

func (c *cli) settingsImpact() *cobra.Command {
	var csv string
	cmd := &cobra.Command{
		Use: "impact VERSION", Short: "What a version caused", Long: impactHelp, Args: exactly(1),
		Example: "  duolog settings impact v7\n  duolog settings impact 7 --csv differences.csv",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			n, err := versionNumber(args[0])
			if err != nil {
				return err
			}
			now, err := settingsOf(ctx, a)
			if err != nil {
				return err
			}
			rows, err := newDivergences(csv, now.Settings)
			if err != nil {
				return err
			}
			defer boundMemory(decidingMemory)()
			m := c.meter("impact", "events")
			i, err := a.Impact(ctx, replay.Config{Progress: m.set, Began: rows.add}, n)
			m.done()
			switch err = rows.close(err); {
			case errors.Is(err, httpapi.ErrNotFound):
				return hint(err, "duolog settings history lists them")
			case errors.Is(err, httpapi.ErrBadInput):
				return usageError{err}
			case err != nil:
				return err
			}
			return c.showImpact(i)
		}),
	}
	cmd.Flags().StringVar(&csv, "csv", "", "write the first difference of every contact to this file, for a spreadsheet")
	return cmd
}

func (c *cli) showImpact(i httpapi.Impact) error {
	if c.json {
		return c.printJSON(struct {
			Same    bool             `json:"same"`
			Applied versionLine      `json:"applied"`
			Until   int64            `json:"until,omitempty"`
			Settled map[string]int64 `json:"settled"`
			LRN     httpapi.LRN      `json:"lrn"`
			replay.Forecast
		}{
			Same: i.Same(), Until: i.Until, Settled: i.Settled, LRN: httpapi.LRNOf(i.Forecast, i.Settings), Forecast: i.Forecast,
			Applied: versionLine{i.Version, i.Position, i.At, i.Actor, i.Reason, append([]settings.Change{}, i.Changes...)},
		})
	}
	head := fmt.Sprintf("v%d by %s, %s, at %s", i.Version, i.Actor, i.At.In(i.Settings.Env().Zone).Format(bothLayout), at(i.Position))
	if i.SettingsVersion.Reason != "" {
		head += ".  Reason: " + i.SettingsVersion.Reason
	}
	c.printf("%s\n", fitted(head, "  ", false))
	for _, ch := range i.Changes {
		c.printf("  %s\n", cut(ch.String(), lineWidth-2))
	}
	t := whatifText{cli: c, Forecast: i.Forecast, other: i.Settings, lrn: httpapi.LRNOf(i.Forecast, i.Settings)}
	c.printf("\n%s\n", fitted(c.underIt(i), "", false))
	if !t.Same() {
		t.heads = []string{"", fmt.Sprintf("under v%d", i.Version), fmt.Sprintf("under v%d", i.Version-1), "difference"}
		t.numbers()
		t.rules()
		t.firsts()
		t.doubts()
	}
	c.printf("\nBack to v%d: duolog settings rollback %d\n", i.Version-1, i.Version-1)
	return nil
}

// underIt says in a sentence or two what came of the version.
func (c *cli) underIt(i httpapi.Impact) string {
	since := "Since then"
	if i.Until > 0 {
		since = "Until " + at(i.Until)
	}
	var sent []string
	for _, s := range domain.Systems {
		sent = append(sent, fmt.Sprintf("%s created in %s, %s to it", number(i.Created[s].Was), s.Title(),
			plural(i.Updated[s].Was, "update")))
	}
	text := fmt.Sprintf("%s %s about %s: %s", since, plural(i.Inputs, "input"), plural(i.Contacts, "contact"), strings.Join(sent, "; "))
	var answers []string
	for _, result := range slices.Sorted(maps.Keys(i.Settled)) {
		answers = append(answers, number(i.Settled[result])+" "+result)
	}
	if len(answers) > 0 {
		text += " (" + strings.Join(answers, ", ") + ")"
	}
	if i.Same() {
		return text + fmt.Sprintf(".  Under v%d nothing would have been otherwise.", i.Version-1)
	}
	return text + fmt.Sprintf(".  Under v%d %s would have begun to differ.", i.Version-1, plural(i.Begin, "contact"))
}
