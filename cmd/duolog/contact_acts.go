package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/contacts"
)

// fixed is a verdict that is the same for every contact.
func fixed(verdict string) func(contacts.Contact) (httpapi.Verdict, error) {
	return func(contacts.Contact) (httpapi.Verdict, error) { return httpapi.Verdict{Verdict: verdict}, nil }
}

// contactActs are what a person can do about one contact.
func (c *cli) contactActs() []*cobra.Command {
	return []*cobra.Command{
		c.verdict("resync CONTACT", "Read both systems and plan the contact again", "is being read on both sides",
			"  duolog contact resync jane.cooper@example.com", fixed(domain.VerdictRead)),
		c.verdict("link CONTACT OTHER", "Say that two records are one person", "linked",
			"  duolog contact link aloware:90417 hubspot:512 --reason \"asked Jane\"", fixed(domain.VerdictSame)),
		c.verdict("unlink CONTACT", "Cut a wrong link: two people, and nobody is made anew", "unlinked",
			"  duolog contact unlink hubspot:512 --reason \"front desk number\"", fixed(domain.VerdictSeparate)),
		c.verdict("exclude CONTACT", "Take a contact out of the sync", "excluded",
			"  duolog contact exclude hubspot:512 --reason \"test record\"", fixed(domain.VerdictExclude)),
		c.verdict("include CONTACT", "Let an excluded contact in again", "included",
			"  duolog contact include hubspot:512", fixed(domain.VerdictInclude)),
	}
}

const duplicatesHelp = `People who stand, or seem to stand, twice:

  suspected  held: it may be one of several, or a number is shared by different emails
  shared     kept out: the number or email under which the other system knows one person has two
  merged     a merge in HubSpot left this Aloware contact over: shown, never sent or made again`

func (c *cli) duplicates() *cobra.Command {
	var same, reason string
	resolve := &cobra.Command{
		Use: "resolve CONTACT", Short: "Say whether it is the same person", Args: exactly(1),
		Long: "Say whether a contact is the same person as another record, or nobody of those in question. It binds for ever.",
		Example: "  duolog duplicates resolve aloware:90417 --same hubspot:512\n" +
			"  duolog duplicates resolve aloware:90417 --separate --reason \"two sisters\"",
	}
	separate := resolve.Flags().Bool("separate", false, "it is none of the records in question")
	resolve.Flags().StringVar(&same, "same", "", "the record that is the same person")
	reasonFlag(resolve, &reason)
	resolve.RunE = c.on(func(ctx context.Context, a *app.App, args []string) error {
		if (same != "") == *separate {
			return usage("say --same RECORD or --separate")
		}
		k, err := findOne(ctx, a, args[0])
		if err != nil {
			return err
		}
		v := httpapi.Verdict{Contact: k.ID, Verdict: domain.VerdictSeparate}
		if same != "" {
			other, err := domain.ParseRecord(same)
			if err != nil {
				return usage("--same wants hubspot:ID or aloware:ID")
			}
			v.Verdict, v.Others = domain.VerdictSame, []domain.Record{other}
		}
		done, err := a.Decide(ctx, v, by(a, reason))
		return c.acted(done, err, shortName(k)+" resolved")
	})
	return group(&cobra.Command{Use: "duplicates", Short: "People who stand twice", Long: duplicatesHelp},
		c.duplicatesList(), resolve, c.duplicatesReport())
}

func (c *cli) duplicatesList() *cobra.Command {
	var asCSV bool
	cmd := &cobra.Command{
		Use: "list", Short: "List who stands, or seems to stand, twice", Args: none,
		Example: "  duolog duplicates list\n  duolog duplicates list --csv > duplicates.csv",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			if err := a.CatchUp(ctx); err != nil {
				return err
			}
			all, err := httpapi.Duplicates(ctx, a.Contacts)
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(httpapi.DuplicateList{Duplicates: all})
			}
			t := table{head: []string{"contact", "kind", "why", "others"}}
			for _, d := range all {
				t.add(d.Name, d.Kind, d.Reason, strings.Join(d.Others, " "))
			}
			if asCSV {
				return t.csv(c.out)
			}
			if len(all) == 0 {
				c.printf("Nobody stands twice.\n")
				return nil
			}
			t.print(c)
			return nil
		}),
	}
	csvFlag(cmd, &asCSV)
	return cmd
}
