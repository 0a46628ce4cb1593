package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// Status is the one screen about the connection, as stored: it asks no system.
func (a *App) Status(ctx context.Context) (httpapi.Status, error) {
	control, position, err := a.InForce(ctx)
	if err != nil {
		return httpapi.Status{}, err
	}
	head, err := a.Log.Head(ctx)
	if err != nil {
		return httpapi.Status{}, err
	}
	s := httpapi.Status{
		Connection: a.Connection, Mode: string(control.Mode), Paused: control.Paused, LogID: head.LogID.String(),
		Generation: head.Generation, Head: head.Position, Lag: map[string]int64{"outbound": head.Position - position},
		Systems: map[string]httpapi.SystemStatus{
			string(domain.HubSpot): heard(control, domain.HubSpot, control.Portal),
			string(domain.Aloware): heard(control, domain.Aloware, control.Account),
		},
	}
	addGuard(&s, control)
	addGate(&s, control)
	addSilence(&s, control)
	addNative(&s, control, a.now())
	addUsed(&s, control)
	shared, err := a.portalShared(ctx, control)
	if err != nil {
		return s, err
	}
	s.Needs = append(s.Needs, shared...)
	hubspot := s.Systems[string(domain.HubSpot)]
	if hubspot.Budget, err = a.usage(ctx); err != nil {
		return s, err
	}
	s.Systems[string(domain.HubSpot)] = hubspot
	if err := a.addOutbox(ctx, &s); err != nil {
		return s, err
	}
	return s, a.addProjections(ctx, &s)
}

// heard begins a side's status with whose it is and when it last told something.
func heard(c planner.Control, s domain.System, account string) httpapi.SystemStatus {
	out := httpapi.SystemStatus{Account: account}
	if at, ok := c.Heard[s]; ok {
		t := time.UnixMicro(at).UTC()
		out.LastWebhook = &t
	}
	if at, ok := c.Swept[s]; ok {
		out.LastSweep = &httpapi.Swept{
			At: time.UnixMicro(at.At).UTC(), Looked: at.Looked, Drift: at.Drift, Unexplained: at.Unexplained,
		}
	}
	return out
}

func (a *App) outboxCounts(ctx context.Context) ([]outbox.Count, error) {
	return outbox.Counts(ctx, a.Store, a.Connection)
}

func (a *App) addOutbox(ctx context.Context, s *httpapi.Status) error {
	counts, err := a.outboxCounts(ctx)
	if err != nil {
		return err
	}
	refused := map[domain.System]int64{}
	for _, c := range counts {
		side := s.Systems[string(c.System)]
		if c.State == outbox.Dead {
			side.Dead += c.Rows
		} else {
			side.Waiting += c.Rows
			side.Failing += c.Failing
			refused[c.System] += c.Refused
			if at := time.UnixMicro(c.Oldest).UTC(); side.Oldest == nil || at.Before(*side.Oldest) {
				side.Oldest = &at
			}
		}
		s.Systems[string(c.System)] = side
	}
	addCredentials(s, refused)
	for _, sys := range domain.Systems {
		if n := s.Systems[string(sys)].Dead; n > 0 {
			s.Needs = append(s.Needs, fmt.Sprintf("%d commands for %s were given up (duolog commands list --state dead)", n, sys.Title()))
		}
	}
	return nil
}

func (a *App) addProjections(ctx context.Context, s *httpapi.Status) error {
	all, err := a.Runner.Status(ctx)
	if err != nil {
		return err
	}
	for _, p := range all {
		s.Lag[p.Name] = p.Lag
		if p.Parked > 0 {
			s.Needs = append(s.Needs, fmt.Sprintf("%d events are parked in %s (duolog projections parked)", p.Parked, p.Name))
		}
	}
	if s.Contacts, err = a.Contacts.Counts(ctx); err != nil {
		return err
	}
	if n := s.Contacts[contacts.Held]; n > 0 {
		s.Needs = append(s.Needs, fmt.Sprintf("held for a person: %d (duolog contact list --status held)", n))
	}
	return nil
}

// Rejected lists webhooks and items that were not taken in, newest first.
func (a *App) Rejected(ctx context.Context, limit int) ([]ingest.Line, error) {
	return a.Ring.List(ctx, a.Connection, limit)
}

// CatchUp folds what the projections have not seen yet: for a command beside no running server.
func (a *App) CatchUp(ctx context.Context) error { return a.Runner.CatchUp(ctx) }

// Idle reports whether everything in the log is planned, folded and sent, and every operation ended or rests. It is asked
// again and again while people wait, so it counts no contacts, and looks first at what is looked up soonest.
func (a *App) Idle(ctx context.Context) (bool, error) {
	control, position, err := a.Control(ctx)
	if err != nil || slices.ContainsFunc(control.Operations, func(o planner.Operation) bool { return !o.Paused }) {
		return false, err
	}
	head, err := a.Log.Head(ctx)
	if err != nil || position < head.Position {
		return false, err
	}
	counts, err := a.outboxCounts(ctx)
	if err != nil || slices.ContainsFunc(counts, func(c outbox.Count) bool { return c.State != outbox.Dead && c.Rows > 0 }) {
		return false, err
	}
	all, err := a.Runner.Status(ctx)
	return err == nil && !slices.ContainsFunc(all, func(p projections.Status) bool { return p.Lag > 0 }), err
}

// patience is how long a command waits for a connection that is never idle, once what it waits for is done.
const patience = 20 * time.Second

// waitSettled waits until the connection is idle or, where traffic never ends, until nothing decided up to the position
// waits for a system any more.
func (a *App) waitSettled(ctx context.Context, position int64) error {
	idle, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := a.WaitIdle(idle); idle.Err() == nil || ctx.Err() != nil {
		return err
	}
	for {
		_, planned, err := a.Control(ctx)
		if err != nil {
			return err
		}
		oldest, waiting, err := outbox.Oldest(ctx, a.Store, a.Connection)
		if err != nil || planned >= position && (!waiting || oldest > position) {
			return err
		}
		sleep(ctx, 250*time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// WaitIdle waits until the connection was idle on two looks in a row.
func (a *App) WaitIdle(ctx context.Context) error {
	calm := 0
	for calm < 2 {
		idle, err := a.Idle(ctx)
		if err != nil {
			return err
		}
		if calm++; !idle {
			calm = 0
		}
		sleep(ctx, 100*time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}
