package app

import (
	"context"
	"fmt"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore/seal"
	"github.com/duolog/duolog/projections/replay"
	"github.com/duolog/duolog/projections/report"
)

// Report tells what the log says about a period. One that shows values is an act: somebody looked at personal data.
func (a *App) Report(ctx context.Context, q httpapi.ReportQuery, by httpapi.By) (report.Report, error) {
	control, _, err := a.Control(ctx)
	if err != nil {
		return report.Report{}, err
	}
	o := report.Options{Log: a.Log, Zone: control.Settings.Env().Zone, Values: q.Values, Progress: q.Progress}
	if o.Since, o.Until, err = q.Period(o.Zone); err != nil {
		return report.Report{}, err
	}
	if err := a.bounds(ctx, &o); err != nil {
		return report.Report{}, err
	}
	switch q.What {
	case httpapi.ReportActors:
		return report.Actors(ctx, o)
	case httpapi.ReportDuplicates:
		if o.Standing, err = a.standingDuplicates(ctx); err != nil {
			return report.Report{}, err
		}
		return report.Duplicates(ctx, o)
	}
	return a.monthly(ctx, o, q, by)
}

func (a *App) monthly(ctx context.Context, o report.Options, q httpapi.ReportQuery, by httpapi.By) (r report.Report, err error) {
	if o.Values {
		if err := a.Looked(ctx, domain.AccessReport, by); err != nil {
			return r, err
		}
	}
	if o.Standing, err = a.standingDuplicates(ctx); err != nil {
		return r, err
	}
	if o.Proof, err = a.proofOf(ctx, o.Through, q.Verify); err != nil {
		return r, err
	}
	if q.Impact {
		if o.Effects, err = a.effects(ctx, o); err != nil {
			return r, err
		}
	}
	return report.Monthly(ctx, o)
}

// effects tells what each new version of the settings caused within the period.
func (a *App) effects(ctx context.Context, o report.Options) ([]report.Effect, error) {
	all, err := a.SettingsHistory(ctx)
	if err != nil {
		return nil, err
	}
	effects := []report.Effect{}
	for i, v := range all {
		if i == 0 || v.Position < o.From || v.Position > o.Through {
			continue
		}
		caused, err := a.Impact(ctx, replay.Config{To: o.Through}, v.Version)
		if err != nil {
			return nil, fmt.Errorf("what settings v%d caused: %w", v.Version, err)
		}
		effects = append(effects, report.Effect{Version: v.Version, Before: all[i-1].Version, Forecast: caused.Forecast})
	}
	return effects, nil
}

// bounds turns the period into positions.
func (a *App) bounds(ctx context.Context, o *report.Options) error {
	head, err := a.Log.Head(ctx)
	if err != nil {
		return err
	}
	o.From, o.Through = 1, head.Position
	if !o.Since.IsZero() {
		before, err := a.Contacts.PositionAt(ctx, o.Since.Add(-time.Microsecond))
		if err != nil {
			return err
		}
		o.From = before + 1
	}
	if !o.Until.IsZero() {
		if o.Through, err = a.Contacts.PositionAt(ctx, o.Until.Add(-time.Microsecond)); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) standingDuplicates(ctx context.Context) (map[string]int64, error) {
	all, err := httpapi.Duplicates(ctx, a.Contacts)
	if err != nil {
		return nil, err
	}
	standing := map[string]int64{}
	for _, d := range all {
		standing[d.Kind]++
	}
	return standing, nil
}

// proofOf tells which head was the last one by the end of the period.
func (a *App) proofOf(ctx context.Context, through int64, verify bool) (report.Proof, error) {
	head, err := a.Log.Head(ctx)
	if err != nil {
		return report.Proof{}, err
	}
	p := report.Proof{LogID: head.LogID.String(), Generation: head.Generation}
	signed, ok, err := seal.Last(ctx, a.Store, a.Connection, through)
	if err != nil {
		return p, err
	}
	if ok {
		p.Sealed, p.Signed, p.Note = signed.Size, time.UnixMicro(signed.At).UTC(), signed.Note
	}
	if verify {
		p.Verified, err = a.verdictOnLog(ctx)
	}
	return p, err
}

func (a *App) verdictOnLog(ctx context.Context) (string, error) {
	r, err := a.Verify(ctx, VerifyOptions{})
	if err != nil {
		return "", err
	}
	if !r.OK() {
		return fmt.Sprintf("%d faults: duolog verify names them", int64(len(r.Faults))+r.MoreFaults), nil
	}
	return fmt.Sprintf("%d events, complete and unaltered", r.Events), nil
}
