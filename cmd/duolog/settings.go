package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/cmd/internal/settingsfile"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

const settingsHelp = `Settings say which way contacts and fields flow, how they are mapped, and who wins a conflict. Each change is a
new version in the log; every decision names the version it was made under. Changing a direction or a mapping sends
nothing retroactively.

  duolog settings show > settings.yaml       the file to edit
  duolog settings validate settings.yaml     what is wrong with it, by line
  duolog settings diff settings.yaml         what it would change
  duolog settings apply settings.yaml        shows the same, asks, applies`

func (c *cli) settings() *cobra.Command {
	return group(&cobra.Command{Use: "settings", Short: "Directions, mapping, conflict rules", Long: settingsHelp},
		c.settingsShow(), c.settingsValidate(), c.settingsDiff(), c.settingsApply(), c.settingsHistory())
}

func (c *cli) settingsShow() *cobra.Command {
	var defaults bool
	var preset string
	cmd := &cobra.Command{
		Use: "show", Short: "Print the settings in force as a file to edit", Args: none,
		Long: "Print the settings in force as YAML, the same file that apply takes. With --defaults print a preset in full:\n" +
			"everything a settings file leaves out has these values.",
		Example: "  duolog settings show > settings.yaml\n  duolog settings show --defaults --preset recommended",
		RunE: func(cmd *cobra.Command, args []string) error {
			if preset != "" && !defaults {
				return usage("--preset goes with --defaults")
			}
			if defaults {
				return c.showPreset(preset)
			}
			return c.on(c.showSettings)(cmd, args)
		},
	}
	cmd.Flags().BoolVar(&defaults, "defaults", false, "print a preset instead")
	cmd.Flags().StringVar(&preset, "preset", "", "which one: "+strings.Join(settings.Presets, " or "))
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

func (c *cli) showSettings(ctx context.Context, a *app.App, _ []string) error {
	now, err := settingsNow(ctx, a)
	if err != nil {
		return err
	}
	return c.printSettings(now.Settings, settingsfile.Header{
		Connection: a.Connection, By: now.Actor, At: time.UnixMicro(now.At),
	})
}

func (c *cli) printSettings(s settings.Settings, h settingsfile.Header) error {
	if c.json {
		return c.printJSON(s)
	}
	c.printf("%s", settingsfile.Format(s, h))
	return nil
}

// settingsNow returns the version applied last, in the mode in force: a file that is shown, edited elsewhere and applied
// must not turn back what duolog mode said.
func settingsNow(ctx context.Context, a *app.App) (app.SettingsVersion, error) {
	all, err := a.SettingsHistory(ctx)
	if err != nil {
		return app.SettingsVersion{}, err
	}
	if len(all) == 0 {
		return app.SettingsVersion{}, hint(fmt.Errorf("connection %s has no settings yet", a.Connection),
			"duolog settings apply FILE makes the first; duolog settings show --defaults prints a file to begin with")
	}
	now := all[len(all)-1]
	control, _, err := a.InForce(ctx)
	if err != nil || control.Mode == "" {
		return now, err
	}
	now.Settings.Mode = control.Mode
	if control.Mode == domain.ModePilot {
		now.Settings.Pilot.Filter = control.Pilot.Filter
		if n := control.Pilot.MaxWritesPerHour; n > 0 {
			now.Settings.Pilot.MaxWritesPerHour = n
		}
	}
	return now, nil
}

func (c *cli) settingsValidate() *cobra.Command {
	return &cobra.Command{
		Use: "validate FILE", Short: "Say what is wrong with a settings file, by line", Args: exactly(1),
		Long:    "Check a settings file by itself: unknown keys, wrong values, rules that contradict each other. Nothing is opened.",
		Example: "  duolog settings validate settings.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			s, _, err := readSettings(args[0])
			if err != nil {
				return c.refused(err)
			}
			if c.json {
				return c.printJSON(map[string]any{"ok": true, "faults": []settings.Fault{}})
			}
			c.printf("%s is good: %s, preset %s.\n", args[0], plural(int64(len(s.Fields)), "field"), s.Preset)
			return nil
		},
	}
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
	var bad *settingsfile.Error
	var unfit *app.FaultsError
	var faults []settings.Fault
	switch {
	case errors.As(err, &bad):
		faults = bad.Faults
	case errors.As(err, &unfit):
		faults = unfit.Faults
	}
	if c.json && len(faults) > 0 {
		return errors.Join(c.printJSON(map[string]any{"ok": false, "faults": faults}), err)
	}
	return err
}

