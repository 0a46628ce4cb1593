package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/kept"
	"github.com/duolog/duolog/projections/erased"
)

// eraseAgain makes an erasure again, or the end of one, that the log has forgotten: all of it or nothing, since the log then
// counts as one that knows. Each contact that the records are of now gets an act of its own. It may be done again.
func (a *App) eraseAgain(ctx context.Context, e kept.Entry) error {
	c, err := a.closureAgain(ctx, e)
	if err != nil {
		return err
	}
	acts, err := a.actsAgain(ctx, e, &c)
	if err != nil {
		return err
	}
	p, err := a.privacy(ctx)
	if err != nil {
		return err
	}
	err = a.Store.InTx(ctx, func(tx eventstore.Tx) error {
		if e.Lifted {
			_, erasures := bound(p.inForce(), c.streams())
			if _, err := erased.Drop(ctx, tx, a.Connection, erasures); err != nil {
				return err
			}
			_, err := tx.Revive(ctx, a.Log, c.streams(), acts...)
			return err
		}
		outcomes, err := a.clear(ctx, tx, &c)
		if err != nil {
			return err
		}
		if err := erased.Keep(ctx, tx, a.Connection, e.Origin(), e.Identifiers); err != nil {
			return err
		}
		_, err = tx.Erase(ctx, a.Log, append(c.streams(), c.others()...), slices.Concat(acts, outcomes)...)
		return err
	})
	if err != nil {
		return fmt.Errorf("make the erasure at %d again: %w", e.Position, err)
	}
	return nil
}

// standing are records of an erasure that are one contact's now.
type standing struct {
	contact ulid.ULID
	records []domain.Record
}

// stand tells whose the records of an erasure are now. One that is not known yet is whose it was.
func (a *App) stand(ctx context.Context, e kept.Entry) ([]standing, error) {
	if err := a.CatchUp(ctx); err != nil {
		return nil, err
	}
	all := []standing{{contact: e.Contact}}
	for _, stream := range e.Streams {
		r, err := domain.ParseRecord(stream)
		if err != nil {
			return nil, fmt.Errorf("list of erasures: %w", err)
		}
		contact := e.Contact
		found, err := a.Contacts.Find(ctx, r.String())
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			contact = found[0].ID
		}
		i := slices.IndexFunc(all, func(s standing) bool { return s.contact == contact })
		if i < 0 {
			i, all = len(all), append(all, standing{contact: contact})
		}
		all[i].records = append(all[i].records, r)
	}
	if len(all[0].records) == 0 && len(all) > 1 { // bodies go with whoever comes first
		all = all[1:]
	}
	return all, nil
}

// actsAgain are the acts by which it is done, and adds to the closure the records that are in them.
func (a *App) actsAgain(ctx context.Context, e kept.Entry, c *closure) (acts []eventstore.NewEvent, err error) {
	kind := domain.SubjectErased
	if e.Lifted {
		kind = domain.SubjectLifted
	}
	all, err := a.stand(ctx, e)
	for _, s := range all {
		act, err := a.act(kind, domain.StreamPrivacy, domain.Act{
			Reason:  fmt.Sprintf("done on %s at #%d, and lost when the log was put back", time.UnixMicro(e.At).UTC().Format(time.RFC3339), e.Position),
			Contact: s.contact, Records: s.records, Subjects: e.Subjects, Again: e.Origin(), Identifiers: e.Identifiers, Cause: e.Cause,
		}, duolog)
		if err != nil {
			return nil, err
		}
		acts = append(acts, once(act, a.Log.Vault().Blind("erased again", e.Origin().String()+" "+s.contact.String())))
		c.records = append(c.records, s.records...)
	}
	return acts, err
}

// forgotten makes sure that the list holds what was made again, and that the database's files let go of it.
func (a *App) forgotten(ctx context.Context) error {
	return errors.Join(a.keepErasures(ctx), a.Store.Scrub(ctx, scrubbed...))
}

// closureAgain is what an erasure takes beside the records when it is made again.
func (a *App) closureAgain(ctx context.Context, e kept.Entry) (closure, error) {
	parked, err := ingest.ParkedBodies(ctx, a.Store, a.Log)
	return closure{raw: e.Subjects, parked: slices.DeleteFunc(parked, func(p ingest.ParkedBody) bool {
		return !slices.Contains(e.Subjects, p.Subject)
	})}, err
}
