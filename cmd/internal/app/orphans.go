package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/outbound"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// outbox is what waits for a system, and what should.
func (a *App) outbox() httpapi.Outbox {
	return httpapi.Outbox{DB: a.Store, Log: a.Log, Connection: a.Connection}
}

// Orphaned lists commands that were decided and have neither an outcome nor a row in the outbox.
func (a *App) Orphaned(ctx context.Context) ([]outbox.Entry, error) { return a.outbox().Orphaned(ctx) }

// errNotWaiting: no row is the command's.
var errNotWaiting = fmt.Errorf("it is not waiting: %w", httpapi.ErrNotFound)

// clocksApart is how far the clock that made a command's id may be from that of the log.
const clocksApart = time.Hour

// settleOrphan ends a command that has no row: an outcome says so in place of the one it never had.
func (a *App) settleOrphan(ctx context.Context, command ulid.ULID, result, kind string, by httpapi.By) (httpapi.Done, error) {
	after, err := a.Contacts.PositionAt(ctx, command.Timestamp().Add(-clocksApart))
	if err != nil {
		return httpapi.Done{}, err
	}
	all, err := outbound.Orphans(ctx, a.Store, a.Log, after)
	if err != nil {
		return httpapi.Done{}, err
	}
	i := slices.IndexFunc(all, func(e outbox.Entry) bool { return e.Command == command })
	if i < 0 {
		return httpapi.Done{}, fmt.Errorf("command %s: %w", command, errNotWaiting)
	}
	outcome, err := outbox.Outcome(a.Log.Vault(), all[i].Row, domain.Outcome{Result: result, Reason: domain.ReasonPerson}, a.NewID())
	if err != nil {
		return httpapi.Done{}, err
	}
	act, err := a.act(kind, streamConnection, domain.Act{Reason: by.Reason, Command: command, Contact: all[i].Contact}, by)
	if err != nil {
		return httpapi.Done{}, err
	}
	done, err := a.Log.Append(ctx, outcome, act)
	if err != nil {
		return httpapi.Done{}, a.whither(ctx, err)
	}
	return httpapi.Done{Position: done[1].Position, ID: done[1].ID.String()}, nil
}
