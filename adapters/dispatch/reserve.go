package dispatch

import (
	"context"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/duolog/duolog/projections/outbound/outbox"
)

// Reserve takes commands over that are about to be committed, as far as they could be claimed right after: the attempt is
// recorded with them, and they leave one transaction earlier. Each batch holds a slot until it is sent or released, and
// its lanes are busy: what no slot is left for waits, and under load leaves in larger batches.
func (d *Dispatcher) Reserve(rows []outbox.Row) []*outbox.Reservation {
	var all []*outbox.Reservation
	for _, s := range d.sources {
		for r := s.reserve(rows); r != nil; r = s.reserve(rows) {
			all = append(all, r)
		}
	}
	return all
}

// Send sends what was inserted of a reservation. It never blocks.
func (d *Dispatcher) Send(r *outbox.Reservation) {
	s := d.sources[r.System]
	s.hold(r.Left(true), -1)
	if len(r.Lanes) == 0 {
		<-s.main.slots
		return
	}
	s.handed <- job{Batch: r.Batch, source: s, deadline: r.Deadline, slot: s.main.slots}
}

// Release gives a reservation back. Should its rows have been inserted after all, they are claimed after the deadline.
func (d *Dispatcher) Release(r *outbox.Reservation) {
	s := d.sources[r.System]
	s.hold(r.Left(false), -1)
	<-s.main.slots
}

func (s *source) reserve(rows []outbox.Row) *outbox.Reservation {
	if !s.open.Load() || s.gate.shut() || !s.d.Lease.Held() {
		return nil
	}
	select {
	case s.main.slots <- struct{}{}:
	default:
		return nil
	}
	r := s.terms(s.main).Reserve(rows)
	if r == nil {
		<-s.main.slots
		return nil
	}
	s.hold(r.Batch, 1)
	return r
}

// relay gives what was handed over to the Router. What comes when it has ended is left to its deadline.
func (s *source) relay(ctx context.Context, out chan<- *message.Message) {
	for {
		select {
		case j := <-s.handed:
			out <- s.begin(ctx, j)
			continue
		case <-ctx.Done():
			s.open.Store(false)
		}
		select {
		case j := <-s.handed:
			out <- s.begin(ctx, j)
		default:
			return
		}
	}
}