func (c *cli) settingsDiff() *cobra.Command {
	return &cobra.Command{
		Use: "diff FILE", Short: "Show what a file would change", Args: exactly(1),
		Long:    "Show what applying the file would change, in words. Exit 3 when that is anything.",
		Example: "  duolog settings diff settings.yaml",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			s, _, err := readSettings(args[0])
			if err != nil {
				return c.refused(err)
			}
			now, err := settingsNow(ctx, a)
			if err != nil {
				return err
			}
			changes := settings.Diff(now.Settings, s)
			if err := c.showChanges(changes); err != nil || len(changes) == 0 {
				return err
			}
			return errPerson
		}),
	}
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

func (c *cli) settingsHistory() *cobra.Command {
	var asCSV bool
	cmd := &cobra.Command{
		Use: "history", Short: "List the versions: who, when, why, what changed", Args: none,
		Example: "  duolog settings history",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			all, err := a.SettingsHistory(ctx)
			if err != nil {
				return err
			}
			return c.listVersions(ctx, a, all, asCSV)
		}),
	}
	csvFlag(cmd, &asCSV)
	return cmd
}

// versionLine is a version as listed.
type versionLine struct {
	Version  int               `json:"version"`
	Position int64             `json:"position"`
	At       time.Time         `json:"at"`
	Actor    string            `json:"actor"`
	Reason   string            `json:"reason,omitempty"`
	Changes  []settings.Change `json:"changes"`
}

func (c *cli) listVersions(ctx context.Context, a *app.App, all []app.SettingsVersion, asCSV bool) error {
	zone, err := zoneOf(ctx, a)
	if err != nil {
		return err
	}
	lines := make([]versionLine, len(all))
	t := table{head: []string{"version", "position", "when", "by", "why", "changed"}}
	for i, v := range all {
		lines[i] = versionLine{v.Version, v.Position, time.UnixMicro(v.At).UTC(), v.Actor, v.Reason, []settings.Change{}}
		what := "first"
		if i > 0 {
			lines[i].Changes = append(lines[i].Changes, settings.Diff(all[i-1].Settings, v.Settings)...)
			what = inWords(lines[i].Changes)
		}
		t.add(fmt.Sprintf("v%d", v.Version), position(v.Position), time.UnixMicro(v.At).In(zone).Format(bothLayout), v.Actor,
			orDash(v.Reason), what)
	}
	switch {
	case c.json:
		return c.printJSON(map[string]any{"versions": lines})
	case asCSV:
		return t.csv(c.out)
	case len(all) == 0:
		c.printf("No settings were applied yet.\n")
		return nil
	}
	for i, v := range lines {
		c.printf("%s  %s  by %s  %s\n", c.paint(bold, fmt.Sprintf("v%d", v.Version)), v.At.In(zone).Format(bothLayout), v.Actor,
			c.paint(faint, at(v.Position)))
		if v.Reason != "" {
			c.printf("      %s\n", v.Reason)
		}
		for _, ch := range lines[i].Changes {
			c.printf("      %s\n", cut(ch.String(), lineWidth-6))
		}
	}
	return nil
}

func inWords(changes []settings.Change) string {
	words := make([]string, len(changes))
	for i, ch := range changes {
		words[i] = ch.String()
	}
	return strings.Join(words, "; ")
}
