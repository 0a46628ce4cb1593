package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain/settings"
)

const mappingHelp = `Hold the mapping in force against both systems, field by field. Sample values of the real properties are sent through
each field: lossless keeps them all, one way means that one side holds values the other has no form for, lossy that
a value comes back as another one, with an example.

Told besides: what does not fit and shuts a field, fields set to both that do not flow both ways, people an owner
field finds on one side only, properties of which no HubSpot webhook ever told, what changed in HubSpot since
somebody looked last, and when somebody should look again (review_mapping_every). Exit 3 when anything is found.`

func (c *cli) mapping() *cobra.Command {
	return group(&cobra.Command{Use: "mapping", Short: "Whether the mapping keeps what goes through it"}, c.mappingCheck())
}

func (c *cli) mappingCheck() *cobra.Command {
	var reviewed bool
	var reason string
	cmd := &cobra.Command{
		Use: "check", Short: "Hold the mapping against both systems, and try it", Long: mappingHelp, Args: none,
		Example: "  duolog mapping check\n  duolog mapping check --reviewed --reason \"quarterly review\"",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			if reviewed {
				if _, err := a.MappingReviewed(ctx, by(a, reason)); err != nil {
					return err
				}
			}
			r, err := a.MappingReport(ctx)
			if err != nil {
				return err
			}
			if c.json {
				err = c.printJSON(r)
			} else {
				c.tellMapping(r)
			}
			if err == nil && !r.OK {
				return errPerson
			}
			return err
		}),
	}
	cmd.Flags().BoolVar(&reviewed, "reviewed", false, "take note that you looked the mapping over")
	reasonFlag(cmd, &reason)
	return cmd
}

func (c *cli) tellMapping(r httpapi.MappingReport) {
	t := table{head: []string{"Aloware", "", "HubSpot", "type", "keeps", "in Aloware", "changes told"}}
	for _, f := range r.Fields {
		t.add(f.Aloware, arrow(f.Direction), f.HubSpot, string(f.Type), strings.ReplaceAll(f.Verdict, "_", " "), f.InAloware, f.Told)
	}
	t.print(c)
	if !r.HubSpot.Now {
		when := "never seen"
		if r.HubSpot.Seen != nil {
			when = "as seen on " + r.HubSpot.Seen.Format(bothLayout)
		}
		c.printf("\n%s\n", fitted(fmt.Sprintf("HubSpot was not asked (%s): its properties %s count.", r.HubSpot.Why, when), "", false))
	}
	for _, p := range r.Unmapped {
		c.printf("\n%s (%s) is in %s only, as far as %s knows.", p.Email, p.ID, p.System.Title(), p.Field)
	}
	if len(r.Unmapped) > 0 {
		c.printf("\n")
	}
	for _, f := range r.Faults {
		c.tellFinding(f.Field, "found "+f.Found+", wanted "+f.Wanted, f.Fix)
	}
	for _, f := range r.Findings {
		c.tellFinding(f.Field, f.Found, f.Fix)
	}
	if r.OK {
		c.printf("\n%s of settings v%d keep what goes through them.\n", plural(int64(len(r.Fields)), "field"), r.Version)
	}
	if r.Due != nil {
		c.printf("Looked over on %s, to be looked over again by %s.\n", r.Reviewed.Format(dayLayout), r.Due.Format(dayLayout))
	}
}

func (c *cli) tellFinding(field, found, fix string) {
	lines := wrap(field+": "+found, lineWidth-2)
	c.printf("\n%s %s\n", c.paint(red, "✗"), strings.Join(lines, "\n  "))
	c.printf("  fix: %s\n", strings.Join(wrap(fix, lineWidth-7), "\n       "))
}

const dayLayout = "Jan 2, 2006"

// arrow shows a direction between Aloware, left, and HubSpot, right.
func arrow(d settings.Direction) string {
	switch d {
	case settings.Both:
		return "↔"
	case settings.ToAloware:
		return "←"
	default:
		return "→"
	}
}
