package main

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/cmd/internal/settingsfile"
	"github.com/duolog/duolog/domain/settings"
)

const settingsHelp = `Settings say which way contacts and fields flow, how they are mapped, and who wins a conflict. Each change is a
new version in the log; every decision names the version it was made under. Changing a direction or a mapping sends
nothing retroactively.

  duolog settings show > settings.yaml       the file to edit
  duolog settings validate settings.yaml     what is wrong with it, by line
  duolog settings validate                   what of those in force does not fit the two systems
  duolog settings diff settings.yaml         what it would change
  duolog settings apply settings.yaml        shows the same, asks, applies
  duolog settings set city.conflict=newest   for a change in a line
  duolog settings history                    who changed what, when and why
  duolog settings impact 6                   what version 6 caused
  duolog settings rollback 6                 a new version with the content of version 6
  duolog settings test --field city --contact hubspot:512   change a value, follow it, put it back`

func (c *cli) settings() *cobra.Command {
	return group(&cobra.Command{Use: "settings", Short: "Directions, mapping, conflict rules", Long: settingsHelp},
		c.settingsShow(), c.settingsValidate(), c.settingsDiff(), c.settingsApply(), c.settingsSet(),
		c.settingsHistory(), c.settingsRollback(), c.settingsImpact(), c.settingsTest())
}

func (c *cli) settingsShow() *cobra.Command {
	var defaults bool
	var preset string
	cmd := &cobra.Command{
		Use: "show [VERSION]", Short: "Print the settings in force as a file to edit", Args: atMost(1),
		Long: "Print the settings in force, or those of an older version, as YAML: the same file that apply takes. With " +
			"--defaults print a preset in full: everything a settings file leaves out has these values.",
		Example: "  duolog settings show > settings.yaml\n  duolog settings show v6\n" +
			"  duolog settings show --defaults --preset recommended",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case preset != "" && !defaults:
				return usage("--preset goes with --defaults")
			case defaults && len(args) > 0:
				return usage("--defaults and a version exclude each other")
			case defaults:
				return c.showPreset(preset)
			}
			return c.on(c.showSettings)(cmd, args)
		},
	}
	cmd.Flags().BoolVar(&defaults, "defaults", false, "print a preset instead")
	cmd.Flags().StringVar(&preset, "preset", "", "which one: "+strings.Join(settings.Presets, " or "))
	complete(cmd, "preset", settings.Presets...)
	return cmd
}

func (c *cli) showPreset(name string) error {
	if name == "" {
		name = settings.PresetDefault
	}
	s, err := settings.Preset(name)
	if err != nil {
		return usageError{err}
	}
	return c.printSettings(s, settingsfile.Header{Connection: c.connection})
}

func (c *cli) showSettings(ctx context.Context, a *app.App, args []string) error {
	v, err := settingsOf(ctx, a, args...)
	if err != nil {
		return err
	}
	return c.printSettings(v.Settings, settingsfile.Header{Connection: a.Connection, By: v.Actor, At: v.At})
}

// settingsOf returns the settings in force, or those of the version that is named.
func settingsOf(ctx context.Context, a *app.App, name ...string) (app.SettingsVersion, error) {
	if len(name) == 0 {
		now, err := a.SettingsNow(ctx)
		if errors.Is(err, app.ErrNoSettings) {
			err = hint(err, "duolog settings apply FILE makes the first; duolog settings show --defaults prints a file to begin with")
		}
		return now, err
	}
	n, err := versionNumber(name[0])
	if err != nil {
		return app.SettingsVersion{}, err
	}
	v, err := a.SettingsVersion(ctx, n)
	if errors.Is(err, httpapi.ErrNotFound) {
		err = hint(err, "duolog settings history lists them")
	}
	return v, err
}

// versionNumber reads "v6" or "6".
func versionNumber(text string) (int, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(text, "v"))
	if err != nil || n < 1 {
		return 0, hint(usage("%q is no version", text), "a number as duolog settings history shows it: v6")
	}
	return n, nil
}

func (c *cli) printSettings(s settings.Settings, h settingsfile.Header) error {
	if c.json {
		return c.printJSON(s)
	}
	c.printf("%s", settingsfile.Format(s, h))
	return nil
}
