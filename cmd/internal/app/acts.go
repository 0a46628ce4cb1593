package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// Streams of acts.
const (
	streamConnection = "connection"
	streamSettings   = "settings"
)

// ErrOutdated: the settings were changed by someone else meanwhile.
var ErrOutdated = errors.New("settings have changed since")

// act is an event that says what a person or Duolog itself did.
func (a *App) act(kind, stream string, payload any, by httpapi.By) (eventstore.NewEvent, error) {
	data, err := json.Marshal(payload)
	if err != nil {
		return eventstore.NewEvent{}, fmt.Errorf("%s: %w", kind, err)
	}
	if by.Actor == "" {
		by.Actor = a.Actor
	}
	return eventstore.NewEvent{
		ID: a.NewID(), Stream: stream, Type: kind, Schema: domain.SchemaOf(kind), Actor: by.Actor,
		Subject: eventstore.SubjectLog, Data: data,
	}, nil
}

// Act appends one act.
func (a *App) Act(ctx context.Context, kind string, payload any, by httpapi.By) (httpapi.Done, error) {
	e, err := a.act(kind, streamConnection, payload, by)
	if err != nil {
		return httpapi.Done{}, err
	}
	return a.append(ctx, e)
}

func (a *App) append(ctx context.Context, events ...eventstore.NewEvent) (httpapi.Done, error) {
	done, err := a.Log.Append(ctx, events...)
	if err != nil {
		return httpapi.Done{}, err
	}
	return httpapi.Done{Position: done[0].Position, ID: done[0].ID.String()}, nil
}

// SetMode says what the planner may do from now on. Nothing is sent retroactively.
func (a *App) SetMode(ctx context.Context, m httpapi.ModeChange, by httpapi.By) (httpapi.Done, error) {
	control, _, err := a.Control(ctx)
	if err != nil {
		return httpapi.Done{}, err
	}
	if m.Filter != "" {
		if _, err := control.Settings.ParseFilter(m.Filter); err != nil {
			return httpapi.Done{}, fmt.Errorf("%w: filter: %w", httpapi.ErrBadInput, err)
		}
	}
	return a.Act(ctx, domain.ModeChanged, domain.Act{
		Reason: by.Reason, Mode: m.Mode, Filter: m.Filter, MaxWrites: m.MaxWrites,
	}, by)
}

// Pause stops planning and sending; facts are still stored.
func (a *App) Pause(ctx context.Context, by httpapi.By) (httpapi.Done, error) {
	return a.Act(ctx, domain.SyncPaused, domain.Act{Reason: by.Reason}, by)
}

// Resume goes on: contacts that changed meanwhile are planned once each.
func (a *App) Resume(ctx context.Context, by httpapi.By) (httpapi.Done, error) {
	return a.Act(ctx, domain.SyncResumed, domain.Act{Reason: by.Reason}, by)
}

// Retry takes a command out of the outbox and has its contact planned again from the present: it never resends.
func (a *App) Retry(ctx context.Context, command ulid.ULID, by httpapi.By) (httpapi.Done, error) {
	return a.settle(ctx, command, domain.ResultWithdrawn, domain.CommandRetried, by)
}

// Discard gives a command up for good; its fields stay apart until their source changes again.
func (a *App) Discard(ctx context.Context, command ulid.ULID, by httpapi.By) (httpapi.Done, error) {
	return a.settle(ctx, command, domain.ResultDiscarded, domain.CommandDiscarded, by)
}

func (a *App) settle(ctx context.Context, command ulid.ULID, result, kind string, by httpapi.By) (httpapi.Done, error) {
	var done httpapi.Done
	err := a.Store.InTx(ctx, func(tx eventstore.Tx) error {
		rows, err := outbox.Withdraw(ctx, tx, a.Connection, command)
		switch {
		case err != nil:
			return err
		case len(rows) == 0:
			return fmt.Errorf("command %s is not waiting: %w", command, httpapi.ErrNotFound)
		}
		outcome, err := outbox.Outcome(a.Log.Vault(), rows[0].Row, domain.Outcome{
			Result: result, Reason: domain.ReasonPerson, Attempts: rows[0].Attempts,
		}, a.NewID())
		if err != nil {
			return err
		}
		act, err := a.act(kind, streamConnection, domain.Act{Reason: by.Reason, Command: command, Contact: rows[0].Contact}, by)
		if err != nil {
			return err
		}
		got, err := tx.Append(ctx, a.Log, outcome, act)
		if err == nil {
			done = httpapi.Done{Position: got[1].Position, ID: got[1].ID.String()}
		}
		return err
	})
	return done, err
}

// ApplySettings makes s the settings in force from its position on, as the version after basedOn. It is refused when
// a fault is found, or when another version was applied meanwhile (ErrOutdated). basedOn 0 means whatever is there.
func (a *App) ApplySettings(ctx context.Context, s settings.Settings, basedOn int, by httpapi.By) (int, error) {
	if faults := s.Validate(); len(faults) > 0 {
		return 0, &FaultsError{faults}
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

// settingsActs are the act that applies settings and, when the mode they name is another one, the act that sets it.
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
	control, _, err := a.Control(ctx)
	if err != nil || control.Mode == "" || control.Mode == s.Mode && control.Pilot == s.Pilot {
		return []eventstore.NewEvent{e}, err
	}
	mode, err := a.act(domain.ModeChanged, streamConnection, domain.Act{
		Reason: by.Reason, Mode: s.Mode, Filter: s.Pilot.Filter, MaxWrites: s.Pilot.MaxWritesPerHour,
	}, by)
	return []eventstore.NewEvent{e, mode}, err
}

// FaultsError is settings that were refused.
type FaultsError struct{ Faults []settings.Fault }

func (e *FaultsError) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.Field + ": found " + f.Found + ", wanted " + f.Wanted
	}
	return "settings refused: " + strings.Join(lines, "; ")
}

// SettingsVersion is one version as it was applied.
type SettingsVersion struct {
	Version  int               `json:"version"`
	Position int64             `json:"position"`
	At       int64             `json:"at"` // µs UTC
	Actor    string            `json:"actor"`
	Reason   string            `json:"reason,omitempty"`
	Settings settings.Settings `json:"settings"`
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
			v := SettingsVersion{Position: e.Position, At: e.RecordedAt, Actor: e.Actor}
			if err := json.Unmarshal(e.Data, &act); err != nil {
				return nil, fmt.Errorf("settings at %d: %w", e.Position, err)
			}
			if err := json.Unmarshal(act.Settings, &v.Settings); err != nil {
				return nil, fmt.Errorf("settings at %d: %w", e.Position, err)
			}
			v.Version, v.Reason, v.Settings.Version = act.Version, act.Reason, act.Version
			out = append(out, v)
		}
	}
}
