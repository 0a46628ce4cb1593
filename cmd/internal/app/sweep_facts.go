package app

import (
	"context"
	"errors"
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
		observed[i] = outbound.Observed{Record: p.Record, Properties: p.Properties, Lacks: p.Lacks}
	}
	which, err := outbound.Differing(ctx, s.Store, s.Log, observed)
	if err != nil {
		return err
	}
	var events []eventstore.NewEvent
	for _, i := range which {
		e, err := s.fact(domain.RecordObserved, seen[i].Record, observation(domain.ViaScan, seen[i]))
		if err != nil {
			return err
		}
		events = append(events, e)
	}
	return s.store(ctx, events)
}

// gone stores that a record was not there when the read of it began: one restored since is not gone.
func (s *sweep) gone(ctx context.Context, r domain.Record, began time.Time) error {
	e, err := s.fact(domain.RecordAbsent, r, domain.Fact{Via: domain.ViaScan, Clock: began.UnixMicro()})
	if err != nil {
		return err
	}
	return s.store(ctx, []eventstore.NewEvent{e})
}

func (s *sweep) store(ctx context.Context, events []eventstore.NewEvent) error {
	if len(events) > 0 {
		_, err := s.Log.Append(ctx, events...)
		if errors.Is(err, eventstore.ErrErased) {
			err = s.storeEach(ctx, events)
		}
		if err != nil {
			return err
		}
	}
	s.sum.Facts += int64(len(events))
	for _, e := range events {
		s.drift[domain.System(e.Actor)]++
	}
	if s.progress != nil {
		s.progress(s.sum)
	}
	return nil
}

// storeEach appends one by one: of what belongs to an erased person is stored that it came.
func (s *sweep) storeEach(ctx context.Context, events []eventstore.NewEvent) error {
	for i := range events {
		_, err := s.Log.Append(ctx, events[i])
		if errors.Is(err, eventstore.ErrErased) {
			err = s.storeRefused(ctx, &events[i], func(e eventstore.NewEvent) error {
				_, err := s.Log.Append(ctx, e)
				return err
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
