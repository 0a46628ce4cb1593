package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
)

const contactCardHelp = `Show at a glance who a contact is: names and numbers, owner in HubSpot and user in Aloware, lifecycle stage, deals,
other contacts with the same number, and where both systems show the record. It asks neither system: deals and people
are as last pulled.`

func (c *cli) contactCard() *cobra.Command {
	return &cobra.Command{
		Use: "card CONTACT", Short: "Who it is, whose it is, deals, duplicates, links", Long: contactCardHelp, Args: exactly(1),
		Example: "  duolog contact card jane.cooper@example.com\n  duolog contact card +14155550132",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			k, err := findOne(ctx, a, args[0])
			if err != nil {
				return err
			}
			card, err := a.Card(ctx, k.ID)
			if err != nil {
				return err
			}
			if err := a.Looked(ctx, domain.AccessCard, by(a, ""), k.ID); err != nil {
				return err
			}
			if c.json {
				return c.printJSON(card)
			}
			c.showCard(card)
			return nil
		}),
	}
}

func (c *cli) showCard(card httpapi.Card) {
	c.printf("%s   %s   %s\n", c.paint(bold, orDash(card.Name)), card.Contact, strings.ReplaceAll(card.Status, "_", " "))
	line := func(what, text string) {
		if text != "" {
			c.printf("%-12s%s\n", what, strings.Join(wrap(text, lineWidth-12), "\n            "))
		}
	}
	line("company", card.Company)
	line("phone", strings.Join(card.Phones, ", "))
	line("email", strings.Join(card.Emails, ", "))
	line("stage", optional(card.Lifecycle))
	line("lead status", optional(card.Lead))
	what := "owner"
	for _, text := range []string{whose(card.User, domain.Aloware), whose(card.Owner, domain.HubSpot)} {
		if text != "" {
			line(what, text)
			what = ""
		}
	}
	if card.Erased {
		line("erased", "values of this person are erased for ever")
	}
	for _, r := range card.Records {
		line(domain.System(r.System).Title(), r.URL+stateNote(r.State))
	}
	c.cardDeals(card.Deals)
	c.cardDuplicates(card.Duplicates)
}

func stateNote(state string) string {
	if state == "linked" {
		return ""
	}
	return "   (" + state + ")"
}

func optional(o *domain.Choice) string {
	if o == nil {
		return ""
	}
	return choiceWord(*o)
}

func whose(o *httpapi.Owner, s domain.System) string {
	if o == nil {
		return ""
	}
	name := o.Name
	if name == "" {
		name = "unknown"
	}
	text := name + " in " + s.Title() + " (" + o.ID + ")"
	if o.Gone {
		text += ", not there any more"
	}
	return text
}

func (c *cli) cardDeals(deals []httpapi.NamedDeal) {
	if len(deals) == 0 {
		c.printf("\nNo deals, as last pulled.\n")
		return
	}
	c.printf("\n")
	t := table{head: []string{"deal", "amount", "pipeline", "stage", "owner", "link"}}
	for _, d := range deals {
		owner := ""
		if d.Owner != nil {
			owner = choiceWord(*d.Owner)
		}
		t.add(cut(d.Name, 22), d.Amount, cut(choiceWord(d.Pipeline), 14), cut(choiceWord(d.Stage), 20), orDash(cut(owner, 14)), d.ID)
	}
	t.print(c)
	for _, d := range deals {
		c.printf("  %s  %s\n", d.ID, d.URL)
	}
}

func (c *cli) cardDuplicates(list []httpapi.CardDuplicate) {
	if len(list) == 0 {
		return
	}
	c.printf("\nThis contact has other matches with the same number(s):\n")
	for _, d := range list {
		var ids []string
		for _, r := range d.Records {
			ids = append(ids, r.System+":"+r.ID)
		}
		c.printf("  %s  %s  %s  %s\n", d.Contact, d.Phone, orDash(d.Name), strings.Join(ids, " "))
	}
}
