package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/erased"
)

// Lift lets a person who was erased in again: what is told from then on is stored and synced. What was erased stays so.
func (a *App) Lift(ctx context.Context, contact ulid.ULID, by httpapi.By) (out httpapi.Lifted, err error) {
	if strings.TrimSpace(by.Reason) == "" {
		return out, fmt.Errorf("%w: to let somebody in again needs a reason; it stays in the log", httpapi.ErrBadInput)
	}
	if err := a.listable(ctx); err != nil {
		return out, err
	}
	err = again(func() error {
		out, err = a.liftOnce(ctx, contact, by)
		return err
	})
	if err == nil {
		err = a.keepErasures(ctx)
	}
	return out, err
}

// liftOnce lets in every record of the person, those that joined the erasure included, and lets go of what the person was
// recognised by, for whomever it was kept.
func (a *App) liftOnce(ctx context.Context, contact ulid.ULID, by httpapi.By) (out httpapi.Lifted, err error) {
	p, err := a.privacy(ctx)
	if err != nil {
		return out, err
	}
	c, _, err := a.everyID(ctx, contact)
	if err != nil {
		return out, err
	}
	first := streamsOf(erasedOf(c))
	if len(first) == 0 {
		return out, fmt.Errorf("%w: it was not erased: there is nothing to lift", httpapi.ErrConflict)
	}
	streams, erasures := bound(p.inForce(), first)
	people, err := a.peopleOf(ctx, c, streams)
	if err != nil {
		return out, err
	}
	acts, records, err := a.lifting(append(people, strays(people, streams)...), by)
	if err != nil {
		return out, err
	}
	acts[0].ExpectLast = &p.last
	err = a.Store.InTx(ctx, func(tx eventstore.Tx) error {
		shared, err := erased.Drop(ctx, tx, a.Connection, erasures)
		if err != nil {
			return err
		}
		got, err := tx.Revive(ctx, a.Log, streamsOf(records), acts...)
		if err == nil {
			out = lifted(records, shared)
			out.Position, out.ID = got[0].Position, got[0].ID.String()
		}
		return err
	})
	return out, err
}

// peopleOf are a contact, and those that any of the streams is of.
func (a *App) peopleOf(ctx context.Context, c contacts.Contact, streams []string) ([]contacts.Contact, error) {
	people := []contacts.Contact{c}
	for _, stream := range streams {
		r, err := domain.ParseRecord(stream)
		if err != nil {
			continue
		}
		found, err := a.Contacts.Find(ctx, r.String())
		if err != nil {
			return nil, err
		}
		for _, other := range found {
			if !slices.ContainsFunc(people, func(c contacts.Contact) bool { return c.ID == other.ID }) {
				people = append(people, other)
			}
		}
	}
	return people, nil
}

// strays are the records among the streams that are nobody's yet, each as a contact without an id: they joined, and are yet to be
// planned.
func strays(people []contacts.Contact, streams []string) (all []contacts.Contact) {
	for _, stream := range streams {
		r, err := domain.ParseRecord(stream)
		has := func(c contacts.Contact) bool {
			return slices.ContainsFunc(c.Records, func(o contacts.Record) bool { return o.System == r.System && o.ID == r.ID })
		}
		if err == nil && !slices.ContainsFunc(people, has) {
			all = append(all, contacts.Contact{Records: []contacts.Record{{System: r.System, ID: r.ID, Erased: true}}})
		}
	}
	return all
}

// lifting are the acts that let people in, the first one's first, and the records those let in.
func (a *App) lifting(people []contacts.Contact, by httpapi.By) (acts []eventstore.NewEvent, records []domain.Record, err error) {
	for _, c := range people {
		payload := domain.Act{Reason: by.Reason, Contact: c.ID, Records: erasedOf(c)}
		if len(payload.Records) == 0 {
			continue
		}
		act, err := a.act(domain.SubjectLifted, domain.StreamPrivacy, payload, by)
		if err != nil {
			return nil, nil, err
		}
		acts, records = append(acts, act), append(records, payload.Records...)
	}
	return acts, records, nil
}

// lifted says who was let in, and what that means for others.
func lifted(records []domain.Record, shared int) httpapi.Lifted {
	out := httpapi.Lifted{Records: []string{}, Shared: shared, Notes: []string{}}
	for _, r := range records {
		out.Records = append(out.Records, r.String())
	}
	if shared > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("Of the person's emails and numbers %d were kept of somebody else who was erased, too. "+
			"Nobody is recognised by them any more: whoever else that is stays erased, and may come back under another id that shows "+
			"nothing else.", shared))
	}
	return out
}

func streamsOf(records []domain.Record) (streams []string) {
	for _, r := range records {
		streams = append(streams, r.Stream())
	}
	return streams
}

// erasedOf are the records of a contact that were erased and may be let in again.
func erasedOf(c contacts.Contact) (records []domain.Record) {
	for _, r := range c.Records {
		if r.Erased && r.State != string(planner.Merged) {
			records = append(records, domain.Record{System: r.System, ID: r.ID})
		}
	}
	return records
}
