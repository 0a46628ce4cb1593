package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/cmd/internal/settingsfile"
	"github.com/duolog/duolog/domain/settings"
)

// change is how a change of settings is asked for.
type change struct {
	basedOn   int
	yes       bool
	noPreview bool
	wait      waiting
	reason    string
}

// waiting is for how long what a change would have done is looked for; asked: somebody said so.
type waiting struct {
	time.Duration
	asked bool
}

// Set takes what was typed.
func (w *waiting) Set(typed string) (err error) {
	w.asked = true
	if w.Duration, err = time.ParseDuration(typed); err == nil && w.Duration < 0 {
		err = errors.New("it is negative")
	}
	return err
}

// Type names it in help.
func (w *waiting) Type() string { return "duration" }

// looks tells whether the last days are looked at: when somebody reads it before saying yes, or asked for it.
func (ch *change) looks(c *cli) bool {
	return !ch.noPreview && (ch.wait.asked || !ch.yes && !c.json && isTerminal(c.in))
}

func (ch *change) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&ch.yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&ch.noPreview, "no-preview", false, "do not find out first what it would have done lately")
	ch.wait.Duration = previewWait
	cmd.Flags().Var(&ch.wait, "preview-wait", "find that out for so long, 0 for all of the last 30 days; with --yes or --json, too")
	cmd.Flags().IntVar(&ch.basedOn, "based-on", 0, "refuse when another version than this is in force")
	reasonFlag(cmd, &ch.reason)
}

const applyHelp = `Apply a settings file: show what it changes, hold the mapping against both systems, say what it would have done in
the last 30 days, ask, and make it the next version. The last days are looked at from the oldest on, for 10 seconds or as
--preview-wait says, and it is told how far that came. With --yes nothing is asked; with it or --json the last days are
looked at only if --preview-wait is given, and in JSON preview says what came of it. It takes effect at its place in the log; what happened before stays decided as it was. A file that is wrong in
any line, or maps what a system does not have, changes nothing, and a file made from an older version than the one in
force is refused.

HubSpot is asked for its properties when this shell has access to it (the variables of duolog serve); otherwise those
that were seen last count, and duolog serve checks again before it sends anything.`

func (c *cli) settingsApply() *cobra.Command {
	var ch change
	var preset string
	cmd := &cobra.Command{
		Use: "apply FILE", Short: "Apply a settings file", Long: applyHelp,
		Args: func(cmd *cobra.Command, args []string) error {
			if preset != "" {
				return none(cmd, args)
			}
			return exactly(1)(cmd, args)
		},
		Example: "  duolog settings apply settings.yaml --reason CHG-2190\n  duolog settings apply --preset recommended",
		RunE: func(cmd *cobra.Command, args []string) error {
			if preset != "" {
				return c.onAny(func(ctx context.Context, a *app.App, _ []string) error {
					return c.applyPreset(ctx, a, preset, ch)
				})(cmd, args)
			}
			s, basedOn, err := readSettings(args[0])
			if err != nil {
				return c.refused(err)
			}
			if ch.basedOn == 0 {
				ch.basedOn = basedOn
			}
			return c.onAny(func(ctx context.Context, a *app.App, _ []string) error {
				return c.applySettings(ctx, a, s, ch)
			})(cmd, args)
		},
	}
	cmd.Flags().StringVar(&preset, "preset", "", "apply a preset as it is: "+strings.Join(settings.Presets, " or "))
	complete(cmd, "preset", settings.Presets...)
	ch.flags(cmd)
	return cmd
}

// applyPreset applies a preset in the mode in force.
func (c *cli) applyPreset(ctx context.Context, a *app.App, name string, ch change) error {
	s, err := settings.Preset(name)
	if err != nil {
		return usageError{err}
	}
	now, err := a.SettingsNow(ctx)
	switch {
	case errors.Is(err, app.ErrNoSettings):
	case err != nil:
		return err
	default:
		s.Mode, s.Pilot = now.Settings.Mode, now.Settings.Pilot
	}
	return c.applySettings(ctx, a, s, ch)
}

const setHelp = `Set single keys of the settings in force, as if the file had been edited so, and make that the next version. Keys
are written as in the file, with dots between; a field needs no "fields." before it, and HubSpot's name for it does
as well. Values are those of the file: words, numbers, [lists], {tables}. "remove" ends the mapping of a field.`

func (c *cli) settingsSet() *cobra.Command {
	var ch change
	cmd := &cobra.Command{
		Use: "set KEY=VALUE…", Short: "Set single keys of the settings", Long: setHelp,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exactly(1)(cmd, args)
			}
			return nil
		},
		Example: "  duolog settings set contacts.create=both --reason CHG-2190\n" +
			"  duolog settings set city.conflict=newest zip.overwrite=if_blank\n" +
			"  duolog settings set 'fields.job_title={hubspot: jobtitle, direction: to_aloware}'",
		RunE: func(cmd *cobra.Command, args []string) error {
			values, err := assignments(args)
			if err != nil {
				return err
			}
			return c.on(func(ctx context.Context, a *app.App, _ []string) error {
				s, basedOn, err := a.SetSettings(ctx, values)
				if err != nil {
					return c.refused(err)
				}
				return c.applyOn(ctx, a, s, basedOn, ch)
			})(cmd, args)
		},
	}
	ch.flags(cmd)
	return cmd
}

