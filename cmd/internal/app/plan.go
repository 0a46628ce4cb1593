package app

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/operations"
)

// MayPlan says what stands against making such a plan, nil when nothing does.
func (a *App) MayPlan(ctx context.Context, spec domain.PlanSpec) error {
	control, _, err := a.InForce(ctx)
	if err != nil {
		return err
	}
	if !spec.Valid() {
		return fmt.Errorf("%w: a plan is of push contacts, pull contacts, match, reconcile, undo or repair; a field not of the first three, toward "+
			"rules, hubspot or aloware only of reconcile; an undo is of a time, an operation or a version of the settings", httpapi.ErrBadInput)
	}
	if spec.PutsBack() {
		if _, err := a.undoneAfter(ctx, spec); err != nil {
			return err
		}
	}
	if _, ok := control.Settings.Field(spec.Field); spec.Field != "" && !ok {
		return fmt.Errorf("%w: no field %s is mapped; duolog settings show lists them", httpapi.ErrBadInput, spec.Field)
	}
	if _, err := control.Settings.ParseFilter(spec.Filter); err != nil {
		return fmt.Errorf("%w: filter: %w", httpapi.ErrBadInput, err)
	}
	control.Baseline = true // that is waited for
	if err := plannable(control); err != nil {
		return fmt.Errorf("%w: %w", httpapi.ErrConflict, err)
	}
	return nil
}

// StartPlan has the owner of the connection make a plan, and does not wait for it.
func (a *App) StartPlan(ctx context.Context, spec domain.PlanSpec, by httpapi.By) (httpapi.Done, error) {
	if err := a.MayPlan(ctx, spec); err != nil {
		return httpapi.Done{}, err
	}
	return a.Act(ctx, domain.OperationStarted, domain.Act{Name: domain.PlanPrefix + spec.Name, Spec: &spec, Reason: by.Reason}, by)
}

// ParsePlan reads how people name a plan: P-31, or 31.
func ParsePlan(name string) (int64, error) {
	digits := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(name)), "P-")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%w: a plan is named like P-31; duolog plans list shows all", httpapi.ErrBadInput)
	}
	return n, nil
}

// Plan returns a plan.
func (a *App) Plan(ctx context.Context, name string) (httpapi.Plan, error) {
	n, err := ParsePlan(name)
	if err != nil {
		return httpapi.Plan{}, err
	}
	if err := a.Runner.CatchUpOf(ctx, operations.Name); err != nil {
		return httpapi.Plan{}, err
	}
	p, err := a.Operations.Plan(ctx, n)
	if err == nil && p == nil {
		err = fmt.Errorf("there is no plan %s: %w", name, httpapi.ErrNotFound)
	}
	if err != nil {
		return httpapi.Plan{}, err
	}
	return a.planShown(ctx, *p)
}

// PlanMadeBy returns the plan an operation made.
func (a *App) PlanMadeBy(ctx context.Context, operation string) (httpapi.Plan, error) {
	if err := a.Runner.CatchUpOf(ctx, operations.Name); err != nil {
		return httpapi.Plan{}, err
	}
	id, err := ulid.ParseStrict(operation)
	if err != nil {
		return httpapi.Plan{}, fmt.Errorf("id of the operation: %w", err)
	}
	p, err := a.Operations.PlanByID(ctx, domain.DeriveID(id, "plan", "", 0).String())
	if err == nil && p == nil {
		err = fmt.Errorf("that operation made no plan: %w", httpapi.ErrNotFound)
	}
	if err != nil {
		return httpapi.Plan{}, err
	}
	return a.planShown(ctx, *p)
}

// planShown adds what a plan needs to be looked at: its samples, and when it would run.
func (a *App) planShown(ctx context.Context, p operations.Plan) (httpapi.Plan, error) {
	control, _, err := a.InForce(ctx)
	if err != nil {
		return httpapi.Plan{}, err
	}
	out := httpapi.Plan{Plan: p, Name: planName(p.Number), LRNPrice: control.Settings.Cost.LRNPerNumberUSD, BigJobs: control.Settings.Limits.BigJobs}
	if p.State == operations.Discarded {
		return out, nil
	}
	rows, err := operations.Rows(ctx, a.Store, a.Log, p.ID, 0, planChunk)
	if err != nil {
		return out, err
	}
	there := int64(0)
	for _, r := range rows {
		if r.N < p.Rows {
			there++
		}
	}
	out.Spent = p.State == operations.Applied && there < min(p.Rows, planChunk)
	if out.Samples, err = operations.Samples(ctx, a.Store, a.Log, p.ID, p.Rows, planSamples); err != nil {
		return out, err
	}
	if p.PutsBack() {
		out.Left, err = operations.Rows(ctx, a.Store, a.Log, p.ID, p.Rows, maxSkipped)
	}
	return out, err
}

