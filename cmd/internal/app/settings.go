package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
)

// ErrOutdated: the settings were changed by someone else meanwhile. It is an httpapi.ErrConflict.
var ErrOutdated error = outdated{}

type outdated struct{}

func (outdated) Error() string { return "settings have changed since" }

func (outdated) Is(target error) bool { return target == httpapi.ErrConflict }

// ApplySettings checks s as CheckMapping does and applies it.
func (a *App) ApplySettings(ctx context.Context, s settings.Settings, basedOn int, by httpapi.By) (int, error) {
	c, err := a.CheckMapping(ctx, s)
	if err != nil {
		return 0, err
	}
	return a.Apply(ctx, c, basedOn, by)
}

// Apply makes the settings those in force from their position on, as the version after basedOn. They are refused as a
// whole when a fault was found (FaultsError), or when another version was applied meanwhile (ErrOutdated). basedOn 0
// means whatever is there.
func (a *App) Apply(ctx context.Context, c Checked, basedOn int, by httpapi.By) (int, error) {
	s := c.Settings
	if len(c.Faults) > 0 {
		return 0, &FaultsError{Faults: c.Faults}
	}
	last, err := a.SettingsHistory(ctx)
	if err != nil {
		return 0, err
	}
	version, position := 0, int64(0)
	if n := len(last); n > 0 {
		version, position = last[n-1].Version, last[n-1].Position
	}
	if basedOn != 0 && basedOn != version {
		return 0, fmt.Errorf("based on version %d, now is %d: %w", basedOn, version, ErrOutdated)
	}
	s = s.Sorted()
	s.Version = version + 1
	events, err := a.settingsActs(ctx, s, by)
	if err != nil {
		return 0, err
	}
	events[0].ExpectLast = &position
	if _, err := a.append(ctx, events...); errors.Is(err, eventstore.ErrExpectation) {
		return 0, fmt.Errorf("version %d was applied by someone else: %w", s.Version, ErrOutdated)
	} else if err != nil {
		return 0, err
	}
	return s.Version, nil
}

// settingsActs are the act that applies settings and, when the mode they name is another one than that in force, the act
// that sets it.
func (a *App) settingsActs(ctx context.Context, s settings.Settings, by httpapi.By) ([]eventstore.NewEvent, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	e, err := a.act(domain.SettingsChanged, streamSettings, domain.SettingsAct{
		Version: s.Version, Reason: by.Reason, Settings: raw,
	}, by)
	if err != nil {
		return nil, err
	}
	if s.Version == 1 { // what was said before the first settings, as duolog mode observe, stands above their mode
		return []eventstore.NewEvent{e}, nil
	}
	control, _, err := a.InForce(ctx)
	same := control.Mode == s.Mode && (s.Mode != domain.ModePilot || control.Pilot == s.Pilot)
	if err != nil || control.Mode == "" || same {
		return []eventstore.NewEvent{e}, err
	}
	mode, err := a.act(domain.ModeChanged, streamConnection, domain.Act{
		Reason: by.Reason, Mode: s.Mode, Filter: s.Pilot.Filter, MaxWrites: s.Pilot.MaxWritesPerHour,
	}, by)
	return []eventstore.NewEvent{e, mode}, err
}

// FaultsError is settings that were refused.
type FaultsError = httpapi.FaultsError

// SettingsVersion is one version as it was applied.
type SettingsVersion = httpapi.SettingsVersion

// settingsInForce are those applied last, or, before any, the ones a first start would apply.
func (a *App) settingsInForce(ctx context.Context) (settings.Settings, error) {
	all, err := a.SettingsHistory(ctx)
	if err != nil || len(all) == 0 {
		s, bad := settings.Preset(settings.PresetDefault)
		return s, errors.Join(err, bad)
	}
	return all[len(all)-1].Settings, nil
}

// SettingsHistory lists all versions, oldest first.
func (a *App) SettingsHistory(ctx context.Context) ([]SettingsVersion, error) {
	var out []SettingsVersion
	after := int64(0)
	for {
		events, err := a.Log.ReadStream(ctx, streamSettings, after, 500)
		if err != nil || len(events) == 0 {
			return out, err
		}
		for _, e := range events {
			after = e.Position
			var act domain.SettingsAct
			v := SettingsVersion{Position: e.Position, At: time.UnixMicro(e.RecordedAt).UTC(), Actor: e.Actor}
			if err := domain.Decode(e.Type, e.Schema, e.Data, &act); err != nil {
				return nil, fmt.Errorf("settings at %d: %w", e.Position, err)
			}
			if err := json.Unmarshal(act.Settings, &v.Settings); err != nil {
				return nil, fmt.Errorf("settings at %d: %w", e.Position, err)
			}
			v.Settings = v.Settings.Filled()
			v.Version, v.Reason, v.Settings.Version = act.Version, act.Reason, act.Version
			if v.Settings.Guards.EmptiedSide == "" { // applied before there were guards
				v.Settings.Guards.EmptiedSide = settings.EmptiedIgnore
			}
			out = append(out, v)
		}
	}
}
