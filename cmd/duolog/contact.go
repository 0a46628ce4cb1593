package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
)

const contactHelp = `A contact is the linked records of one person in both systems. CONTACT is its ULID, hubspot:ID, aloware:ID, an
email or a phone.`

func (c *cli) contact() *cobra.Command {
	return group(&cobra.Command{Use: "contact", Short: "People: how they stand, and what happened to them", Long: contactHelp},
		append([]*cobra.Command{c.contactList(), c.contactShow(), c.contactHistory(), c.contactExplain(), c.contactCard()}, c.contactActs()...)...)
}

const contactListHelp = `List contacts with how they stand, after the counts of each status:

  in_step    both sides agree on every mapped field
  pending    something is on its way
  apart      a field differs and a decision says so: a direction, a rule, a value one side refused
  held       a person has to decide
  failing    the other system refuses or does not answer
  excluded   takes no part: no phone, a shared phone, filtered out
  unlinked   known in one system only`

func (c *cli) contactList() *cobra.Command {
	var f contacts.Filter
	var after string
	var asCSV bool
	cmd := &cobra.Command{
		Use: "list", Short: "List contacts and how they stand", Long: contactListHelp, Args: none,
		Example: "  duolog contact list --status apart --reason fill_blanks\n  duolog contact list --status failing --csv > failing.csv",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			if f.Status != "" && !slices.Contains(contacts.Statuses, f.Status) {
				return hint(usage("there is no status %q", f.Status), "one of %s", strings.Join(contacts.Statuses, ", "))
			}
			if after != "" {
				var err error
				if f.After, err = ulid.ParseStrict(after); err != nil {
					return usage("--after wants the last ULID of the page before")
				}
			}
			return c.listContacts(ctx, a, f, asCSV)
		}),
	}
	cmd.Flags().StringVar(&f.Status, "status", "", "only those of one status")
	complete(cmd, "status", contacts.Statuses...)
	cmd.Flags().StringVar(&f.Reason, "reason", "", "only those for whom this text stands in the reason")
	cmd.Flags().IntVar(&f.Limit, "limit", 100, "at most so many")
	cmd.Flags().StringVar(&after, "after", "", "go on after this contact (ULID)")
	csvFlag(cmd, &asCSV)
	return cmd
}

func (c *cli) listContacts(ctx context.Context, a *app.App, f contacts.Filter, asCSV bool) error {
	if err := a.CatchUp(ctx); err != nil {
		return err
	}
	list, err := a.Contacts.List(ctx, f)
	if err != nil {
		return err
	}
	if len(list) > 0 {
		if err := a.Looked(ctx, domain.AccessList, by(a, "")); err != nil {
			return err
		}
	}
	counts, err := a.Contacts.Counts(ctx)
	if err != nil {
		return err
	}
	var causes []contacts.Cause
	if f.Status != "" {
		if causes, err = a.Contacts.Causes(ctx, f.Status); err != nil {
			return err
		}
	}
	if c.json {
		return c.printJSON(map[string]any{"contacts": some(list), "counts": counts, "causes": causes})
	}
	control, _, err := a.Control(ctx)
	if err != nil {
		return err
	}
	t := table{head: []string{"contact", "Aloware", "HubSpot", "name", "status", "why"}}
	for _, k := range list {
		t.add(k.ID.String(), recordIDs(k, domain.Aloware), recordIDs(k, domain.HubSpot), displayName(k, control.Settings),
			strings.ReplaceAll(k.Status, "_", " "), why(k))
	}
	if asCSV {
		return t.csv(c.out)
	}
	c.printf("%s\n", contactCounts(counts))
	c.showCauses(causes)
	if len(list) == 0 {
		return nil
	}
	c.printf("\n")
	t.drop() // a record names a contact as well, and leaves room for the why
	t.print(c)
	if len(list) == f.Limit {
		c.printf("\nThere may be more: --after %s goes on, --limit shows more at once.\n", list[len(list)-1].ID)
	}
	return nil
}

// showCauses counts why, the most frequent first.
func (c *cli) showCauses(causes []contacts.Cause) {
	if len(causes) == 0 {
		return
	}
	c.printf("\n")
	t := table{head: []string{"count", "field", "why"}}
	for _, cause := range causes {
		t.add(cause.Count, orDash(cause.Field), cause.Reason)
	}
	t.print(c)
}

// recordIDs lists a contact's live records in a system.
func recordIDs(k contacts.Contact, system domain.System) string {
	var ids []string
	for _, r := range k.Records {
		if r.System == system && r.State != "merged" {
			ids = append(ids, r.ID)
		}
	}
	return orDash(strings.Join(ids, " "))
}

// why says what a contact's status rests on: its own reason, or that of its fields.
func why(k contacts.Contact) string {
	if k.Reason != "" {
		return strings.TrimPrefix(k.Reason, k.Status+": ")
	}
	var parts []string
	for _, f := range k.Fields {
		if f.State != contacts.InStep && f.Reason != "" {
			parts = append(parts, f.Field+": "+f.Reason)
		}
	}
	return strings.Join(parts, "; ")
}

// displayName is the person's name as HubSpot or else Aloware has it; a dash when neither does.
func displayName(k contacts.Contact, s settings.Settings) string { return orDash(app.NameOf(k, s)) }

// valueIn returns a mapped field's value in a system, as it is shown there.
func valueIn(k contacts.Contact, s settings.Settings, field string, system domain.System) string {
	f, ok := s.Field(field)
	if !ok {
		return ""
	}
	for _, r := range k.Records {
		if v, ok := r.Values[f.Side(system).Read]; ok && r.System == system {
			return text(v.Value)
		}
	}
	return ""
}

// findOne resolves what a person typed to one contact.
func findOne(ctx context.Context, a *app.App, typed string) (contacts.Contact, error) {
	if err := a.CatchUp(ctx); err != nil {
		return contacts.Contact{}, err
	}
	found, err := a.Contacts.Find(ctx, typed)
	switch {
	case errors.Is(err, contacts.ErrNotFound), err == nil && len(found) == 0:
		return contacts.Contact{}, hint(errors.New("no contact fits that"),
			"try hubspot:ID, aloware:ID, an email, a phone or a ULID; duolog contact list shows who is known")
	case err != nil:
		return contacts.Contact{}, err
	case len(found) > 1:
		ids := make([]string, 0, len(found))
		for _, k := range found[:min(len(found), 5)] {
			ids = append(ids, shortName(k))
		}
		return contacts.Contact{}, hint(fmt.Errorf("%d contacts fit that", len(found)), "say which: %s", strings.Join(ids, ", "))
	}
	return found[0], nil
}

// shortName is what a person types to name a contact: one of its records.
func shortName(k contacts.Contact) string {
	for _, r := range k.Records {
		if r.State != "merged" {
			return string(r.System) + ":" + r.ID
		}
	}
	return k.ID.String()
}
