package app

import (
	"context"
	"fmt"

	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/erased"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// JoinErasure has the record that a refused event shows join the erasure of the person it is, and reports whether that was
// why it was refused: from then on it is suppressed like the others. The record alone is erased here and now; what else has
// become the person's meanwhile is taken by remainder, and what comes of a create that is under way joins when it is told of.
func (a *App) JoinErasure(ctx context.Context, e eventstore.NewEvent) (joined bool, err error) {
	err = again(func() error {
		joined, err = a.joinOnce(ctx, e)
		return err
	})
	return joined, err
}

func (a *App) joinOnce(ctx context.Context, e eventstore.NewEvent) (bool, error) {
	if a.screen == nil {
		return false, nil // an App that was not opened looks nobody up, so that was not why
	}
	if _, err := a.Log.Head(ctx); err != nil { // so that what refused it hears of those another process has let in
		return false, err
	}
	tokens, err := erased.Tokens(ctx, a.Store, a.Connection)
	if err != nil {
		return false, err
	}
	found, err := a.screen.find(ctx, tokens, e)
	if err != nil || len(found) == 0 {
		return false, err
	}
	p, err := a.privacy(ctx)
	if err == nil && (found[0].key.Kind == identity.KindPhone || p.lifts()) { // then it counts whose the record is, and what else that shows
		err = a.Runner.CatchUpOf(ctx, contacts.Name)
	}
	if err != nil {
		return false, err
	}
	for _, f := range found {
		spared, err := a.screen.spares(ctx, &p, f)
		if err != nil {
			return false, err
		}
		if !spared {
			return true, a.join(ctx, &p, f)
		}
	}
	return false, nil
}

// join erases a record that was recognised. What it is on its way to become on the other side is recognised as well.
func (a *App) join(ctx context.Context, p *privacy, f recognised) error {
	if p.gone(f.record) {
		return nil
	}
	set, err := a.settingsInForce(ctx)
	if err != nil {
		return err
	}
	payload := domain.Act{Records: []domain.Record{f.record}, Cause: f.erasure, Reason: f.why()}
	streams := []string{f.record.Stream()}
	return a.Store.InTx(ctx, func(tx eventstore.Tx) error {
		if _, err := a.alone(ctx, tx); err != nil { // a create that is decided on meanwhile would be in neither
			return err
		}
		removed, left, err := outbox.Erase(ctx, tx, a.Connection, streams)
		if err == nil {
			payload.Identifiers, err = a.comingOf(ctx, set, removed, left)
		}
		if err != nil {
			return err
		}
		act, err := a.act(domain.SubjectErased, domain.StreamPrivacy, payload, duolog)
		if err != nil {
			return err
		}
		act.ExpectLast, act.Causation = &p.last, p.at(f.erasure)
		if err := erased.Keep(ctx, tx, a.Connection, act.ID, payload.Identifiers); err != nil {
			return err
		}
		if err := a.clearFound(ctx, tx, streams); err != nil {
			return err
		}
		outcomes, err := a.withdrawn(removed)
		if err != nil {
			return err
		}
		_, err = tx.Erase(ctx, a.Log, streams, append([]eventstore.NewEvent{act}, outcomes...)...)
		return err
	})
}

// why a record joins.
func (r recognised) why() string {
	if r.key.Kind == erased.KindMade {
		return "a create that was under way when its person was erased made it"
	}
	return fmt.Sprintf("it shows the %s of a person who was erased", r.key.Kind)
}

// storeRefused stores an event that was refused because its person was erased.
func (a *App) storeRefused(ctx context.Context, e *eventstore.NewEvent, store func(eventstore.NewEvent) error) error {
	return ingest.StoreRefused(ctx, a.Log.Vault(), e, a.JoinErasure, store)
}
