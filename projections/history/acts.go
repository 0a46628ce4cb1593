package history

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
)

// settingsStory remembers the settings told last.
type settingsStory struct {
	known bool
	last  settings.Settings
}

// act tells what a person did. The settings in force when the story begins are only noted; so is everything else
// before the contact's first event.
func (s *story) act(e eventstore.Event) error {
	if e.Type == domain.SettingsChanged {
		return s.settingsAct(e)
	}
	a, err := payload[domain.Act](e)
	if err != nil || len(s.entries) == 0 {
		return err
	}
	s.begin(e, Entry{
		Kind: KindAct, By: e.Actor, ByKnown: e.Actor != "",
		Act: &Act{
			Reason: a.Reason, Mode: a.Mode, Field: a.Field, Open: a.Open, Verdict: a.Verdict, Records: a.Records, From: a.From,
		},
	})
	return nil
}

func (s *story) settingsAct(e eventstore.Event) error {
	a, err := payload[domain.SettingsAct](e)
	if err != nil {
		return err
	}
	var now settings.Settings
	if err := json.Unmarshal(a.Settings, &now); err != nil {
		return fmt.Errorf("read settings at %d: %w", e.Position, err)
	}
	before := s.settings
	s.settings = settingsStory{known: true, last: now}
	if len(s.entries) == 0 {
		return nil
	}
	act := &Act{Reason: a.Reason, Mode: now.Mode, Settings: a.Version}
	if before.known {
		act.Fields, act.Changed = changedFields(before.last, now), settings.Diff(before.last, now)
	}
	s.begin(e, Entry{Kind: KindSettings, By: e.Actor, ByKnown: e.Actor != "", Act: act})
	return nil
}

// changedFields names the fields that are mapped or ruled otherwise.
func changedFields(before, after settings.Settings) []string {
	var names []string
	for _, f := range after.Fields {
		if old, ok := before.Field(f.Name); !ok || !reflect.DeepEqual(old, f) {
			names = append(names, f.Name)
		}
	}
	for _, f := range before.Fields {
		if _, ok := after.Field(f.Name); !ok {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return names
}
