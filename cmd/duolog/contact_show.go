package main

import (
	"context"
	"encoding/json"
	"errors"
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
	var when string
	var position int64
	cmd := &cobra.Command{
		Use: "show CONTACT", Short: "Both sides of a contact, now or as they were", Long: contactShowHelp, Args: exactly(1),
		Example: "  duolog contact show jane.cooper@example.com\n" +
			"  duolog contact show hubspot:512 --at '2026-11-12 14:00'\n" +
			"  duolog contact show hubspot:512 --position 182960",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			if when != "" && position != 0 {
				return usage("--at and --position say the same thing twice: give one")
			}
			k, err := findOne(ctx, a, args[0])
			if err != nil {
				return err
			}
			if k, err = asOf(ctx, a, k, when, position); err != nil {
				return err
			}
			if err := a.Looked(ctx, domain.AccessContact, by(a, ""), k.ID); err != nil {
				return err
			}
			return c.showContact(ctx, a, k)
		}),
	}
	cmd.Flags().StringVar(&when, "at", "", "as it was recorded at this time")
	cmd.Flags().Int64Var(&position, "position", 0, "as it was at this position of the log")
	return cmd
}

// asOf returns the contact as it was; as it is when neither is given.
func asOf(ctx context.Context, a *app.App, k contacts.Contact, when string, position int64) (contacts.Contact, error) {
	if when == "" && position == 0 {
		return k, nil
	}
	if when != "" {
		zone, err := zoneOf(ctx, a)
		if err != nil {
			return k, err
		}
		t, err := parseTime(when, zone)
		if err != nil {
			return k, err
		}
		if position, err = a.Contacts.PositionAt(ctx, t); err != nil {
			return k, err
		}
	}
	old, err := a.Contacts.At(ctx, k.ID, position)
	if errors.Is(err, contacts.ErrNotFound) {
		then := at(position)
		if when != "" {
			then = when
		}
		zone, bad := zoneOf(ctx, a)
		if bad != nil {
			return k, bad
		}
		return k, hint(fmt.Errorf("at %s this contact was not known yet", then),
			"it is known since %s, %s", k.CreatedAt.In(zone).Format(bothLayout), at(firstPosition(k)))
	}
	return old, err
}

// firstPosition is that of the oldest value there is now.
func firstPosition(k contacts.Contact) int64 {
	first := k.Position
	for _, r := range k.Records {
		for _, v := range r.Values {
			first = min(first, v.Position)
		}
	}
	return first
}

func (c *cli) showContact(ctx context.Context, a *app.App, k contacts.Contact) error {
	if c.json {
		return c.printJSON(k)
	}
	control, _, err := a.Control(ctx)
	if err != nil {
		return err
	}
	s := control.Settings
	c.printf("%s\n", c.paint(bold, displayName(k, s))+"   "+k.ID.String()+"   "+pair(k))
	stands := strings.ReplaceAll(k.Status, "_", " ")
	if w := why(k); w != "" {
		stands += ": " + w
	}
	c.printf("%s\n", strings.Join(wrap(stands, lineWidth), "\n"))
	c.printf("known since %s, last decided %s %s\n\n", k.CreatedAt.In(s.Env().Zone).Format(bothLayout),
		k.UpdatedAt.In(s.Env().Zone).Format(bothLayout), at(k.Position))
	c.sides(k, s)
	return nil
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
