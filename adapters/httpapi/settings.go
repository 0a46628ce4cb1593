package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/duolog/duolog/domain/settings"
)

// Settings reads and changes a connection's settings. A file is a JSON object of the shape people's YAML has. What is
// wrong with one is a *FaultsError; ErrConflict says that it was made from an older version than the one in force.
type Settings interface {
	// SettingsNow returns the version applied last, in the mode in force; ErrNotFound before the first.
	SettingsNow(ctx context.Context) (SettingsVersion, error)
	SettingsHistory(ctx context.Context) ([]SettingsVersion, error)
	ReadSettings(file []byte) (s settings.Settings, basedOn int, err error)
	// SetSettings returns the settings in force with some keys set, and the version they are made from.
	SetSettings(ctx context.Context, values map[string]string) (s settings.Settings, basedOn int, err error)
	// FormerSettings returns those of an older version in the mode in force, and the version in force.
	FormerSettings(ctx context.Context, version int) (s settings.Settings, basedOn int, err error)
	ApplySettings(ctx context.Context, s settings.Settings, basedOn int, by By) (version int, err error)
}

// SettingsVersion is one version as it was applied.
type SettingsVersion struct {
	Version  int               `json:"version"`
	Position int64             `json:"position"`
	At       time.Time         `json:"at"`
	Actor    string            `json:"actor"`
	Reason   string            `json:"reason,omitempty"`
	Settings settings.Settings `json:"settings"`
}

// FaultsError is settings that were refused.
type FaultsError struct{ Faults []settings.Fault }

func (e *FaultsError) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.String()
	}
	return "settings refused: " + strings.Join(lines, "; ")
}

// settingsBody is a version as it is answered: the settings are as stored, not as the file people edit.
type settingsBody struct {
	Version  int             `json:"version"`
	Position int64           `json:"position" doc:"Of the act that applied them"`
	Actor    string          `json:"actor,omitempty"`
	At       time.Time       `json:"at"`
	Reason   string          `json:"reason,omitempty"`
	Settings json.RawMessage `json:"settings"`
}

// versionBody is a version as it is listed: what it changed, not all it holds.
type versionBody struct {
	Version  int               `json:"version"`
	Position int64             `json:"position"`
	Actor    string            `json:"actor,omitempty"`
	At       time.Time         `json:"at"`
	Reason   string            `json:"reason,omitempty"`
	Changes  []settings.Change `json:"changes" doc:"Since the version before"`
}

type versionsBody struct {
	Versions []versionBody `json:"versions" doc:"Oldest first"`
}

// appliedBody says what a change of the settings did.
type appliedBody struct {
	Version int               `json:"version" doc:"In force from now on"`
	Changed bool              `json:"changed" doc:"false: that is what was in force already"`
	Changes []settings.Change `json:"changes"`
	Notes   []settings.Note   `json:"notes" doc:"What has no effect in this version"`
}

// checkedBody says whether a file could be applied, and what that would change.
type checkedBody struct {
	OK      bool              `json:"ok"`
	Faults  []settings.Fault  `json:"faults"`
	Changes []settings.Change `json:"changes"`
	Notes   []settings.Note   `json:"notes"`
}

type fileInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Body       struct {
		Settings json.RawMessage `json:"settings" doc:"A settings file, as JSON"`
	}
}

type applyInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Body       struct {
		Settings json.RawMessage `json:"settings" doc:"A settings file, as JSON"`
		BasedOn  int             `json:"based_on,omitempty" minimum:"0" doc:"Refused when another version is in force"`
		Reason   string          `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
	}
}

type setInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Body       struct {
		Set     map[string]string `json:"set" minProperties:"1" doc:"By key, as in contacts.create: both"`
		BasedOn int               `json:"based_on,omitempty" minimum:"0" doc:"Refused when another version is in force"`
		Reason  string            `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
	}
}

type rollbackInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Body       struct {
		Version int    `json:"version" minimum:"1" doc:"Whose content comes back as a new version"`
		BasedOn int    `json:"based_on,omitempty" minimum:"0" doc:"Refused when another version is in force"`
		Reason  string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
	}
}

func (a *api) registerSettings() {
	const at = "/v1/connections/{connection}/settings"
	register(a, get("get-settings", at, "The settings in force", "settings"), ReadSettings, a.settingsNow)
	register(a, get("list-settings", at+"/history", "Who changed what, when and why", "settings"), ReadSettings, a.settingsHistory)
	register(a, act("validate-settings", at+"/validate", "Say what is wrong with a settings file", "Its mapping is held against both systems. Changes nothing."),
		ReadSettings, a.validateSettings)
	register(a, act("apply-settings", at, "Apply a settings file", "It takes effect at its place in the log."),
		ChangeSettings, a.applySettings)
	register(a, act("set-settings", at+"/set", "Set single keys", "The rest stays as it is."), ChangeSettings, a.setSettings)
	register(a, act("roll-back-settings", at+"/rollback", "Make a new version of an older one's content",
		"The mode in force stays."), ChangeSettings, a.rollBackSettings)
}

