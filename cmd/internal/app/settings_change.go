package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/settingsfile"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// ErrNoSettings: none were applied yet. It is an httpapi.ErrNotFound.
var ErrNoSettings error = noSettings{}

type noSettings struct{}

func (noSettings) Error() string { return "has no settings yet" }

func (noSettings) Is(target error) bool { return target == httpapi.ErrNotFound }

// SettingsNow returns the version applied last, in the mode in force: a file that is shown, edited elsewhere and applied
// must not turn back what duolog mode said. ErrNoSettings before the first.
func (a *App) SettingsNow(ctx context.Context) (SettingsVersion, error) {
	all, err := a.SettingsHistory(ctx)
	if err != nil {
		return SettingsVersion{}, err
	}
	if len(all) == 0 {
		return SettingsVersion{}, fmt.Errorf("connection %s %w", a.Connection, ErrNoSettings)
	}
	now := all[len(all)-1]
	now.Settings, err = a.inModeInForce(ctx, now.Settings)
	return now, err
}

func (a *App) inModeInForce(ctx context.Context, s settings.Settings) (settings.Settings, error) {
	control, _, err := a.InForce(ctx)
	if err != nil || control.Mode == "" {
		return s, err
	}
	s.Mode = control.Mode
	if control.Mode == domain.ModePilot {
		s.Pilot.Filter = control.Pilot.Filter
		if n := control.Pilot.MaxWritesPerHour; n > 0 {
			s.Pilot.MaxWritesPerHour = n
		}
	}
	return s, nil
}

// SettingsVersion returns one version as it was applied; httpapi.ErrNotFound when there is none of that number.
func (a *App) SettingsVersion(ctx context.Context, version int) (SettingsVersion, error) {
	all, err := a.SettingsHistory(ctx)
	if err != nil {
		return SettingsVersion{}, err
	}
	i := slices.IndexFunc(all, func(v SettingsVersion) bool { return v.Version == version })
	if i < 0 {
		return SettingsVersion{}, fmt.Errorf("there is no version %d of the settings, the last one is %d: %w",
			version, len(all), httpapi.ErrNotFound)
	}
	return all[i], nil
}

// FormerSettings returns those of an older version, to be applied again in the mode in force, and the version in force.
func (a *App) FormerSettings(ctx context.Context, version int) (settings.Settings, int, error) {
	old, err := a.SettingsVersion(ctx, version)
	if err != nil {
		return settings.Settings{}, 0, err
	}
	now, err := a.SettingsNow(ctx)
	if err != nil {
		return settings.Settings{}, 0, err
	}
	s, err := a.inModeInForce(ctx, old.Settings)
	return s, now.Version, err
}

// SetSettings returns the settings in force with some keys set, and the version they are made from.
func (a *App) SetSettings(ctx context.Context, values map[string]string) (settings.Settings, int, error) {
	now, err := a.SettingsNow(ctx)
	if err != nil {
		return settings.Settings{}, 0, err
	}
	var changes []settingsfile.Assignment
	for _, key := range slices.Sorted(maps.Keys(values)) {
		changes = append(changes, settingsfile.Assignment{Key: key, Value: values[key]})
	}
	s, err := settingsfile.Set(now.Settings, changes...)
	return s, now.Version, faulty(err)
}

// ReadSettings reads a settings file that was sent as JSON.
func (a *App) ReadSettings(file []byte) (settings.Settings, int, error) {
	s, basedOn, err := settingsfile.ParseJSON(file)
	return s, basedOn, faulty(err)
}

// faulty turns the faults of a file into those of settings.
func faulty(err error) error {
	var bad *settingsfile.Error
	if errors.As(err, &bad) {
		return &FaultsError{Faults: bad.Faults}
	}
	return err
}
