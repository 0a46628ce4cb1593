package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history"
)

const contactHistoryHelp = `Tell what happened to a contact, oldest first. A change stands with everything it caused: what was decided and
why, what was sent and what the other system answered, and where the echo was stopped. Settings that touched a
field of the contact are drawn in. #n is the position in the log: duolog events --after n-1 --limit 1 shows it.`

// historyFilter narrows a timeline.
type historyFilter struct {
	field, since string
}

func (c *cli) contactHistory() *cobra.Command {
	var f historyFilter
	var asCSV, raw bool
	cmd := &cobra.Command{
		Use: "history CONTACT", Short: "What happened to a contact, and why", Long: contactHistoryHelp, Args: exactly(1),
		Example: "  duolog contact history jane.cooper@example.com\n" +
			"  duolog contact history hubspot:512 --field phone_number --since 2026-11-01",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			k, err := findOne(ctx, a, args[0])
			if err != nil {
				return err
			}
			control, _, err := a.Control(ctx)
			if err != nil {
				return err
			}
			if raw {
				return c.rawHistory(ctx, a, k, f, control.Settings)
			}
			entries, err := a.History.Timeline(ctx, k.ID)
			if err != nil {
				return err
			}
			if entries, err = f.narrow(entries, control.Settings); err != nil {
				return err
			}
			if err := a.Looked(ctx, domain.AccessHistory, by(a, ""), k.ID); err != nil {
				return err
			}
			return c.showHistory(k, entries, control.Settings, asCSV)
		}),
	}
	cmd.Flags().StringVar(&f.field, "field", "", "only changes of one mapped field")
	cmd.Flags().StringVar(&f.since, "since", "", "only from this time on")
	cmd.Flags().BoolVar(&raw, "raw", false, "the events themselves, as duolog events shows them")
	csvFlag(cmd, &asCSV)
	return cmd
}

// rawHistory prints the events a timeline is told from.
func (c *cli) rawHistory(ctx context.Context, a *app.App, k contacts.Contact, f historyFilter, s settings.Settings) error {
	if f.field != "" {
		return usage("--raw shows whole events: leave --field out")
	}
	since := time.Time{}
	if f.since != "" {
		var err error
		if since, err = parseTime(f.since, s.Env().Zone); err != nil {
			return err
		}
	}
	events, err := a.History.Events(ctx, k.ID, contacts.Moment{})
	if err != nil {
		return err
	}
	if err := a.Looked(ctx, domain.AccessHistory, by(a, ""), k.ID); err != nil {
		return err
	}
	p, err := c.eventPrinter(ctx, a)
	if err != nil {
		return err
	}
	for _, e := range events {
		if e.RecordedAt < since.UnixMicro() {
			continue
		}
		if err := p.print(e); err != nil {
			return err
		}
	}
	return nil
}

func (f historyFilter) narrow(entries []history.Entry, s settings.Settings) ([]history.Entry, error) {
	if f.field != "" {
		if _, ok := s.Field(f.field); !ok {
			return nil, hint(usage("there is no mapped field %q", f.field), "duolog settings show lists them")
		}
		entries = slices.DeleteFunc(entries, func(e history.Entry) bool { return !touches(e, f.field, s) })
	}
	if f.since == "" {
		return entries, nil
	}
	since, err := parseTime(f.since, s.Env().Zone)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(entries, func(e history.Entry) bool { return e.RecordedAt.Before(since) }), nil
}

func touches(e history.Entry, field string, s settings.Settings) bool {
	if e.Act != nil && (e.Act.Field == field || slices.Contains(e.Act.Fields, field)) {
		return true
	}
	if slices.ContainsFunc(e.Changes, func(ch history.Change) bool {
		f, ok := s.FieldFor(e.System, ch.Property)
		return ok && f.Name == field
	}) {
		return true
	}
	return slices.ContainsFunc(e.Steps, func(st history.Step) bool {
		return st.Decision != nil && slices.ContainsFunc(st.Decision.Verdicts, func(v history.Verdict) bool {
			return v.Field == field
		})
	})
}

func (c *cli) showHistory(k contacts.Contact, entries []history.Entry, s settings.Settings, asCSV bool) error {
	switch {
	case c.json:
		return c.printJSON(map[string]any{"contact": k.ID, "entries": some(entries)})
	case asCSV:
		return historyCSV(c, entries, s)
	}
	t := teller{c: c, settings: s, zone: s.Env().Zone, told: map[int64]time.Time{}}
	for _, e := range entries {
		t.told[e.Position] = e.At
	}
	blocks := joined(entries)
	t.header(k, blocks)
	for _, b := range blocks {
		t.entry(b)
	}
	t.footer(k)
	return nil
}

// historyCSV is one line a changed value.
func historyCSV(c *cli, entries []history.Entry, s settings.Settings) error {
	t := table{head: []string{"position", "at", "system", "record", "what", "by", "field", "before", "after"}}
	for _, e := range entries {
		what := e.Kind
		if e.Kind == history.KindAct && e.Act != nil {
			what = e.Type
		}
		row := []any{
			e.Position, e.At.UTC().Format(time.RFC3339Nano), string(e.System), e.Record.ID, what, e.By,
		}
		if len(e.Changes) == 0 {
			t.add(append(row, "", "", "")...)
		}
		for _, ch := range e.Changes {
			t.add(append(slices.Clone(row), fieldName(s, e.System, ch.Property), text(ch.Before), text(ch.After))...)
		}
	}
	return t.csv(c.out)
}
