package app

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore/export"
	"github.com/duolog/duolog/projections/contacts"
)

// concerning lists, in order and up to a position, everything about a contact: what its streams hold, all that its
// timeline is told from, and the acts that name it. Bodies that nobody could read are not among them: whom they name is
// looked for widely, which is right for an erasure, and would hand out strangers here.
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
	all = append(all, acts...)
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
