package planner

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

func (v *View) foldAct(in Input) (Effect, error) {
	var a domain.Act
	switch in.Type {
	case domain.SettingsChanged:
		return v.foldSettings(in)
	case domain.SchemaObserved:
		return v.foldSchema(in)
	case domain.CatalogObserved:
		return v.foldCatalog(in)
	case domain.ConnectionOpened:
		return Effect{}, v.foldOpened(in)
	case domain.PlanApplied:
		return v.foldPage(in)
	case domain.ModeChanged, domain.SyncPaused, domain.SyncResumed, domain.GateChanged, domain.BaselineCompleted, domain.LogRestored,
		domain.OperationStarted, domain.OperationFinished, domain.OperationPaused, domain.OperationResumed,
		domain.OperationCancelled, domain.PlannerRetried, domain.CommandRetried,
		domain.ReviewSettled, domain.DuplicateResolved, domain.SweepCompleted, domain.SubjectErased, domain.SubjectLifted:
		if err := json.Unmarshal(in.Data, &a); err != nil {
			return Effect{}, fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
		}
	default:
		return Effect{}, nil // activities, raw bodies: nothing to plan
	}
	if in.Type == domain.ReviewSettled || in.Type == domain.DuplicateResolved {
		return v.foldVerdict(in, a), nil
	}
	if in.Type == domain.SubjectErased || in.Type == domain.SubjectLifted {
		return v.foldErasure(in, a), nil
	}
	return v.takeAct(in, a), nil
}

// takeAct changes the connection's own state as an act says.
func (v *View) takeAct(in Input, a domain.Act) Effect {
	v.control = true
	was := v.Control.Stopped()
	switch in.Type {
	case domain.ModeChanged:
		if v.Control.Mode == domain.ModeObserve && v.Control.Baseline && !was { // before that, dirty is who waits for the scan to end
			was, v.Control.WasOff = true, true // stops that were withheld go out, and nothing else does
		}
		v.Control.Standing = v.Control.Standing || !v.Control.Baseline && opens(v.Control.Mode, a.Mode)
		v.Control.Mode, v.Control.WasOff, v.Control.ModeAt = a.Mode, v.Control.WasOff || a.Mode == domain.ModeOff, in.Position
		v.Control.Pilot = settings.Pilot{Filter: a.Filter, MaxWritesPerHour: a.MaxWrites}
		v.compile()
	case domain.SyncPaused:
		v.foldPaused(in, a)
	case domain.SyncResumed:
		return v.foldResumed(in, was)
	case domain.SweepCompleted:
		return v.foldSweep(a)
	case domain.GateChanged:
		return v.foldGate(in, a, was)
	case domain.LogRestored: // what was done since is not known: both systems are read anew before anybody is taken to be new
		v.Control.Baseline, v.Control.Restored = false, true
	case domain.BaselineCompleted:
		first := !v.Control.Baseline
		v.Control.Restored = false
		v.Control.Baseline, v.Control.Standing, v.Control.WasOff = true, false, v.Control.WasOff || v.Control.Standing
		return v.confirmed(in, first, first)
	case domain.OperationStarted, domain.OperationPaused, domain.OperationResumed, domain.OperationCancelled:
		v.foldOperation(in, a)
		return Effect{}
	case domain.OperationFinished:
		v.foldOperation(in, a)
		return v.foldPulled(in, a)
	case domain.PlannerRetried, domain.CommandRetried:
		v.control = false
		return Effect{Contact: a.Contact, Force: true, Changed: true, Verdict: &a}
	}
	return v.opened(in, was)
}

// opens reports whether a mode sends more than the one before; the first one of all is nobody's change of mind.
func opens(from, to domain.Mode) bool {
	sends := map[domain.Mode]int{domain.ModeOff: 0, domain.ModeObserve: 0, domain.ModePilot: 1, domain.ModeLive: 2}
	return from != "" && sends[to] > sends[from]
}

// opened is the effect of an act that may have opened the sync. What came while the mode was off is not sent, whatever
// else kept the sync shut until now. An owner that takes over in the midst of planning the dirty contacts folds the act
// again and must find the same.
func (v *View) opened(in Input, was bool) Effect { return v.confirmed(in, was, false) }

// confirmed is opened, for an act by which a person may have said that what waits is to be sent: the first scan, which
// is how a sync begins, and a resume after a guard.
func (v *View) confirmed(in Input, was, confirmed bool) Effect {
	c := &v.Control
	if was && !c.Stopped() {
		c.Opening, c.Withhold, c.Confirmed, c.WasOff = in.Position, c.WasOff, confirmed, false
	}
	return Effect{Release: c.Opening == in.Position, Withhold: c.Withhold, Confirmed: c.Confirmed}
}

// foldSettings takes the settings. The first ones may open the sync: what came before them is dirty.
func (v *View) foldSettings(in Input) (Effect, error) {
	var a domain.SettingsAct
	if err := json.Unmarshal(in.Data, &a); err != nil {
		return Effect{}, fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
	}
	var s settings.Settings
	if err := json.Unmarshal(a.Settings, &s); err != nil {
		return Effect{}, fmt.Errorf("fold %s at %d: %w", in.Type, in.Position, err)
	}
	s.Version = a.Version
	first := v.Control.Settings.Version == 0
	v.Control.Settings, v.control = s, true
	if v.Control.Mode == "" {
		v.Control.Mode, v.Control.Pilot, v.Control.WasOff = s.Mode, s.Pilot, s.Mode == domain.ModeOff
	}
	v.foldMapped(in)
	v.choices.forget()
	v.compile()
	v.every(v.reindex)
	return v.opened(in, first), nil
}

// foldMapped notes since when each property of HubSpot is mapped without a break.
func (v *View) foldMapped(in Input) {
	since := make(map[string]int64, len(v.Control.Settings.Fields))
	read := slices.Clone(v.Control.Settings.Record)
	for _, f := range v.Control.Settings.Fields {
		read = append(read, f.HubSpot.Read)
	}
	for _, property := range read {
		since[property] = in.Position
		if at, ok := v.Control.Mapped[property]; ok {
			since[property] = at
		}
	}
	v.Control.Mapped = since
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
