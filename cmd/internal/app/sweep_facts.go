package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound"
)

// append stores what differs from what was seen.
func (s *sweep) append(ctx context.Context, seen []adapters.Snapshot) error {
	observed := make([]outbound.Observed, len(seen))
	for i, p := range seen {
		observed[i] = outbound.Observed{Record: p.Record, Properties: p.Properties}
	}
	which, err := outbound.Differing(ctx, s.Store, s.Log, observed)
	if err != nil {
		return err
	}
	var events []eventstore.NewEvent
	for _, i := range which {
		p := seen[i]
		e, err := s.fact(domain.RecordObserved, p.Record, domain.Fact{
			Via: "scan", Properties: p.Properties, Complete: true, Clock: p.Clock, Clocks: p.Clocks, Merged: p.Aliases,
		})
		if err != nil {
			return err
		}
		events = append(events, e)
	}
	return s.store(ctx, events)
}

// gone stores that a record was not there when the read of it began: one restored since is not gone.
func (s *sweep) gone(ctx context.Context, r domain.Record, began time.Time) error {
	e, err := s.fact(domain.RecordAbsent, r, domain.Fact{Via: "scan", Clock: began.UnixMicro()})
	if err != nil {
		return err
	}
	return s.store(ctx, []eventstore.NewEvent{e})
}

func (s *sweep) fact(kind string, r domain.Record, f domain.Fact) (eventstore.NewEvent, error) {
	data, err := json.Marshal(f)
	if err != nil {
		return eventstore.NewEvent{}, fmt.Errorf("fact of %s: a value is not JSON", r)
	}
	return eventstore.NewEvent{
		ID: s.NewID(), Stream: r.Stream(), Type: kind, Schema: domain.SchemaOf(kind), OccurredAt: f.Clock,
		Actor: string(r.System), Subject: r.Stream(), Data: data,
	}, nil
}

func (s *sweep) store(ctx context.Context, events []eventstore.NewEvent) error {
	if len(events) > 0 {
		if _, err := s.Log.Append(ctx, events...); err != nil {
			return err
		}
	}
	s.sum.Facts += int64(len(events))
	if s.progress != nil {
		s.progress(s.sum)
	}
	return nil
}
