package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/contacts"
)

const reviewHelp = `What is held waits here for a person, and nothing is sent about it meanwhile:

  who it is     several people could be meant, or a number is shared by different emails:
                accept says it is one of them, reject says it is none
  a field       both sides changed it and the rule leaves it to you:
                accept --field F --take aloware|hubspot, or reject --field F to leave both so
  a do-not-call is lifted on one side only, when a person says so: the same with its field
  a phone       Aloware's API cannot change one: change it there by hand, then done
  a guard       unusually much changed or was deleted: resume says it is all meant, accept lets
                one contact through, contact exclude leaves it out

What you decide is stored with your name and reason, and binds for ever.`

func (c *cli) review() *cobra.Command {
	return group(&cobra.Command{Use: "review", Short: "What waits for a person", Long: reviewHelp},
		c.reviewList(), c.reviewShow(), c.reviewAccept(), c.reviewReject(), c.reviewDone())
}

func (c *cli) reviewList() *cobra.Command {
	var asCSV bool
	cmd := &cobra.Command{
		Use: "list", Short: "List what waits for a person", Args: none,
		Example: "  duolog review list\n  duolog review list --csv > review.csv",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			all, err := reviews(ctx, a)
			if err != nil {
				return err
			}
			s, err := a.Status(ctx)
			if err != nil {
				return err
			}
			return c.showReviews(all, s.Guard, asCSV)
		}),
	}
	csvFlag(cmd, &asCSV)
	return cmd
}

// reviews lists everything that is held.
func reviews(ctx context.Context, a *app.App) ([]httpapi.Review, error) {
	if err := a.CatchUp(ctx); err != nil {
		return nil, err
	}
	all := []httpapi.Review{}
	filter := contacts.Filter{Status: contacts.Held, Limit: contacts.MaxLimit}
	for {
		page, err := a.Contacts.List(ctx, filter)
		if err != nil {
			return nil, err
		}
		for _, k := range page {
			all = append(all, httpapi.ReviewsOf(k)...)
		}
		if len(page) < filter.Limit {
			return all, nil
		}
		filter.After = page[len(page)-1].ID
	}
}

func (c *cli) showReviews(all []httpapi.Review, guard *httpapi.Guarded, asCSV bool) error {
	if c.json {
		return c.printJSON(httpapi.ReviewPage{Guard: guard, Reviews: all})
	}
	if guard != nil && !asCSV {
		c.printf("%s\n\n", strings.Join(wrap("The guard "+guard.Guard+" paused the sync: "+guard.Says+". "+guard.Next+".", lineWidth), "\n"))
	}
	t := table{head: []string{"contact", "kind", "about", "why", "others", "since"}}
	for _, r := range all {
		about := r.Field
		if about == "" {
			about = "who it is"
		}
		t.add(r.Name, r.Kind, about, r.Reason, strings.Join(r.Others, " "), at(r.Position))
	}
	if asCSV {
		return t.csv(c.out)
	}
	if len(all) == 0 {
		if guard == nil {
			c.printf("Nothing waits for a person.\n")
		}
		return nil
	}
	t.print(c)
	c.printf("\nduolog review show CONTACT says what can be done.\n")
	return nil
}

func (c *cli) reviewShow() *cobra.Command {
	return &cobra.Command{
		Use: "show CONTACT", Short: "What a contact waits for, and what can be done", Args: exactly(1),
		Example: "  duolog review show aloware:90417",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			k, err := findOne(ctx, a, args[0])
			if err != nil {
				return err
			}
			waits := httpapi.ReviewsOf(k)
			if c.json {
				return c.printJSON(httpapi.ReviewPage{Reviews: waits})
			}
			if len(waits) == 0 {
				c.printf("%s waits for nobody.\n", shortName(k))
				return nil
			}
			return c.explainReviews(ctx, a, k, waits)
		}),
	}
}

