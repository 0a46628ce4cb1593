package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
)

const contactShowHelp = `Show both records of a contact side by side, Aloware left, HubSpot right, and how each mapped field stands.
With --at or --position, as it was then: the last state recorded by that time.`

func (c *cli) contactShow() *cobra.Command {
	var m moment
	cmd := &cobra.Command{
		Use: "show CONTACT", Short: "Both sides of a contact, now or as they were", Long: contactShowHelp, Args: exactly(1),
		Example: "  duolog contact show jane.cooper@example.com\n" +
			"  duolog contact show hubspot:512 --at '2026-11-12 14:00'\n" +
			"  duolog contact show hubspot:512 --position 182960",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			when, err := m.read(ctx, a)
			if err != nil {
				return err
			}
			k, err := findOne(ctx, a, args[0])
			if err != nil {
				return err
			}
			then, err := a.ContactAt(ctx, k.ID, when)
			if err != nil {
				return m.notYet(ctx, a, k, err)
			}
			if err := a.Looked(ctx, domain.AccessContact, by(a, ""), k.ID); err != nil {
				return err
			}
			return c.showContact(ctx, a, then, when)
		}),
	}
	m.flags(cmd)
	return cmd
}

// showContact shows a contact by the settings that were in force then.
func (c *cli) showContact(ctx context.Context, a *app.App, k contacts.Contact, when contacts.Moment) error {
	if c.json {
		return c.printJSON(k)
	}
	sync, err := a.History.Sync(ctx, when)
	if err != nil {
		return err
	}
	s := sync.Settings
	zone, err := zoneOf(ctx, a)
	if err != nil {
		return err
	}
	c.printf("%s\n", c.paint(bold, displayName(k, s))+"   "+k.ID.String()+"   "+pair(k)+linkedBy(k))
	stands := strings.ReplaceAll(k.Status, "_", " ")
	if w := why(k); w != "" {
		stands += ": " + w
	}
	c.printf("%s\n", strings.Join(wrap(stands, lineWidth), "\n"))
	c.printf("known since %s, last decided %s %s\n", k.CreatedAt.In(zone).Format(bothLayout),
		k.UpdatedAt.In(zone).Format(bothLayout), at(k.Position))
	if !when.Now() {
		c.printf("%s\n", asItWas(when, s.Version, zone))
	}
	c.printf("\n")
	c.sides(k, s)
	return nil
}

// asItWas says which moment is shown, by which settings.
func asItWas(when contacts.Moment, version int, zone *time.Location) string {
	moment := at(when.Position)
	if !when.Time.IsZero() {
		moment = when.Time.In(zone).Format(bothLayout + " MST")
	}
	return fmt.Sprintf("as it stood at %s, under settings v%d", moment, version)
}

// pair names both records: Aloware 90417 ↔ HubSpot 512.
func pair(k contacts.Contact) string {
	return "Aloware " + recordIDs(k, domain.Aloware) + " ↔ HubSpot " + recordIDs(k, domain.HubSpot)
}

func (c *cli) sides(k contacts.Contact, s settings.Settings) {
	t := table{head: []string{"field", "Aloware", "HubSpot", "stands"}}
	states := map[string]contacts.Field{}
	for _, f := range k.Fields {
		states[f.Field] = f
	}
	for _, f := range s.Fields {
		left, right := valueIn(k, s, f.Name, domain.Aloware), valueIn(k, s, f.Name, domain.HubSpot)
		st, known := states[f.Name]
		if left+right == "" && !known {
			continue
		}
		t.add(f.Name, cut(orDash(left), 26), cut(orDash(right), 26), orDash(standing(st)))
	}
	t.print(c)
}

func standing(f contacts.Field) string {
	word := strings.ReplaceAll(f.State, "_", " ")
	if f.Reason != "" {
		word += ": " + f.Reason
	}
	if f.Position > 0 {
		word += "  " + at(f.Position)
	}
	return word
}

func cut(text string, width int) string { return runewidth.Truncate(text, width, "…") }

// text shows a raw value: a string bare, anything else as JSON, nothing for null.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return strings.ReplaceAll(s, "\n", " ")
	}
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	return string(raw)
}

func dateOf(t time.Time, zone *time.Location) string { return t.In(zone).Format(dateLayout) }
