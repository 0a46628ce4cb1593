package httpapi

import (
	"context"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history"
)

// Timeline tells what happened to a contact, oldest first; *history.Reader does.
type Timeline interface {
	stream.Timeline
	Until(ctx context.Context, contact ulid.ULID, at contacts.Moment) ([]history.Entry, error)
}

// History is a page of a contact's timeline.
type History struct {
	Contact string          `json:"contact" doc:"ULID"`
	Entries []history.Entry `json:"entries" doc:"Changes with what each caused, oldest first"`
	Next    int64           `json:"next,omitempty" doc:"Send as after for the next page; absent at the end"`
}

type historyInput struct {
	Connection string `path:"connection" maxLength:"100"`
	ID         string `path:"id" maxLength:"100" doc:"ULID, hubspot:ID or aloware:ID"`
	After      int64  `query:"after" minimum:"0" doc:"Position to read after"`
	Limit      int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	MomentInput
}

func (a *api) contactHistory(ctx context.Context, in *historyInput) (*body[History], error) {
	conn, id, at, err := a.asked(ctx, in.Connection, in.ID, in.MomentInput)
	if err != nil {
		return nil, err
	}
	if conn.History == nil {
		return nil, fmt.Errorf("%w: this connection has no history here", ErrNotFound)
	}
	all, err := conn.History.Until(ctx, id, at)
	if err != nil {
		return nil, err
	}
	if err := conn.looked(ctx, domain.AccessHistory, id); err != nil {
		return nil, err
	}
	out := History{Contact: id.String(), Entries: []history.Entry{}}
	for _, e := range all {
		if e.Position <= in.After {
			continue
		}
		if len(out.Entries) == in.Limit {
			out.Next = out.Entries[in.Limit-1].Position
			break
		}
		out.Entries = append(out.Entries, e)
	}
	return &body[History]{out}, nil
}
