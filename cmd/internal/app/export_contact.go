package app

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/export"
	"github.com/duolog/duolog/projections/contacts"
)

// concerning lists, in order and up to a position, everything about a contact: what its streams hold, all that its
// timeline is told from, the acts that name it, and the bodies nobody could read that name the person.
func (a *App) concerning(ctx context.Context, contact ulid.ULID, through int64) ([]int64, error) {
	if err := a.CatchUp(ctx); err != nil {
		return nil, err
	}
	streams, err := a.Contacts.Streams(ctx, contact)
	if err != nil {
		return nil, err
	}
	all, err := export.Positions(ctx, a.Store, a.Connection, through, streams...)
	if err != nil {
		return nil, err
	}
	told, err := a.History.Events(ctx, contact, contacts.Moment{})
	if err != nil {
		return nil, err
	}
	for _, e := range told {
		all = append(all, e.Position)
	}
	acts, err := a.naming(ctx, streams)
	if err != nil {
		return nil, err
	}
	unread, err := a.unread(ctx, contact)
	if err != nil {
		return nil, err
	}
	all = slices.Concat(all, acts, unread)
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(p int64) bool { return p > through }), nil
}

const actsPage = 500

// naming lists the acts that name one of the streams' records or contacts, wherever in them.
func (a *App) naming(ctx context.Context, streams []string) (positions []int64, err error) {
	names := make([][]byte, len(streams))
	for i, s := range streams {
		names[i] = []byte(`"` + strings.TrimPrefix(s, "contact/") + `"`) // as it stands in JSON
	}
	for _, stream := range []string{streamConnection, domain.StreamPrivacy, streamAccess} {
		for after := int64(0); ; {
			events, err := a.Log.ReadStream(ctx, stream, after, actsPage)
			if err != nil {
				return nil, fmt.Errorf("acts that name a contact: %w", err)
			}
			for _, e := range events {
				after = e.Position
				if slices.ContainsFunc(names, func(name []byte) bool { return bytes.Contains(e.Data, name) }) {
					positions = append(positions, after)
				}
			}
			if len(events) < actsPage {
				break
			}
		}
	}
	return positions, nil
}

// unread lists the bodies that could not be read and name the person, as an erasure finds them.
func (a *App) unread(ctx context.Context, contact ulid.ULID) (positions []int64, err error) {
	c, err := a.Contacts.Get(ctx, contact)
	if err != nil {
		return nil, err
	}
	s, err := a.settingsInForce(ctx)
	if err != nil {
		return nil, err
	}
	subjects, err := a.rawBodies(ctx, namesOf(s, c))
	if err != nil || len(subjects) == 0 {
		return nil, err
	}
	for _, system := range domain.Systems {
		rows, err := a.Store.QueryKeys(ctx, "SELECT position FROM event WHERE connection = $1 AND stream = $2 AND subject IN ($keys)",
			subjects, a.Connection, string(system)+"/raw")
		some, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (p int64, err error) { return p, r.Scan(&p) })
		if err != nil {
			return nil, fmt.Errorf("bodies that name a contact: %w", err)
		}
		positions = append(positions, some...)
	}
	return positions, nil
}
