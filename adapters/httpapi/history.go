package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"
)

// Timeline tells what happened to a contact, oldest first: events after a position, at most limit of them.
type Timeline interface {
	Timeline(ctx context.Context, contact ulid.ULID, after int64, limit int) ([]HistoryEntry, error)
}

// HistoryEntry is one event in a contact's life.
type HistoryEntry struct {
	Position   int64     `json:"position"`
	At         time.Time `json:"at" doc:"When it was recorded"`
	OccurredAt time.Time `json:"occurred_at" doc:"The system's clock"`
	Type       string    `json:"type"`
	System     string    `json:"system,omitempty"`
	Record     string    `json:"record,omitempty"`
	Actor      string    `json:"actor,omitempty" doc:"Who did it, as far as the system tells"`
	Result     string    `json:"result,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	Causation  int64     `json:"causation,omitempty"`
	Changes    []Change  `json:"changes,omitempty"`
	Erased     bool      `json:"erased,omitempty"`
}

// Change is one property before and after.
type Change struct {
	Field    string          `json:"field,omitempty"`
	Property string          `json:"property,omitempty"`
	Before   json.RawMessage `json:"before,omitempty"`
	After    json.RawMessage `json:"after,omitempty"`
	Result   string          `json:"result,omitempty"`
	Reason   string          `json:"reason,omitempty"`
}

// History is a page of a contact's timeline.
type History struct {
	Contact string         `json:"contact"`
	Entries []HistoryEntry `json:"entries"`
	Next    int64          `json:"next,omitempty" doc:"Send as after for the next page; absent at the end"`
}

type historyInput struct {
	Connection string `path:"connection" maxLength:"100"`
	ID         string `path:"id" maxLength:"100" doc:"ULID, hubspot:ID or aloware:ID"`
	After      int64  `query:"after" minimum:"0" doc:"Position to read after"`
	Limit      int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

func (a *api) contactHistory(ctx context.Context, in *historyInput) (*body[History], error) {
	conn, err := a.contacts(in.Connection)
	if err != nil {
		return nil, err
	}
	if conn.History == nil {
		return nil, fmt.Errorf("%w: this connection has no history here", ErrNotFound)
	}
	id, err := contactID(ctx, conn.Contacts, in.ID)
	if err != nil {
		return nil, err
	}
	entries, err := conn.History.Timeline(ctx, id, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	out := History{Contact: id.String(), Entries: entries}
	if len(entries) == in.Limit {
		out.Next = entries[len(entries)-1].Position
	}
	return &body[History]{out}, nil
}
