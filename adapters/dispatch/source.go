package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/lease"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// job is a claimed batch on its way through the Router. It travels in the message's context: the values are personal
// and no message's payload.
type job struct {
	outbox.Batch
	source   *source
	deadline time.Time // with a monotonic reading
}

type jobKey struct{}

// source is a message.Subscriber whose messages are the batches claimed for one system.
type source struct {
	d      *Dispatcher
	name   domain.System
	system adapters.System
	gate   gate
	wake   chan struct{}
	slots  chan struct{} // one for each batch under way
	closed chan struct{}
	once   sync.Once
	under  sync.WaitGroup

	mu   sync.Mutex
	busy map[string]bool // lanes under way
}

func newSource(d *Dispatcher, system adapters.System) *source {
	return &source{
		d: d, name: system.Name(), system: system, gate: gate{now: d.Now},
		wake: make(chan struct{}, 1), slots: make(chan struct{}, d.InFlight), closed: make(chan struct{}),
		busy: map[string]bool{},
	}
}

// Subscribe claims batches until ctx ends or Close; then its channel is closed.
func (s *source) Subscribe(ctx context.Context, _ string) (<-chan *message.Message, error) {
	out := make(chan *message.Message)
	ctx, cancel := context.WithCancelCause(ctx)
	s.under.Go(func() {
		select {
		case <-s.closed:
			cancel(nil)
		case <-s.d.Lease.Lost():
			cancel(lease.ErrLost)
		case <-ctx.Done():
		}
	})
	s.under.Go(func() {
		defer close(out)
		defer cancel(nil)
		s.loop(ctx, out)
	})
	return out, nil
}

// Close stops claiming; batches under way go on.
func (s *source) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

// wait returns when nothing is under way any more.
func (s *source) wait() { s.under.Wait() }

func (s *source) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *source) loop(ctx context.Context, out chan<- *message.Message) {
	for {
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		j, err := s.claim(ctx)
		if err == nil && len(j.Lanes) > 0 {
			out <- s.begin(ctx, j)
			continue
		}
		<-s.slots
		if errors.Is(err, lease.ErrLost) {
			return
		}
		if err != nil && ctx.Err() == nil {
			s.d.Logger.Warn("no commands claimed", slog.String("system", string(s.name)), slog.Any("error", err))
		}
		if !s.rest(ctx) {
			return
		}
	}
}

// rest waits for a wake-up or the next look; false when it is over.
func (s *source) rest(ctx context.Context) bool {
	timer := time.NewTimer(s.d.Poll)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-s.wake:
	case <-timer.C:
	}
	return true
}

// claim takes the next batch, or none while the system is paused.
func (s *source) claim(ctx context.Context) (job, error) {
	if s.gate.shut() || !s.d.Lease.Held() {
		return job{}, nil
	}
	now := s.d.Now()
	claim := outbox.Claim{
		Connection: s.d.Log.Connection(), System: s.name, Epoch: s.d.Lease.Epoch(),
		Limit: min(s.d.Batch, max(1, s.system.Capabilities().Batch)), Tries: s.d.Tries, UrgentOnly: s.d.Paused(), ReadsOnly: s.d.Observing(),
		Since: s.d.Since(),
		Now:   now, Deadline: now.Add(s.d.Attempt), Attempt: s.d.NewID, Busy: s.isBusy, Fence: s.d.Lease.Fence,
	}
	batch, err := claim.Take(ctx, s.d.DB)
	return job{Batch: batch, source: s, deadline: claim.Deadline}, err
}

// begin makes the message that carries the batch, and keeps its lanes and its slot until that is done with. What was
// claimed is finished also after ctx has ended, unless the lease is lost.
func (s *source) begin(ctx context.Context, j job) *message.Message {
	s.hold(j.Batch, true)
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	msg := message.NewMessage(j.Attempt.String(), nil)
	msg.SetContext(context.WithValue(ctx, jobKey{}, j))
	s.under.Go(func() {
		defer cancel(nil)
		select {
		case <-msg.Acked():
		case <-msg.Nacked():
		case <-s.d.Lease.Lost():
			cancel(lease.ErrLost)
			select {
			case <-msg.Acked():
			case <-msg.Nacked():
			}
		}
		s.hold(j.Batch, false)
		<-s.slots
		s.signal()
	})
	return msg
}

func (s *source) hold(b outbox.Batch, busy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, lane := range b.Lanes {
		if name := lane[0].Lane(); busy {
			s.busy[name] = true
		} else {
			delete(s.busy, name)
		}
	}
}

func (s *source) isBusy(lane string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy[lane]
}
