package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/cmd/internal/settingsfile"
	"github.com/duolog/duolog/domain/settings"
)

const validateHelp = `Check a settings file by itself: unknown keys, wrong values, rules that contradict each other. Nothing is opened.
With --live, hold its mapping against both systems as well, as apply does: properties that are missing, types that do
not match, options that are unknown, what can only be read. Without a file, do that with the settings in force.

Aloware lists no properties: what is mapped there is declared by its documentation, or was seen on n contacts.`

func (c *cli) settingsValidate() *cobra.Command {
	var live bool
	cmd := &cobra.Command{
		Use: "validate [FILE]", Short: "Say what is wrong with a settings file, or with those in force", Args: atMost(1), Long: validateHelp,
		Example: "  duolog settings validate settings.yaml\n  duolog settings validate settings.yaml --live\n  duolog settings validate",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.on(c.validateInForce)(cmd, args)
			}
			s, _, err := readSettings(args[0])
			if err != nil {
				return c.refused(err)
			}
			if live {
				return c.on(func(ctx context.Context, a *app.App, _ []string) error { return c.validateLive(ctx, a, s) })(cmd, args)
			}
			if c.json {
				return c.printJSON(map[string]any{"ok": true, "faults": []settings.Fault{}, "notes": some(s.Notes())})
			}
			c.printf("%s is good: %s, preset %s.\n", args[0], plural(int64(len(s.Fields)), "field"), s.Preset)
			c.printNotes(s)
			return nil
		},
	}
	cmd.Flags().BoolVar(&live, "live", false, "hold the mapping against both systems as well")
	return cmd
}

func (c *cli) validateInForce(ctx context.Context, a *app.App, _ []string) error {
	now, err := settingsOf(ctx, a)
	if err != nil {
		return err
	}
	return c.validateLive(ctx, a, now.Settings)
}

// validateLive tells every fault of a mapping, and how each field is known to exist in Aloware.
func (c *cli) validateLive(ctx context.Context, a *app.App, s settings.Settings) error {
	k, err := a.CheckMapping(ctx, s)
	if err != nil {
		return err
	}
	if len(k.Faults) > 0 {
		return c.refused(&app.FaultsError{Faults: k.Faults})
	}
	if c.json {
		return c.printJSON(map[string]any{"ok": true, "faults": []settings.Fault{}, "notes": some(s.Notes()), "in_aloware": k.InAloware})
	}
	c.tellChecked(k, s.Env().Zone)
	for _, name := range slices.Sorted(maps.Keys(k.InAloware)) {
		c.printf("  %-24s in Aloware: %s\n", name, k.InAloware[name])
	}
	c.printNotes(s)
	return nil
}

// readSettings reads a settings file.
func readSettings(path string) (s settings.Settings, basedOn int, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return s, 0, err
	}
	if s, basedOn, err = settingsfile.Parse(data); err != nil {
		return s, 0, hint(fmt.Errorf("%s was refused, nothing was changed\n%w", path, err),
			"duolog settings show --defaults shows every key with its values")
	}
	return s, basedOn, nil
}

// refused prints the faults as JSON when asked to.
func (c *cli) refused(err error) error {
	var file *settingsfile.Error
	var faults []settings.Fault
	var bad *app.FaultsError
	switch {
	case errors.As(err, &file):
		faults = file.Faults
	case errors.As(err, &bad):
		faults, err = bad.Faults, fmt.Errorf("nothing was changed\n%w", &settingsfile.Error{Faults: bad.Faults})
	default:
		return err
	}
	if c.json {
		return errors.Join(c.printJSON(map[string]any{"ok": false, "faults": faults}), err)
	}
	return err
}

// printNotes says what the settings hold that has no effect in this version.
func (c *cli) printNotes(s settings.Settings) {
	for _, n := range s.Notes() {
		c.printf("%s\n", fitted("note: "+n.String(), "      ", false))
	}
}

const diffHelp = `Show what applying a file, an older version or a preset would change, in words. With two versions show what changed
from the first to the second. Exit 3 when that is anything.`

func (c *cli) settingsDiff() *cobra.Command {
	var preset string
	cmd := &cobra.Command{
		Use: "diff FILE|VERSION [VERSION]", Short: "Show what a file would change, or what a version did", Long: diffHelp,
		Args: func(cmd *cobra.Command, args []string) error {
			if preset != "" {
				return none(cmd, args)
			}
			if len(args) == 0 {
				return exactly(1)(cmd, args)
			}
			return atMost(2)(cmd, args)
		},
		Example: "  duolog settings diff settings.yaml\n  duolog settings diff v6\n  duolog settings diff v6 v7\n" +
			"  duolog settings diff --preset recommended",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			older, newer, err := c.compared(ctx, a, preset, args)
			if err != nil {
				return err
			}
			changes := settings.Diff(older, newer)
			if err := c.showChanges(changes); err != nil || len(changes) == 0 {
				return err
			}
			return errPerson
		}),
	}
	cmd.Flags().StringVar(&preset, "preset", "", "compare with a preset: "+strings.Join(settings.Presets, " or "))
	complete(cmd, "preset", settings.Presets...)
	return cmd
}

// compared returns the two settings to compare: those in force with what is named, or two versions.
func (c *cli) compared(ctx context.Context, a *app.App, preset string, args []string) (older, newer settings.Settings, err error) {
	now, err := settingsOf(ctx, a)
	if err != nil {
		return older, newer, err
	}
	switch {
	case preset != "":
		if newer, err = settings.Preset(preset); err != nil {
			err = usageError{err}
		}
		newer.Mode, newer.Pilot = now.Settings.Mode, now.Settings.Pilot
		return now.Settings, newer, err
	case len(args) == 2:
		from, err := settingsOf(ctx, a, args[0])
		if err != nil {
			return older, newer, err
		}
		to, err := settingsOf(ctx, a, args[1])
		return from.Settings, to.Settings, err
	case isVersion(args[0]):
		n, _ := versionNumber(args[0])
		newer, _, err = a.FormerSettings(ctx, n)
		return now.Settings, newer, err
	}
	newer, _, err = readSettings(args[0])
	return now.Settings, newer, c.refused(err)
}

// isVersion tells a version from a file: v6, where no file is called so.
func isVersion(arg string) bool {
	_, bad := versionNumber(arg)
	_, missing := os.Stat(arg)
	return bad == nil && missing != nil
}

func (c *cli) showChanges(changes []settings.Change) error {
	if c.json {
		return c.printJSON(map[string]any{"changes": some(changes)})
	}
	if len(changes) == 0 {
		c.printf("No difference.\n")
		return nil
	}
	t := table{head: []string{"setting", "was", "would be"}}
	for _, ch := range changes {
		t.add(ch.Key, orDash(ch.Was), orDash(ch.Now))
	}
	t.print(c)
	return nil
}
