package history

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/contacts"
)

// Sync is what the connection's acts say at a moment: the settings in force, and whether anything was sent.
type Sync struct {
	Settings settings.Settings // version 0: none were applied, and these are the default's
	Mode     domain.Mode
	Paused   bool
	Shut     bool              // the gate of the whole sync
	Fields   map[string]string // whose gate was shut, and why
	// Mapped says since which position each field is mapped without a break.
	Mapped map[string]int64
}

// Sync returns how the connection stood at the moment. It reads the connection's acts, which are few, and nothing else.
func (r *Reader) Sync(ctx context.Context, at contacts.Moment) (Sync, error) {
	s := Sync{Fields: map[string]string{}, Mapped: map[string]int64{}}
	events, err := r.connectionActs(ctx, at)
	if err != nil {
		return s, fmt.Errorf("the sync as it stood: %w", err)
	}
	for _, e := range events {
		if err := s.take(e); err != nil {
			return s, fmt.Errorf("read %s at %d: %w", e.Type, e.Position, err)
		}
	}
	if s.Settings.Version == 0 {
		s.Settings, err = settings.Preset(settings.PresetDefault)
	}
	return s, err
}

func (r *Reader) connectionActs(ctx context.Context, at contacts.Moment) ([]eventstore.Event, error) {
	last := at.Position
	if last == 0 {
		last = math.MaxInt64
	}
	var positions []int64
	err := r.db.ReadTx(ctx, func(q eventstore.Querier) error {
		version, err := projections.Live(ctx, q, r.log.Connection(), Name)
		if err != nil {
			return err
		}
		rows, err := q.Query(ctx, `SELECT position FROM history_entry
			WHERE connection = $1 AND version = $2 AND owner = $3 AND position <= $4`,
			r.log.Connection(), version, ownerConnection, last)
		positions, err = eventstore.Scan(rows, err, scanPosition)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(positions)
	return r.get(ctx, positions, at)
}

// take folds an act.
func (s *Sync) take(e eventstore.Event) error {
	if e.Type == domain.SettingsChanged {
		return s.settings(e)
	}
	var act domain.Act
	if err := domain.Decode(e.Type, e.Schema, e.Data, &act); err != nil {
		return err
	}
	switch e.Type {
	case domain.ModeChanged:
		s.Mode = act.Mode
	case domain.SyncPaused:
		s.Paused = true
	case domain.SyncResumed:
		s.Paused = false
	case domain.GateChanged:
		s.gate(act)
	}
	return nil
}

func (s *Sync) gate(act domain.Act) {
	switch {
	case act.Field == "":
		s.Shut = !act.Open
	case act.Open:
		delete(s.Fields, act.Field)
	default:
		s.Fields[act.Field] = act.Reason
	}
}

// settings takes the settings; the first ones say the mode, too.
func (s *Sync) settings(e eventstore.Event) error {
	var act domain.SettingsAct
	if err := domain.Decode(e.Type, e.Schema, e.Data, &act); err != nil {
		return err
	}
	var now settings.Settings
	if err := json.Unmarshal(act.Settings, &now); err != nil {
		return err
	}
	now.Version = act.Version
	since := map[string]int64{}
	for _, f := range now.Fields {
		since[f.Name] = e.Position
		old, there := s.Settings.Field(f.Name)
		if at, ok := s.Mapped[f.Name]; ok && there && old.HubSpot.Read == f.HubSpot.Read && old.Aloware.Read == f.Aloware.Read {
			since[f.Name] = at
		}
	}
	s.Settings, s.Mapped = now, since
	if s.Mode == "" {
		s.Mode = now.Mode
	}
	return nil
}