func assignments(args []string) (map[string]string, error) {
	values := map[string]string{}
	for _, arg := range args {
		a, err := settingsfile.ParseAssignment(arg)
		if err != nil {
			return nil, usageError{err}
		}
		if _, twice := values[a.Key]; twice {
			return nil, usage("%s is set twice", a.Key)
		}
		values[a.Key] = a.Value
	}
	return values, nil
}

const rollbackHelp = `Make a new version with the content of an older one. Nothing is taken back from the log, and nothing is sent: what
was decided under the versions between stays decided. The mode in force stays as it is.`

func (c *cli) settingsRollback() *cobra.Command {
	var ch change
	cmd := &cobra.Command{
		Use: "rollback VERSION", Short: "Make a new version of an older one's content", Long: rollbackHelp, Args: exactly(1),
		Example: "  duolog settings rollback 6 --reason \"v7 was a mistake\"",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			n, err := versionNumber(args[0])
			if err != nil {
				return err
			}
			if _, err := settingsOf(ctx, a, args[0]); err != nil {
				return err
			}
			s, basedOn, err := a.FormerSettings(ctx, n)
			if err != nil {
				return err
			}
			return c.applyOn(ctx, a, s, basedOn, ch)
		}),
	}
	ch.flags(cmd)
	return cmd
}

// applyOn applies settings that were made from a version, unless the call names another.
func (c *cli) applyOn(ctx context.Context, a *app.App, s settings.Settings, basedOn int, ch change) error {
	if ch.basedOn == 0 {
		ch.basedOn = basedOn
	}
	return c.applySettings(ctx, a, s, ch)
}

func (c *cli) applySettings(ctx context.Context, a *app.App, s settings.Settings, ch change) error {
	now, err := a.SettingsNow(ctx)
	switch {
	case errors.Is(err, app.ErrNoSettings):
	case err != nil:
		return err
	default:
		changes := settings.Diff(now.Settings, s)
		if !c.json {
			if err := c.showChanges(changes); err != nil {
				return err
			}
			c.printNotes(s)
		}
		if len(changes) == 0 {
			return c.applied(now.Version, false, nil)
		}
	}
	var looked *periodLooked
	checked, err := a.CheckMapping(ctx, s)
	if err != nil {
		return err
	}
	if len(checked.Faults) == 0 {
		if !c.json {
			c.tellChecked(checked, s.Env().Zone)
		}
		if now.Version > 0 && ch.looks(c) {
			of := s
			of.Mode, of.Pilot = now.Settings.Mode, now.Settings.Pilot // of which the log has its own
			if looked, err = c.preview(ctx, a, of, ch.wait.Duration); err != nil {
				return err
			}
			if !c.json {
				c.tellPreview(looked, now, s, ch.wait.Duration)
			}
		}
		if err := c.confirm(ch.yes, fmt.Sprintf("Apply as v%d?", now.Version+1)); err != nil {
			return err
		}
	}
	version, err := a.Apply(ctx, checked, ch.basedOn, by(a, ch.reason))
	var bad *app.FaultsError
	if errors.As(err, &bad) {
		return c.refused(hint(err, "mend the file or the system, then apply again"))
	}
	if errors.Is(err, app.ErrOutdated) {
		return hint(err, "look at the new version with duolog settings diff, then say based_on in the file, or --based-on %d",
			now.Version)
	}
	if err != nil {
		return err
	}
	return c.applied(version, true, looked)
}

// tellChecked says what the mapping was held against.
func (c *cli) tellChecked(k app.Checked, zone *time.Location) {
	fields := plural(int64(len(k.Settings.Fields)), "field")
	var text string
	switch h := k.HubSpot; {
	case h.Now:
		text = "Checked against both systems: " + fields + " good."
	case h.Seen.IsZero():
		text = "Not checked against HubSpot (" + h.Why + "): duolog serve checks before it sends anything."
	default:
		text = fmt.Sprintf("Checked against HubSpot as it was on %s (%s): %s good.", h.Seen.In(zone).Format(bothLayout), h.Why, fields)
	}
	if len(k.Unseen) > 0 {
		text += " Declared by Aloware, not seen on a contact there yet: " + strings.Join(k.Unseen, ", ") + "."
	}
	c.printf("%s\n", strings.Join(wrap(text, lineWidth), "\n"))
}

func (c *cli) applied(version int, changed bool, looked *periodLooked) error {
	switch {
	case c.json:
		return c.printJSON(struct {
			Version int           `json:"version"`
			Changed bool          `json:"changed"`
			Preview *periodLooked `json:"preview,omitempty"`
		}{version, changed, looked})
	case changed:
		c.printf("Applied as v%d.\n", version)
	}
	return nil
}

// confirm asks on a terminal; elsewhere --yes must say so.
func (c *cli) confirm(yes bool, question string) error {
	if yes {
		return nil
	}
	if !isTerminal(c.in) {
		return hint(usage("nobody is there to answer: %s", question), "--yes applies without asking")
	}
	c.note("%s [y/N] ", question)
	answer, err := bufio.NewReader(c.in).ReadString('\n')
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return errors.New("not applied")
	}
	return nil
}
