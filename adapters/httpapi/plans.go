package httpapi

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/operations"
)

// Plans makes, shows and applies plans, and steers operations. The owner of the connection does the work.
type Plans interface {
	StartPlan(ctx context.Context, spec domain.PlanSpec, by By) (Done, error)
	Plans(ctx context.Context, limit int) ([]Plan, error)
	Plan(ctx context.Context, name string) (Plan, error)
	ApplyPlan(ctx context.Context, name string, by By) (Done, error)
	DiscardPlan(ctx context.Context, name string, by By) (Done, error)
}

// Operations tells of operations and steers them.
type Operations interface {
	OperationList(ctx context.Context, limit int) ([]Operation, error)
	Operation(ctx context.Context, id string) (Operation, error)
	LastRuns(ctx context.Context) ([]LastRun, error)
	PauseOperation(ctx context.Context, id string, by By) (Done, error)
	ResumeOperation(ctx context.Context, id string, by By) (Done, error)
	CancelOperation(ctx context.Context, id string, by By) (Done, error)
}

// Plan is a plan as it is looked at before it is applied.
type Plan struct {
	Name string `json:"plan" doc:"As people call it: P-31"`
	operations.Plan
	Samples  []operations.Row `json:"samples,omitempty" doc:"Ten of its rows with what they change"`
	LRNPrice float64          `json:"lrn_per_number_usd,omitempty"`
	BigJobs  string           `json:"big_jobs,omitempty" doc:"When it may run"`
	Left     []operations.Row `json:"left,omitempty" doc:"Of an undo: who is left as it is, and why"`
	Spent    bool             `json:"spent,omitempty" doc:"It was carried out long ago: its rows were removed, but for the samples"`
}

// People are the contacts whose values the plan shows.
func (p Plan) People() (ids []ulid.ULID) {
	for _, r := range slices.Concat(p.Samples, p.Left) {
		if r.Sample != nil && !r.Sample.Erased && !slices.Contains(ids, r.Contact) {
			ids = append(ids, r.Contact)
		}
	}
	return ids
}

// Operation is an operation, with how far it is.
type Operation struct {
	operations.Operation
	Done    int64    `json:"done,omitempty" doc:"Rows that were decided"`
	Waits   string   `json:"waits,omitempty" doc:"What stands against it now"`
	Skipped []string `json:"skipped,omitempty" doc:"Contacts left since they had changed"`
}

// LastRun says when an operation was done last, in the words of Aloware's document.
type LastRun struct {
	Name   string           `json:"name"`
	Said   string           `json:"said" example:"Last push contact: Jul 10, 2024, 6:38 PM PDT"`
	At     *time.Time       `json:"at,omitempty"`
	Counts map[string]int64 `json:"counts,omitempty"`
}

type planInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Body       struct {
		Toward  string `json:"toward,omitempty" enum:"rules,hubspot,aloware" doc:"Of a reconcile: whose values count"`
		Field   string `json:"field,omitempty" maxLength:"100" doc:"Of a reconcile: the only field it touches"`
		Contact string `json:"contact,omitempty" pattern:"^[0-9A-HJKMNP-TV-Z]{26}$" doc:"The only contact it touches, by its id"`
		Filter  string `json:"filter,omitempty" maxLength:"1000" doc:"Whose contacts, as in mode pilot"`
		Known   bool   `json:"known,omitempty" doc:"Plan from what is known, without reading the systems first"`
		Reason  string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
	}
}

type planNameInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Plan       string `path:"plan" maxLength:"20" example:"P-31"`
}

type planActInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Plan       string `path:"plan" maxLength:"20" example:"P-31"`
	Body       struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
	}
}

type operationNameInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Operation  string `path:"operation" maxLength:"26"`
}

type operationActInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Operation  string `path:"operation" maxLength:"26"`
	Body       struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
	}
}

type operationsInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Limit      int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

// PlanList is plans, the latest first.
type PlanList struct {
	Plans []Plan `json:"plans"`
}

// OperationList is operations, the latest first, and when each was done last.
type OperationList struct {
	Last       []LastRun   `json:"last"`
	Operations []Operation `json:"operations"`
}

// notForRegularUse is what the document says of push and pull.
const notForRegularUse = "For set-up and troubleshooting, not for regular use."

