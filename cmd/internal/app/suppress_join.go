package app

import (
	"context"
	"fmt"

	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/erased"
)

// JoinErasure has the record that a refused event shows join the erasure of the person it is, and reports whether that was
// why it was refused: from then on it is suppressed like the others. The record alone is erased here and now; what else has
// become the person's meanwhile is taken by remainder.
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
	if found[0].key.Kind == identity.KindPhone { // a number counts for nobody who has an email
		if err := a.CatchUp(ctx); err != nil {
			return false, err
		}
	}
	p, err := a.privacy(ctx)
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

// join erases a record that was recognised.
func (a *App) join(ctx context.Context, p *privacy, f recognised) error {
	if p.gone(f.record) {
		return nil
	}
	payload := domain.Act{Records: []domain.Record{f.record}, Cause: f.erasure}
	payload.Reason = fmt.Sprintf("it shows the %s of a person who was erased", f.key.Kind)
	act, err := a.act(domain.SubjectErased, domain.StreamPrivacy, payload, duolog)
	if err != nil {
		return err
	}
	act.ExpectLast, act.Causation = &p.last, p.at(f.erasure)
	return a.Store.InTx(ctx, func(tx eventstore.Tx) error {
		if err := a.clearFound(ctx, tx, []string{f.record.Stream()}); err != nil {
			return err
		}
		_, err := tx.Erase(ctx, a.Log, []string{f.record.Stream()}, act)
		return err
	})
}

// storeRefused stores an event that was refused because its person was erased.
func (a *App) storeRefused(ctx context.Context, e *eventstore.NewEvent, store func(eventstore.NewEvent) error) error {
	return ingest.StoreRefused(ctx, a.Log.Vault(), e, a.JoinErasure, store)
}
