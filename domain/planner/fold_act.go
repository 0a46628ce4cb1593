package planner

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

func (v *View) foldAct(in Input) (Effect, error) {
	if in.Type == domain.SettingsChanged {
		return Effect{}, v.foldSettings(in)
	}
	var a domain.Act
	switch in.Type {
	case domain.ConnectionOpened:
		return Effect{}, v.foldOpened(in)
	case domain.ModeChanged, domain.SyncPaused, domain.SyncResumed, domain.GateChanged, domain.BaselineCompleted,
		domain.OperationStarted, domain.OperationFinished, domain.PlannerRetried, domain.CommandRetried:
		if err := json.Unmarshal(in.Data, &a); err != nil {
			return Effect{}, fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
		}
	default:
		return Effect{}, nil // activities, catalogs, schemas, raw bodies: nothing to plan
	}
	return v.takeAct(in, a), nil
}

// takeAct changes the connection's own state as an act says.
func (v *View) takeAct(in Input, a domain.Act) Effect {
	v.control = true
	was := v.Control.Stopped()
	off := v.Control.Mode == domain.ModeOff
	switch in.Type {
	case domain.ModeChanged:
		v.Control.Mode = a.Mode
		v.Control.Pilot = settings.Pilot{Filter: a.Filter, MaxWritesPerHour: a.MaxWrites}
		v.compile()
	case domain.SyncPaused:
		v.Control.Paused = true
	case domain.SyncResumed:
		v.Control.Paused = false
	case domain.GateChanged:
		return v.foldGate(in, a, was)
	case domain.BaselineCompleted:
		first := !v.Control.Baseline
		v.Control.Baseline = true
		return v.opened(in, first, false)
	case domain.OperationStarted:
		v.Control.Operations = append(v.Control.Operations, Operation{ID: in.ID, Name: a.Name, Position: in.Position})
		return Effect{}
	case domain.OperationFinished:
		v.Control.Operations = slices.DeleteFunc(v.Control.Operations, func(o Operation) bool { return o.ID == a.Command })
		return Effect{}
	case domain.PlannerRetried, domain.CommandRetried:
		v.control = false
		return Effect{Contact: a.Contact, Force: true, Changed: true}
	}
	return v.opened(in, was, off)
}

// opened is the effect of an act that may have opened the sync. An owner that takes over in the midst of planning the
// dirty contacts folds the act again and must find the same.
func (v *View) opened(in Input, was, off bool) Effect {
	if was && !v.Control.Stopped() {
		v.Control.Opening, v.Control.Withhold = in.Position, off
	}
	return Effect{Release: v.Control.Opening == in.Position, Withhold: v.Control.Withhold}
}

func (v *View) foldGate(in Input, a domain.Act, was bool) Effect {
	switch _, shut := v.Control.ShutFields[a.Field]; {
	case a.Field == "":
		v.Control.Shut = !a.Open
	case a.Open && shut:
		delete(v.Control.ShutFields, a.Field)
		was = true // contacts that hold such a field are dirty
	case !a.Open:
		if v.Control.ShutFields == nil {
			v.Control.ShutFields = map[string]string{}
		}
		v.Control.ShutFields[a.Field] = a.Reason
		return Effect{}
	}
	return v.opened(in, was, false)
}

func (v *View) foldSettings(in Input) error {
	var a domain.SettingsAct
	if err := json.Unmarshal(in.Data, &a); err != nil {
		return fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
	}
	var s settings.Settings
	if err := json.Unmarshal(a.Settings, &s); err != nil {
		return fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
	}
	s.Version = a.Version
	v.Control.Settings, v.control = s, true
	if v.Control.Mode == "" {
		v.Control.Mode, v.Control.Pilot = s.Mode, s.Pilot
	}
	v.compile()
	for _, r := range v.records {
		v.reindex(r)
	}
	return nil
}

func (v *View) foldOpened(in Input) error {
	var o domain.Opened
	if err := json.Unmarshal(in.Data, &o); err != nil {
		return fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
	}
	v.Control.Portal, v.Control.Account, v.Control.Demo = o.Portal, o.Account, o.Demo
	v.Control.Opened, v.control = true, true
	return nil
}