func planName(n int64) string { return "P-" + strconv.FormatInt(n, 10) }

// Plans lists plans, the latest first.
func (a *App) Plans(ctx context.Context, limit int) ([]httpapi.Plan, error) {
	if err := a.Runner.CatchUpOf(ctx, operations.Name); err != nil {
		return nil, err
	}
	all, err := a.Operations.Plans(ctx, limit)
	out := make([]httpapi.Plan, 0, len(all))
	for _, p := range all {
		out = append(out, httpapi.Plan{Plan: p, Name: planName(p.Number)})
	}
	return out, err
}

// PlanRows returns rows of a plan from a number on.
func (a *App) PlanRows(ctx context.Context, name string, from int64, limit int) ([]operations.Row, error) {
	p, err := a.Plan(ctx, name)
	if err != nil {
		return nil, err
	}
	return operations.Rows(ctx, a.Store, a.Log, p.ID, from, limit)
}

// ApplyPlan has the owner of the connection carry a plan out, and does not wait for it. Each is carried out at most once.
func (a *App) ApplyPlan(ctx context.Context, name string, by httpapi.By) (httpapi.Done, error) {
	p, err := a.Plan(ctx, name)
	if err != nil {
		return httpapi.Done{}, err
	}
	if err := a.mayApply(ctx, p); err != nil {
		return httpapi.Done{}, err
	}
	id, err := ulid.ParseStrict(p.ID)
	if err != nil {
		return httpapi.Done{}, fmt.Errorf("id of plan %s: %w", name, err)
	}
	c := p.Counts
	act, err := a.act(domain.OperationStarted, streamConnection, domain.Act{
		Name: p.Plan.Plan.Name, Plan: id, Reason: by.Reason, Counts: map[string]int64{
			domain.CountRows: p.Rows,
			domain.CountBudget: c[domain.CountCreatesAloware] + c[domain.CountCreatesHubSpot] + c[domain.CountUpdatesAloware] +
				c[domain.CountUpdatesHubSpot],
		},
	}, by)
	if err != nil {
		return httpapi.Done{}, err
	}
	act.Key = a.Log.Vault().Blind("plan applied", p.ID)
	return a.append(ctx, act)
}

// mayApply refuses a plan that is not what would be done now.
func (a *App) mayApply(ctx context.Context, p httpapi.Plan) error {
	control, _, err := a.InForce(ctx)
	if err != nil {
		return err
	}
	s, err := a.settingsInForce(ctx)
	if err != nil {
		return err
	}
	running, err := a.Operations.Running(ctx)
	if err != nil {
		return err
	}
	switch {
	case p.State == operations.Applied:
		return fmt.Errorf("%w: %s was applied already; make a new one for what is left", httpapi.ErrConflict, p.Name)
	case p.State == operations.Discarded:
		return fmt.Errorf("%w: %s was discarded; make a new one", httpapi.ErrConflict, p.Name)
	case p.Rows == 0:
		return fmt.Errorf("%w: there is nothing to do in %s: both sides are as it would have made them", httpapi.ErrConflict, p.Name)
	case s.Version != p.Settings:
		return fmt.Errorf("%w: the settings were changed since %s was made: make it anew, and look at it", httpapi.ErrConflict, p.Name)
	case control.Mode == domain.ModeOff, control.Mode == domain.ModeObserve && p.Plan.Plan.Name != domain.OpMatch:
		return fmt.Errorf("%w: the mode is %s, and nothing would be sent: change it first (duolog mode pilot, or live)", httpapi.ErrConflict, control.Mode)
	}
	for _, o := range running {
		if o.Plan != "" {
			return fmt.Errorf("%w: %s is under way; let it end, or cancel it first", httpapi.ErrConflict, o.Name)
		}
	}
	return nil
}

// DiscardPlan gives a plan up: its rows are removed.
func (a *App) DiscardPlan(ctx context.Context, name string, by httpapi.By) (httpapi.Done, error) {
	p, err := a.Plan(ctx, name)
	if err != nil {
		return httpapi.Done{}, err
	}
	if p.State != operations.Made {
		return httpapi.Done{}, fmt.Errorf("%w: %s was %s", httpapi.ErrConflict, p.Name, p.State)
	}
	id, err := ulid.ParseStrict(p.ID)
	if err != nil {
		return httpapi.Done{}, fmt.Errorf("id of plan %s: %w", name, err)
	}
	done, err := a.Act(ctx, domain.PlanDiscarded, domain.Act{Plan: id, Reason: by.Reason}, by)
	if err != nil {
		return done, err
	}
	return done, a.forgetRows(ctx, id)
}
