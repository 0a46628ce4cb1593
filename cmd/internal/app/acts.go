package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// Streams of acts.
const (
	streamConnection = "connection"
	streamSettings   = "settings"
	streamAccess     = "access"
)

// duolog is who acts when nobody asked.
var duolog = httpapi.By{Actor: "duolog"}

// act is an event that says what a person or Duolog itself did.
func (a *App) act(kind, stream string, payload any, by httpapi.By) (eventstore.NewEvent, error) {
	data, err := json.Marshal(payload)
	if err != nil {
		return eventstore.NewEvent{}, fmt.Errorf("%s: %w", kind, err)
	}
	if by.Actor == "" {
		by.Actor = a.Actor
	}
	return eventstore.NewEvent{
		ID: a.NewID(), Stream: stream, Type: kind, Schema: domain.SchemaOf(kind), Actor: by.Actor,
		Subject: eventstore.SubjectLog, Data: data,
	}, nil
}

// once has an act go by a dedupe key: however often it is appended, it happens once.
func once(e eventstore.NewEvent, key []byte) eventstore.NewEvent {
	e.ID, e.Key = eventstore.KeyedID(e.ID, key), key
	return e
}

// Act appends one act.
func (a *App) Act(ctx context.Context, kind string, payload any, by httpapi.By) (httpapi.Done, error) {
	e, err := a.act(kind, streamConnection, payload, by)
	if err != nil {
		return httpapi.Done{}, err
	}
	return a.append(ctx, e)
}

func (a *App) append(ctx context.Context, events ...eventstore.NewEvent) (httpapi.Done, error) {
	done, err := a.Log.Append(ctx, events...)
	if err != nil {
		return httpapi.Done{}, a.whither(ctx, err)
	}
	return httpapi.Done{Position: done[0].Position, ID: done[0].ID.String()}, nil
}

// SetMode says what the planner may do from now on. Nothing is sent retroactively.
func (a *App) SetMode(ctx context.Context, m httpapi.ModeChange, by httpapi.By) (httpapi.Done, error) {
	if m.Filter != "" {
		s, err := a.settingsInForce(ctx)
		if err != nil {
			return httpapi.Done{}, err
		}
		if _, err := s.ParseFilter(m.Filter); err != nil {
			return httpapi.Done{}, fmt.Errorf("%w: filter: %w", httpapi.ErrBadInput, err)
		}
	}
	return a.Act(ctx, domain.ModeChanged, domain.Act{
		Reason: by.Reason, Mode: m.Mode, Filter: m.Filter, MaxWrites: m.MaxWrites,
	}, by)
}

// Pause stops planning and sending; facts are still stored.
func (a *App) Pause(ctx context.Context, by httpapi.By) (httpapi.Done, error) {
	return a.Act(ctx, domain.SyncPaused, domain.Act{Reason: by.Reason}, by)
}

// Resume goes on: contacts that changed meanwhile are planned once each.
func (a *App) Resume(ctx context.Context, by httpapi.By) (httpapi.Done, error) {
	return a.Act(ctx, domain.SyncResumed, domain.Act{Reason: by.Reason}, by)
}

// Retry takes a command out of the outbox and has its contact planned again from the present: it never resends.
func (a *App) Retry(ctx context.Context, command ulid.ULID, by httpapi.By) (httpapi.Done, error) {
	return a.settle(ctx, command, domain.ResultWithdrawn, domain.CommandRetried, by)
}

// Discard gives a command up for good; its fields stay apart until their source changes again.
func (a *App) Discard(ctx context.Context, command ulid.ULID, by httpapi.By) (httpapi.Done, error) {
	return a.settle(ctx, command, domain.ResultDiscarded, domain.CommandDiscarded, by)
}

func (a *App) settle(ctx context.Context, command ulid.ULID, result, kind string, by httpapi.By) (httpapi.Done, error) {
	var done httpapi.Done
	err := a.Store.InTx(ctx, func(tx eventstore.Tx) error {
		rows, err := outbox.Withdraw(ctx, tx, a.Connection, command)
		switch {
		case err != nil:
			return err
		case len(rows) == 0:
			return errNotWaiting
		}
		outcome, err := outbox.Outcome(a.Log.Vault(), rows[0].Row, domain.Outcome{
			Result: result, Reason: domain.ReasonPerson, Attempts: rows[0].Attempts,
		}, a.NewID())
		if err != nil {
			return err
		}
		act, err := a.act(kind, streamConnection, domain.Act{Reason: by.Reason, Command: command, Contact: rows[0].Contact}, by)
		if err != nil {
			return err
		}
		got, err := tx.Append(ctx, a.Log, outcome, act)
		if err == nil {
			done = httpapi.Done{Position: got[1].Position, ID: got[1].ID.String()}
		}
		return err
	})
	if errors.Is(err, errNotWaiting) {
		return a.settleOrphan(ctx, command, result, kind, by)
	}
	return done, err
}
