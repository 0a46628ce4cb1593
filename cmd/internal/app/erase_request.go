package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/projections/contacts"
)

// eraseRequested erases whom HubSpot deleted on request, once the delay is over. Nobody is while a guard holds the sync: it
// may have been a mistake, and a person will look. A hold keeps one as long as it is not released.
func (e *engine) eraseRequested(ctx context.Context) error {
	c := *e.control.Load()
	if c.Guard.Holds() {
		return nil
	}
	for _, r := range c.Requests {
		if e.now().Before(time.UnixMicro(r.At).Add(c.Settings.Contacts.PrivacyWait())) {
			continue
		}
		if err := e.eraseRecord(ctx, r.Record.String()); err != nil {
			return err
		}
	}
	return nil
}

// eraseRecord erases the contact of a record, unless it is on hold.
func (e *engine) eraseRecord(ctx context.Context, record string) error {
	if err := e.CatchUp(ctx); err != nil {
		return err
	}
	found, err := e.Contacts.Find(ctx, record)
	if err != nil || len(found) == 0 {
		return err // not folded yet
	}
	_, err = e.Erase(ctx, found[0].ID, httpapi.Erasing{}, httpapi.By{Actor: duolog.Actor, Reason: "privacy deletion in HubSpot"})
	switch {
	case err == nil:
		e.Logger.Info("a person deleted in HubSpot on request was erased", slog.String("record", record))
		return nil
	case errors.Is(err, ErrHeld), errors.Is(err, errErasedBefore), errors.Is(err, contacts.ErrNotFound):
		return nil
	}
	return fmt.Errorf("erase %s: %w", record, err)
}
