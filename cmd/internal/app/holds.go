package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/kept"
)

// privacy is what the acts on that stream come to, up to its last.
type privacy struct {
	last  int64
	holds map[ulid.ULID]httpapi.Hold
	// erasures and their ends, in the order of the log.
	erasures []kept.Entry
}

const privacyPage = 500

// privacy reads holds and erasures.
func (a *App) privacy(ctx context.Context) (privacy, error) {
	p := privacy{holds: map[ulid.ULID]httpapi.Hold{}}
	for {
		events, err := a.Log.ReadStream(ctx, domain.StreamPrivacy, p.last, privacyPage)
		if err != nil {
			return p, fmt.Errorf("read holds: %w", err)
		}
		for _, e := range events {
			if err := p.take(e); err != nil {
				return p, err
			}
		}
		if len(events) < privacyPage {
			return p, nil
		}
	}
}

func (p *privacy) take(e eventstore.Event) error {
	var act domain.Act
	if err := domain.Decode(e.Type, e.Schema, e.Data, &act); err != nil {
		return fmt.Errorf("read %s at %d: %w", e.Type, e.Position, err)
	}
	p.last = e.Position
	switch e.Type {
	case domain.SubjectHeld:
		p.holds[act.Contact] = httpapi.Hold{
			Contact: act.Contact, Reason: act.Reason, By: e.Actor, At: time.UnixMicro(e.RecordedAt).UTC(), Position: e.Position,
		}
	case domain.SubjectReleased:
		delete(p.holds, act.Contact)
	case domain.SubjectErased, domain.SubjectLifted:
		k := entry(e, act)
		if n := len(p.erasures); n > 0 {
			k.After = p.erasures[n-1].ID
		}
		p.erasures = append(p.erasures, k)
	}
	return nil
}

// held returns the hold on any of the ids a contact has had.
func (p *privacy) held(ids []ulid.ULID) (httpapi.Hold, bool) {
	for _, id := range ids {
		if h, ok := p.holds[id]; ok {
			return h, true
		}
	}
	return httpapi.Hold{}, false
}

// Holds lists the contacts that may not be erased, by when that was said.
func (a *App) Holds(ctx context.Context) ([]httpapi.Hold, error) {
	p, err := a.privacy(ctx)
	all := make([]httpapi.Hold, 0, len(p.holds))
	for _, h := range p.holds {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b httpapi.Hold) int { return int(a.Position - b.Position) })
	return all, err
}

// Hold keeps a contact from being erased, until it is released.
func (a *App) Hold(ctx context.Context, contact ulid.ULID, by httpapi.By) (httpapi.Done, error) {
	if strings.TrimSpace(by.Reason) == "" {
		return httpapi.Done{}, fmt.Errorf("%w: a hold needs a reason: who looks for it later will want to know", httpapi.ErrBadInput)
	}
	c, ids, err := a.everyID(ctx, contact)
	if err != nil {
		return httpapi.Done{}, err
	}
	return a.privacyAct(ctx, domain.SubjectHeld, domain.Act{Reason: by.Reason, Contact: c.ID}, by, func(p privacy) error {
		if h, ok := p.held(ids); ok {
			return fmt.Errorf("%w: it is on hold already: %s", httpapi.ErrConflict, h.Reason)
		}
		if c.Erased {
			return fmt.Errorf("%w: it was erased: there is nothing left to keep", httpapi.ErrConflict)
		}
		return nil
	})
}

// Release ends the hold on a contact.
func (a *App) Release(ctx context.Context, contact ulid.ULID, by httpapi.By) (httpapi.Done, error) {
	_, ids, err := a.everyID(ctx, contact)
	if err != nil {
		return httpapi.Done{}, err
	}
	p, err := a.privacy(ctx)
	if err != nil {
		return httpapi.Done{}, err
	}
	h, ok := p.held(ids)
	if !ok {
		return httpapi.Done{}, fmt.Errorf("%w: it is not on hold; duolog hold list shows who is", httpapi.ErrConflict)
	}
	return a.privacyAct(ctx, domain.SubjectReleased, domain.Act{Reason: by.Reason, Contact: h.Contact}, by,
		func(privacy) error { return nil })
}

// privacyAct appends an act after all that it was checked against.
func (a *App) privacyAct(ctx context.Context, kind string, payload domain.Act, by httpapi.By, check func(privacy) error) (
	done httpapi.Done, err error,
) {
	err = again(func() error {
		p, err := a.privacy(ctx)
		if err == nil {
			err = check(p)
		}
		if err != nil {
			return err
		}
		e, err := a.act(kind, domain.StreamPrivacy, payload, by)
		if err != nil {
			return err
		}
		e.ExpectLast = &p.last
		done, err = a.append(ctx, e)
		return err
	})
	return done, err
}
