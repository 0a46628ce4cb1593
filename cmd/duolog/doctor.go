package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
)

const doctorHelp = `Check what a sync needs: the database and its key, both systems and their credentials, HubSpot's properties and
the webhooks it should send, the mapping and its gate. Every finding says what to do. It warns while no copy of the
master key was made. Exit 3 when something is wrong.`

// finding is one check as printed.
type finding struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Warning bool   `json:"warning,omitempty"`
	Detail  string `json:"detail,omitempty"`
	Fix     string `json:"fix,omitempty"`
}

func (c *cli) doctor() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Check what a sync needs, and say what to mend", Long: doctorHelp, Args: none,
		Example: "  duolog doctor",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			found, err := a.Doctor(ctx)
			if err != nil {
				return unreached(err)
			}
			return c.showFindings(found)
		}),
	}
}

func (c *cli) showFindings(found []app.Finding) error {
	list := make([]finding, len(found))
	bad, warnings := int64(0), int64(0)
	for i, f := range found {
		list[i] = finding{Name: f.Name, OK: f.OK, Warning: f.Warning, Detail: f.Detail, Fix: f.Fix}
		switch {
		case !f.OK:
			bad++
		case f.Warning:
			warnings++
		}
	}
	if c.json {
		if err := c.printJSON(map[string]any{"ok": bad == 0, "findings": list}); err != nil {
			return err
		}
	} else {
		c.tellFindings(list, bad, warnings)
	}
	if bad > 0 {
		return errPerson
	}
	return nil
}

func (c *cli) tellFindings(list []finding, bad, warnings int64) {
	for _, f := range list {
		mark := c.paint(green, "✓")
		switch {
		case !f.OK:
			mark = c.paint(red, "✗")
		case f.Warning:
			mark = c.paint(yellow, "!")
		}
		for i, line := range wrap(f.Detail, lineWidth-25) {
			if i == 0 {
				c.printf("%s %-22s %s\n", mark, f.Name, line)
			} else {
				c.printf("%25s%s\n", "", line)
			}
		}
		if (!f.OK || f.Warning) && f.Fix != "" {
			c.printf("    fix: %s\n", strings.Join(wrap(f.Fix, lineWidth-9), "\n         "))
		}
	}
	switch {
	case bad > 0:
		c.printf("\n%s to mend.\n", plural(bad, "thing"))
	case warnings > 0:
		c.printf("\nAll well, but for %s.\n", plural(warnings, "warning"))
	default:
		c.printf("\nAll well.\n")
	}
}
