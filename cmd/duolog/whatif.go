package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/replay"
)

const whatifHelp = `Decide on the history in the log as if other settings had been in force: what would have been sent that was not, and
what not that was. It works in memory and cannot send.

What a write of Duolog's caused is left out where the write would not have been made; a write that would have been made
is taken to have succeeded at once. From a contact's first difference on it is counterfactual what people and workflows
would have done. Of a field that nobody had asked for then, nothing can be said: it is unknown.

Exit 3 when something differs, 0 when nothing does.`

// other is which other settings are asked about.
type other struct {
	part
	file, preset string
	set          []string
	csv          string
}

func (c *cli) whatif() *cobra.Command {
	var o other
	cmd := &cobra.Command{
		Use: "whatif", Short: "What other settings would have done to the same history", Long: whatifHelp, Args: none,
		Example: "  duolog whatif --set contacts.create=both --from 2026-11-02\n  duolog whatif --settings settings.yaml\n" +
			"  duolog whatif --preset default --csv differences.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return c.on(func(ctx context.Context, a *app.App, _ []string) error { return c.runWhatif(ctx, a, o) })(cmd, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.file, "settings", "", "a settings file")
	f.StringArrayVar(&o.set, "set", nil, "KEY=VALUE: the settings in force, but for this; again for more")
	f.StringVar(&o.preset, "preset", "", "a preset: "+strings.Join(settings.Presets, " or "))
	complete(cmd, "preset", settings.Presets...)
	o.flags(cmd)
	f.StringVar(&o.csv, "csv", "", "write the first difference of every contact to this file, for a spreadsheet")
	return cmd
}

func (o other) validate() error {
	given := 0
	for _, is := range []bool{o.file != "", len(o.set) > 0, o.preset != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		return hint(usage("want one of --settings, --set and --preset"), "duolog whatif --set contacts.create=to_aloware")
	}
	return nil
}

// settings reads the other settings; the mode stays as it was in the log.
func (c *cli) otherSettings(ctx context.Context, a *app.App, o other) (settings.Settings, error) {
	switch {
	case o.file != "":
		s, _, err := readSettings(o.file)
		return s, c.refused(err)
	case o.preset != "":
		s, err := settings.Preset(o.preset)
		if err != nil {
			return s, usageError{err}
		}
		return s, nil
	}
	values, err := assignments(o.set)
	if err != nil {
		return settings.Settings{}, err
	}
	s, _, err := a.SetSettings(ctx, values)
	return s, c.refused(err)
}

func (c *cli) runWhatif(ctx context.Context, a *app.App, o other) error {
	now, err := settingsOf(ctx, a)
	if err != nil {
		return err
	}
	s, err := c.otherSettings(ctx, a, o)
	if err != nil {
		return err
	}
	s.Mode, s.Pilot = now.Settings.Mode, now.Settings.Pilot
	var cfg replay.Config
	if cfg.From, cfg.To, cfg.Contact, err = o.positions(ctx, a); err != nil {
		return err
	}
	rows, err := newDivergences(o.csv, s)
	if err != nil {
		return err
	}
	defer boundMemory(decidingMemory)()
	m := c.meter("what if", "events")
	cfg.Progress, cfg.Began = m.set, rows.add
	f, err := a.WhatIf(ctx, cfg, s)
	m.done()
	if err := rows.close(err); err != nil {
		return err
	}
	t := whatifText{cli: c, Forecast: f, now: now, other: s, lrn: httpapi.LRNOf(f, s)}
	if err := t.show(ctx, a, o); err != nil {
		return err
	}
	return personIf(!f.Same())
}
