package httpapi

import (
	"context"
	"fmt"
	"time"

	"github.com/duolog/duolog/adapters/ingest"
)

type rejectedInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Limit      int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

// NotTaken is a delivery or an item that did not become a fact.
type NotTaken struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Kind     string    `json:"kind" doc:"rejected, raw, parked or unknown"`
	System   string    `json:"system"`
	Status   int       `json:"status" doc:"HTTP status answered"`
	Reason   string    `json:"reason"`
	URL      string    `json:"expected_url,omitempty" doc:"What a signature was checked against"`
	Offered  []string  `json:"offered,omitempty"`
	Account  string    `json:"account,omitempty"`
	Vendor   string    `json:"vendor,omitempty"`
	Position int64     `json:"position,omitempty"`
}

type notTakenList struct {
	Rejected []NotTaken `json:"rejected"`
}

func (a *api) rejected(ctx context.Context, in *rejectedInput) (*body[notTakenList], error) {
	conn, err := a.connection(in.Connection)
	if err != nil {
		return nil, err
	}
	if conn.Rejected == nil {
		return nil, fmt.Errorf("%w: this connection keeps no list", ErrNotFound)
	}
	lines, err := conn.Rejected.List(ctx, in.Connection, in.Limit)
	if err != nil {
		return nil, err
	}
	out := notTakenList{Rejected: make([]NotTaken, len(lines))}
	for i, l := range lines {
		out.Rejected[i] = notTaken(l)
	}
	return &body[notTakenList]{out}, nil
}

func notTaken(l ingest.Line) NotTaken {
	return NotTaken{
		ID: l.ID.String(), At: time.UnixMicro(l.At).UTC(), Kind: l.Kind, System: string(l.System), Status: l.Status,
		Reason: l.Reason, URL: l.URL, Offered: l.Offered, Account: l.Account, Vendor: l.Vendor, Position: l.Position,
	}
}