// policy returns the connection's settings.
func (a *api) policy(connection string) (Settings, error) {
	conn, err := a.connection(connection)
	if err == nil && conn.Settings == nil {
		err = fmt.Errorf("%w: this connection does not tell its settings", ErrNotFound)
	}
	return conn.Settings, err
}

func (a *api) settingsNow(ctx context.Context, in *connectionInput) (*body[settingsBody], error) {
	p, err := a.policy(in.Connection)
	if err != nil {
		return nil, err
	}
	v, err := p.SettingsNow(ctx)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(v.Settings)
	return &body[settingsBody]{settingsBody{v.Version, v.Position, v.Actor, v.At, v.Reason, raw}}, err
}

func (a *api) settingsHistory(ctx context.Context, in *connectionInput) (*body[versionsBody], error) {
	p, err := a.policy(in.Connection)
	if err != nil {
		return nil, err
	}
	all, err := p.SettingsHistory(ctx)
	if err != nil {
		return nil, err
	}
	out := versionsBody{Versions: []versionBody{}}
	for i, v := range all {
		b := versionBody{v.Version, v.Position, v.Actor, v.At, v.Reason, []settings.Change{}}
		if i > 0 {
			b.Changes = append(b.Changes, settings.Diff(all[i-1].Settings, v.Settings)...)
		}
		out.Versions = append(out.Versions, b)
	}
	return &body[versionsBody]{out}, nil
}

func (a *api) validateSettings(ctx context.Context, in *fileInput) (*body[checkedBody], error) {
	p, err := a.policy(in.Connection)
	if err != nil {
		return nil, err
	}
	out := checkedBody{OK: true, Faults: []settings.Fault{}, Changes: []settings.Change{}, Notes: []settings.Note{}}
	s, _, err := p.ReadSettings(in.Body.Settings)
	var bad *FaultsError
	switch {
	case errors.As(err, &bad):
		out.OK, out.Faults = false, bad.Faults
		return &body[checkedBody]{out}, nil
	case err != nil:
		return nil, err
	}
	out.Notes = append(out.Notes, s.Notes()...)
	if m, none := a.mapping(in.Connection); none == nil {
		faults, err := m.MappingFaults(ctx, s)
		if err != nil {
			return nil, err
		}
		out.OK, out.Faults = len(faults) == 0, append(out.Faults, faults...)
	}
	if now, err := p.SettingsNow(ctx); err == nil {
		out.Changes = append(out.Changes, settings.Diff(now.Settings, s)...)
	}
	return &body[checkedBody]{out}, nil
}

func (a *api) applySettings(ctx context.Context, in *applyInput) (*body[appliedBody], error) {
	return a.changeSettings(ctx, in.Connection, in.Body.BasedOn, in.Body.Reason, func(p Settings) (settings.Settings, int, error) {
		return p.ReadSettings(in.Body.Settings)
	})
}

func (a *api) setSettings(ctx context.Context, in *setInput) (*body[appliedBody], error) {
	return a.changeSettings(ctx, in.Connection, in.Body.BasedOn, in.Body.Reason, func(p Settings) (settings.Settings, int, error) {
		return p.SetSettings(ctx, in.Body.Set)
	})
}

func (a *api) rollBackSettings(ctx context.Context, in *rollbackInput) (*body[appliedBody], error) {
	return a.changeSettings(ctx, in.Connection, in.Body.BasedOn, in.Body.Reason, func(p Settings) (settings.Settings, int, error) {
		return p.FormerSettings(ctx, in.Body.Version)
	})
}

// changeSettings applies what make returns, unless that is what is in force. basedOn, when given, stands above the
// version make found.
func (a *api) changeSettings(ctx context.Context, connection string, basedOn int, reason string,
	make func(Settings) (settings.Settings, int, error),
) (*body[appliedBody], error) {
	p, err := a.policy(connection)
	if err != nil {
		return nil, err
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return nil, fmt.Errorf("%w: an act needs a reason", ErrBadInput)
	}
	s, found, err := make(p)
	if err != nil {
		return nil, err
	}
	if basedOn == 0 {
		basedOn = found
	}
	out := appliedBody{Changes: []settings.Change{}, Notes: append([]settings.Note{}, s.Notes()...)}
	now, err := p.SettingsNow(ctx)
	if err == nil {
		out.Changes = append(out.Changes, settings.Diff(now.Settings, s)...)
		if out.Version = now.Version; len(out.Changes) == 0 && (basedOn == 0 || basedOn == now.Version) {
			return &body[appliedBody]{out}, nil
		}
	}
	out.Version, err = p.ApplySettings(ctx, s, basedOn, By{Actor: identity(ctx).Actor(), Reason: reason})
	out.Changed = err == nil
	return &body[appliedBody]{out}, err
}
