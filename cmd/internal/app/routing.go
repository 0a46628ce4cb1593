package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/catalogs"
)

// newestFirst orders deals by when they were made, and those of a moment by id.
func newestFirst(a, b catalogs.DealOf) int {
	return cmp.Or(cmp.Compare(madeAt(b), madeAt(a)), cmp.Compare(a.ID, b.ID))
}

func madeAt(d catalogs.DealOf) int64 {
	if d.Deal == nil {
		return 0
	}
	return d.Deal.Created
}

// DealOwner says which user of Aloware a caller is put through to: the owner, by email, of the newest open deal of
// whoever has the number. Where that leads to nobody the next deal is tried. It takes look-ups by index only.
func (a *App) DealOwner(ctx context.Context, phone string) (httpapi.Route, error) {
	holders, err := a.Contacts.Holders(ctx, phone)
	var unreadable *domain.InvalidError
	if errors.As(err, &unreadable) {
		return httpapi.Route{}, fmt.Errorf("%w: this is not a phone number: write it like +14155550132", httpapi.ErrBadInput)
	}
	if err != nil {
		return httpapi.Route{}, err
	}
	if len(holders) == 0 {
		return httpapi.Route{Reason: httpapi.RouteUnknown}, nil
	}
	var streams []string
	contact := map[string]string{}
	for _, h := range holders {
		for _, stream := range h.Records {
			streams, contact[stream] = append(streams, stream), h.Contact.String()
		}
	}
	found, err := a.Catalogs.Deals(ctx, streams...)
	if err != nil {
		return httpapi.Route{}, err
	}
	l, err := a.labels(ctx)
	if err != nil {
		return httpapi.Route{}, err
	}
	return l.route(ctx, found, contact)
}

// route tries the open deals, newest first. When none leads to a user the reason is that of the newest.
func (l *labels) route(ctx context.Context, found []catalogs.DealOf, contact map[string]string) (httpapi.Route, error) {
	found = slices.DeleteFunc(found, func(d catalogs.DealOf) bool { return !l.open(d) })
	slices.SortStableFunc(found, newestFirst)
	found = slices.CompactFunc(found, func(a, b catalogs.DealOf) bool { return a.ID == b.ID })
	if len(found) == 0 {
		return httpapi.Route{Reason: httpapi.RouteNoDeal}, nil
	}
	var first *httpapi.Route
	for _, d := range found {
		r := httpapi.Route{Contact: contact[d.Record], Open: len(found), Deal: &httpapi.RouteDeal{
			ID: d.ID, URL: l.app.dealURL(l.portal, d.ID),
		}}
		r.Deal.Pipeline, r.Deal.Stage = l.place(*d.Deal)
		if err := l.routeTo(ctx, &r, d.Deal.Owner); err != nil {
			return r, err
		}
		if r.User != nil {
			return r, nil
		}
		if first == nil {
			first = &r
		}
	}
	return *first, nil
}

func (l *labels) routeTo(ctx context.Context, r *httpapi.Route, owner string) error {
	if owner == "" {
		r.Reason = httpapi.RouteNoOwner
		return nil
	}
	e, err := l.owner(ctx, owner)
	if err != nil {
		return err
	}
	if e == nil {
		r.Reason, r.Owner = httpapi.RouteOwnerGone, &httpapi.Owner{ID: owner}
		return nil
	}
	r.Reason, r.Owner = httpapi.RouteNoUserHere, ownerOf(e)
	user, err := l.app.Catalogs.UserOf(ctx, *e)
	if user != nil {
		r.Reason, r.User = httpapi.RouteFound, ownerOf(user)
	}
	return err
}
