package app

import (
	"context"

	"github.com/duolog/duolog/adapters/dispatch"
	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/lease"
	"github.com/duolog/duolog/projections/outbound"
)

// Stages are what an owner of the connection does: plan, dispatch, and chores. Serve runs each in a loop of its own;
// who gets them from Engine.Own runs them step by step, in an order of his own.
type Stages struct {
	Planner    *outbound.Process
	Dispatcher *dispatch.Dispatcher

	gate *gatekeeper
}

func (e *engine) stages(h *lease.Handle) *Stages {
	gate := &gatekeeper{engine: e, lease: h}
	d := dispatch.New(dispatch.Config{
		Log: e.Log, DB: e.Store, Systems: e.systems, Lease: h, NewID: e.NewID, Logger: e.Logger, Metrics: e.metrics,
		Paused:    func() bool { c := e.control.Load(); return !c.Sends() || !gate.checked(*c) },
		Observing: func() bool { return silent(*e.control.Load()) },
		Since:     func() int64 { return since(*e.control.Load()) },
		Unfit:     func(domain.System) { gate.doubt() },
		Erased:    e.JoinErasure,
	})
	p := outbound.New(outbound.Config{
		DB: e.Store, Log: e.Log, Lease: h, Logger: e.Logger, Planned: func(int) { d.Wake() }, Steered: e.steer,
	})
	return &Stages{Planner: p, Dispatcher: d, gate: gate}
}

// Chores does once what the connection's own state asks for besides planning and sending. Operations, and the baseline,
// wait for the planner to take note of their end.
func (s *Stages) Chores(ctx context.Context) error {
	return s.gate.chores(ctx, s.gate, *s.gate.control.Load())
}

// Engine is a process that serves a connection, in pieces.
type Engine struct{ engine *engine }

// Engine makes one. It takes webhooks in at once; the rest needs the lease.
func (a *App) Engine(ctx context.Context) (Engine, error) {
	e, err := a.engine(ctx)
	return Engine{e}, err
}

// Inlets take the webhooks of both systems in.
func (e Engine) Inlets() map[domain.System]httpapi.Webhooks {
	in := e.engine.inlets(nil)
	return map[domain.System]httpapi.Webhooks{
		domain.HubSpot: e.engine.bound(in[domain.HubSpot], in[domain.HubSpot]), domain.Aloware: in[domain.Aloware],
	}
}

// Own makes the stages of the lease's owner, once both systems are known to be the right ones.
func (e Engine) Own(ctx context.Context, h *lease.Handle) (*Stages, error) {
	unsure, err := e.engine.introduce(ctx)
	if err == nil && unsure != nil {
		err = e.engine.recognised(ctx, *unsure)
	}
	if err != nil {
		return nil, err
	}
	s := e.engine.stages(h)
	return s, s.Dispatcher.Adopt(ctx)
}

// inlets make an ingest for each system. metrics nil: counted, not exposed.
func (e *engine) inlets(metrics *ingest.Metrics) map[domain.System]*ingest.Ingest {
	all := map[domain.System]*ingest.Ingest{}
	for _, s := range domain.Systems {
		all[s] = ingest.New(ingest.Config{
			Log: e.Log, System: e.systems[s], Account: e.account(s), Ring: e.Ring, IDs: e.NewID, Metrics: metrics, Logger: e.Logger,
			Erased: e.JoinErasure,
		})
	}
	return all
}
