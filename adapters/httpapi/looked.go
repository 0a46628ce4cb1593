package httpapi

import (
	"context"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/contacts"
)

// looked puts into the log that the holder of the request's token looks at personal data. A consumer that reads is no
// news: what it may see stands in the act that made its token.
func (c Connection) looked(ctx context.Context, what string, people ...ulid.ULID) error {
	who := identity(ctx)
	if c.Looked == nil || who.Role == Consumer {
		return nil
	}
	return c.Looked(ctx, what, By{Actor: who.Actor()}, people...)
}

// readsFeed is looked for events: it returns what of values the holder may see in them.
func (c Connection) readsFeed(ctx context.Context) (data string, err error) {
	if data = identity(ctx).data(); data != DataIDs {
		err = c.looked(ctx, domain.AccessFeed)
	}
	return data, err
}

func idsOf(list []contacts.Contact) []ulid.ULID {
	ids := make([]ulid.ULID, len(list))
	for i, c := range list {
		ids[i] = c.ID
	}
	return ids
}