// explainReviews says of each thing what it is about and what to type.
func (c *cli) explainReviews(ctx context.Context, a *app.App, k contacts.Contact, waits []httpapi.Review) error {
	control, _, err := a.Control(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(waits, func(r httpapi.Review) bool { return r.Field != "" }) {
		if err := a.Looked(ctx, domain.AccessReview, by(a, ""), k.ID); err != nil {
			return err
		}
	}
	for _, r := range waits {
		about := r.Field
		if about == "" {
			about = "who it is"
		}
		c.printf("%s: %s  %s\n", about, r.Reason, c.paint(faint, at(r.Position)))
		if r.Field != "" {
			c.printf("  Aloware  %s\n  HubSpot  %s\n", orDash(valueIn(k, control.Settings, r.Field, domain.Aloware)),
				orDash(valueIn(k, control.Settings, r.Field, domain.HubSpot)))
		}
		for _, o := range r.Others {
			c.printf("  it may be  %s\n", o)
		}
		for _, line := range remedies(r) {
			c.printf("    duolog %s\n", line)
		}
	}
	return nil
}

// remedies are the commands that settle what waits.
func remedies(r httpapi.Review) []string {
	switch {
	case r.Kind == httpapi.ReviewGuard:
		return []string{
			"resume --reason WHY    everything that was held is meant",
			"review accept " + r.Name + "    this one is, once the sync goes on", "contact exclude " + r.Name + "    leave it out",
		}
	case r.Field == "":
		lines := make([]string, 0, len(r.Others)+1)
		for _, o := range r.Others {
			lines = append(lines, fmt.Sprintf("review accept %s --as %s", r.Name, o))
		}
		return append(lines, "review reject "+r.Name+"    it is none of them")
	case r.Kind == httpapi.ReviewPhone:
		return []string{"review done " + r.Name + "    after you changed it there by hand"}
	}
	return []string{
		fmt.Sprintf("review accept %s --field %s --take aloware|hubspot", r.Name, r.Field),
		fmt.Sprintf("review reject %s --field %s    leave both as they are", r.Name, r.Field),
	}
}

func (c *cli) reviewAccept() *cobra.Command {
	var as, field, take string
	cmd := c.verdict("accept CONTACT", "Say who it is, or whose value counts", "accepted",
		"  duolog review accept aloware:90417 --as hubspot:512 --reason \"asked Jane\"\n"+
			"  duolog review accept hubspot:512 --field city --take aloware",
		func(k contacts.Contact) (httpapi.Verdict, error) { return acceptance(k, as, field, take) })
	cmd.Flags().StringVar(&as, "as", "", "the record that is the same person; may be left out when only one is in question")
	cmd.Flags().StringVar(&field, "field", "", "the field that waits")
	cmd.Flags().StringVar(&take, "take", "", "whose value counts: aloware or hubspot")
	return cmd
}

func acceptance(k contacts.Contact, as, field, take string) (httpapi.Verdict, error) {
	v := httpapi.Verdict{Verdict: domain.VerdictTake, Field: field, From: domain.System(take)}
	if field != "" {
		if !v.From.Valid() || as != "" {
			return v, hint(usage("say whose value of %s counts", field), "--take aloware or --take hubspot")
		}
		return v, nil
	}
	if as == "" && take == "" && guarded(k) {
		return httpapi.Verdict{Verdict: domain.VerdictRead}, nil // a person's word lets it through
	}
	if as == "" && len(k.Others) == 1 {
		as = k.Others[0]
	}
	other, err := domain.ParseRecord(as)
	if err != nil || take != "" {
		return v, hint(usage("say who it is"), "--as RECORD, one of: %s; or --field F --take aloware|hubspot for a field",
			orDash(strings.Join(k.Others, " ")))
	}
	return httpapi.Verdict{Verdict: domain.VerdictSame, Others: []domain.Record{other}}, nil
}

// guarded reports a contact that a guard holds.
func guarded(k contacts.Contact) bool {
	return slices.ContainsFunc(httpapi.ReviewsOf(k), func(r httpapi.Review) bool { return r.Kind == httpapi.ReviewGuard })
}

func (c *cli) reviewReject() *cobra.Command {
	var field string
	cmd := c.verdict("reject CONTACT", "Say it is none of them, or leave a field as it is", "rejected",
		"  duolog review reject aloware:90417 --reason \"two sisters\"\n  duolog review reject hubspot:512 --field city",
		func(contacts.Contact) (httpapi.Verdict, error) {
			if field != "" {
				return httpapi.Verdict{Verdict: domain.VerdictLeave, Field: field}, nil
			}
			return httpapi.Verdict{Verdict: domain.VerdictSeparate}, nil
		})
	cmd.Flags().StringVar(&field, "field", "", "the field to leave as it is on both sides")
	return cmd
}

func (c *cli) reviewDone() *cobra.Command {
	return c.verdict("done CONTACT", "Say that you did it by hand: both sides are read again", "both sides are being read",
		"  duolog review done hubspot:512 --reason \"changed the number in Aloware\"",
		func(contacts.Contact) (httpapi.Verdict, error) {
			return httpapi.Verdict{Verdict: domain.VerdictRead}, nil
		})
}

// verdict is a command by which a person decides about one contact.
func (c *cli) verdict(use, short, said, example string,
	decide func(contacts.Contact) (httpapi.Verdict, error),
) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: use, Short: short, Args: exactly(len(strings.Fields(use)) - 1), Example: example,
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			k, err := findOne(ctx, a, args[0])
			if err != nil {
				return err
			}
			v, err := decide(k)
			if err != nil {
				return err
			}
			v.Contact = k.ID
			if len(args) > 1 {
				if v.Others, err = otherRecords(ctx, a, k, args[1]); err != nil {
					return err
				}
			}
			done, err := a.Decide(ctx, v, by(a, reason))
			return c.acted(done, err, shortName(k)+" "+said)
		}),
	}
	reasonFlag(cmd, &reason)
	return cmd
}

// otherRecords resolves the second contact of link to its record in the system that the first has none in.
func otherRecords(ctx context.Context, a *app.App, k contacts.Contact, typed string) ([]domain.Record, error) {
	other, err := findOne(ctx, a, typed)
	if err != nil {
		return nil, err
	}
	for _, r := range other.Records {
		taken := slices.ContainsFunc(k.Records, func(o contacts.Record) bool { return o.System == r.System })
		if r.State != "merged" && !taken {
			return []domain.Record{{System: r.System, ID: r.ID}}, nil
		}
	}
	return nil, hint(fmt.Errorf("%s and %s both stand in the same system", shortName(k), shortName(other)),
		"merge the two there; duolog follows")
}
