package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore/kept"
	"github.com/duolog/duolog/projections/contacts"
)

// remainder erases what had become the person's before a record joined an erasure: its counterpart, what waits to be sent, bodies
// nobody could read. It is the owner's, from the first event on whenever it starts, and may be done again.
type remainder struct {
	*engine
	after int64
}

func (r *remainder) complete(ctx context.Context) error {
	events, err := r.Log.ReadStream(ctx, domain.StreamPrivacy, r.after, privacyPage)
	if err != nil || len(events) == 0 {
		return err
	}
	_, planned, err := r.Control(ctx)
	if err != nil {
		return err
	}
	p, err := r.privacy(ctx)
	if err == nil {
		err = r.CatchUp(ctx)
	}
	if err != nil {
		return err
	}
	lately, all := false, p.inForce()
	inForce := func(id ulid.ULID) bool {
		return slices.ContainsFunc(all, func(k kept.Entry) bool { return k.ID == id })
	}
	for _, e := range events {
		if e.Position > planned {
			break // the planner has yet to say whose the record is
		}
		var act domain.Act
		if err := domain.Decode(e.Type, e.Schema, e.Data, &act); err != nil {
			return fmt.Errorf("read %s at %d: %w", e.Type, e.Position, err)
		}
		if e.Type == domain.SubjectErased && !act.Cause.IsZero() && act.Contact.IsZero() && inForce(e.ID) {
			lately = lately || r.now().Sub(time.UnixMicro(e.RecordedAt)) < time.Hour
			if err := r.of(ctx, &p, act); err != nil {
				return err
			}
		}
		r.after = e.Position
	}
	if lately { // the files have not let go of it, or an owner that died since may not have come to that
		return r.forgotten(ctx)
	}
	return nil
}

func (r *remainder) of(ctx context.Context, p *privacy, act domain.Act) error {
	for _, record := range act.Records {
		found, err := r.Contacts.Find(ctx, record.String())
		if err != nil || len(found) == 0 {
			return err
		}
		if !slices.ContainsFunc(found[0].Records, func(c contacts.Record) bool { return !c.Erased }) || p.letInAny(found[0], act.Cause) {
			continue
		}
		_, err = r.erase(ctx, found[0].ID, erasing{httpapi.Erasing{ForgetIdentifiers: true}, act.Cause}, httpapi.By{
			Actor: duolog.Actor, Reason: "a record of the contact shows an identifier of a person who was erased",
		})
		switch {
		case err == nil:
			r.Logger.Info("somebody who was erased came back under another id, and was erased again", slog.String("record", record.String()))
		case errors.Is(err, ErrHeld), errors.Is(err, errErasedBefore), errors.Is(err, contacts.ErrNotFound):
		default:
			return fmt.Errorf("erase the contact of %s: %w", record, err)
		}
	}
	return nil
}