func (a *api) registerPlans() {
	const at = "/v1/connections/{connection}"
	for _, v := range []struct{ id, path, name, summary, about string }{
		{"push-contacts", "/push/contacts", domain.OpPush, "Plan a push of Aloware's contacts to HubSpot", notForRegularUse},
		{"pull-contacts", "/pull/contacts", domain.OpPull, "Plan a pull of HubSpot's contacts into Aloware", notForRegularUse +
			" The plan says how many new numbers Aloware would look up, and what that costs."},
		{"match", "/match", domain.OpMatch, "Plan to link who stands on both sides", "It writes to neither."},
		{"reconcile", "/reconcile", domain.OpReconcile, "Plan what stands apart", "It reads both systems first."},
	} {
		about := v.about + " The owner of the connection makes the plan; …/operations/{id} tells when, and …/plans which. Nothing is sent before it is applied."
		register(a, act(v.id, at+v.path, v.summary, about), RunOperations, func(ctx context.Context, in *planInput) (*body[Done], error) {
			return a.startPlan(ctx, v.name, in)
		})
	}
	register(a, act("undo", at+"/undo", "Plan to put back what Duolog wrote", undoAbout), RunOperations,
		func(ctx context.Context, in *undoInput) (*body[Done], error) {
			spec, err := in.spec()
			if err != nil {
				return nil, err
			}
			return a.planAct(ctx, in.Connection, in.Body.Reason, func(p Plans, by By) (Done, error) { return p.StartPlan(ctx, spec, by) })
		})
	register(a, act("repair", at+"/repair", "Plan to put right what is decided otherwise today", repairAbout), RunOperations,
		func(ctx context.Context, in *repairInput) (*body[Done], error) {
			spec, err := in.spec()
			if err != nil {
				return nil, err
			}
			return a.planAct(ctx, in.Connection, in.Body.Reason, func(p Plans, by By) (Done, error) { return p.StartPlan(ctx, spec, by) })
		})
	a.registerPlanReads(at)
	register(a, act("apply-plan", at+"/plans/{plan}/apply", "Apply a plan", "The owner of the connection does it. Each plan is applied once."),
		RunOperations, func(ctx context.Context, in *planActInput) (*body[Done], error) {
			return a.planAct(ctx, in.Connection, in.Body.Reason, func(p Plans, by By) (Done, error) { return p.ApplyPlan(ctx, in.Plan, by) })
		})
	register(a, act("discard-plan", at+"/plans/{plan}/discard", "Give a plan up", ""), RunOperations,
		func(ctx context.Context, in *planActInput) (*body[Done], error) {
			return a.planAct(ctx, in.Connection, in.Body.Reason, func(p Plans, by By) (Done, error) { return p.DiscardPlan(ctx, in.Plan, by) })
		})
	a.registerOperations(at + "/operations")
}

func (a *api) registerPlanReads(at string) {
	register(a, get("list-plans", at+"/plans", "Plans, the latest first", "operations"), ReadOperations,
		func(ctx context.Context, in *operationsInput) (*body[PlanList], error) {
			return fromPlans(a, in.Connection, func(c Connection) (PlanList, error) {
				list, err := c.Plans.Plans(ctx, in.Limit)
				return PlanList{list}, err
			})
		})
	register(a, get("show-plan", at+"/plans/{plan}", "A plan with samples of what it changes", "operations"), ReadOperations,
		func(ctx context.Context, in *planNameInput) (*body[Plan], error) {
			return fromPlans(a, in.Connection, func(c Connection) (Plan, error) {
				p, err := c.Plans.Plan(ctx, in.Plan)
				if people := p.People(); err == nil && len(people) > 0 {
					err = c.looked(ctx, domain.AccessPlan, people...)
				}
				return p, err
			})
		})
}

func (a *api) registerOperations(at string) {
	register(a, get("list-operations", at, "Operations, and when each was done last", "operations"), ReadOperations,
		func(ctx context.Context, in *operationsInput) (*body[OperationList], error) {
			return fromPlans(a, in.Connection, func(c Connection) (l OperationList, err error) {
				if l.Last, err = c.Plans.LastRuns(ctx); err == nil {
					l.Operations, err = c.Plans.OperationList(ctx, in.Limit)
				}
				return l, err
			})
		})
	register(a, get("show-operation", at+"/{operation}", "An operation: how far it is, and whom it skipped", "operations"), ReadOperations,
		func(ctx context.Context, in *operationNameInput) (*body[Operation], error) {
			return fromPlans(a, in.Connection, func(c Connection) (Operation, error) { return c.Plans.Operation(ctx, in.Operation) })
		})
	for _, v := range []struct {
		name, summary string
		do            func(Operations) func(context.Context, string, By) (Done, error)
	}{
		{"pause", "Have an operation rest: nothing further is decided", func(o Operations) func(context.Context, string, By) (Done, error) { return o.PauseOperation }},
		{"resume", "Have it go on, under what is in force now", func(o Operations) func(context.Context, string, By) (Done, error) { return o.ResumeOperation }},
		{"cancel", "End it; the rest is left as it is", func(o Operations) func(context.Context, string, By) (Done, error) { return o.CancelOperation }},
	} {
		register(a, act(v.name+"-operation", at+"/{operation}/"+v.name, v.summary, ""), RunOperations,
			func(ctx context.Context, in *operationActInput) (*body[Done], error) {
				by, err := byHolder(ctx, in.Body.Reason)
				if err != nil {
					return nil, err
				}
				return fromPlans(a, in.Connection, func(c Connection) (Done, error) { return v.do(c.Plans)(ctx, in.Operation, by) })
			})
	}
}

func (a *api) startPlan(ctx context.Context, name string, in *planInput) (*body[Done], error) {
	b := in.Body
	spec := domain.PlanSpec{Scope: domain.Scope{Name: name, Toward: b.Toward, Field: b.Field}, Filter: b.Filter, Known: b.Known}
	var err error
	if spec.Contact, err = optionalID("contact", b.Contact); err != nil {
		return nil, err
	}
	return a.planAct(ctx, in.Connection, b.Reason, func(p Plans, by By) (Done, error) { return p.StartPlan(ctx, spec, by) })
}

func (a *api) planAct(ctx context.Context, connection, reason string, do func(Plans, By) (Done, error)) (*body[Done], error) {
	by, err := byHolder(ctx, reason)
	if err != nil {
		return nil, err
	}
	return fromPlans(a, connection, func(c Connection) (Done, error) { return do(c.Plans, by) })
}

// fromPlans answers from a connection's plans and operations.
func fromPlans[T any](a *api, connection string, ask func(Connection) (T, error)) (*body[T], error) {
	conn, err := a.connection(connection)
	if err != nil {
		return nil, err
	}
	if conn.Plans == nil {
		return nil, fmt.Errorf("%w: this connection makes no plans here", ErrNotFound)
	}
	got, err := ask(conn)
	if err != nil {
		return nil, err
	}
	return &body[T]{got}, nil
}
