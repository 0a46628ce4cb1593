package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
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
	slot     chan struct{}
}

// urgent reports whether the batch holds what overtakes the queue.
func (j job) urgent() bool {
	return slices.ContainsFunc(j.Entries(), func(e *outbox.Entry) bool { return e.Urgent })
}

type jobKey struct{}

// source is a message.Subscriber whose messages are the batches claimed for one system.
type source struct {
	d      *Dispatcher
	name   domain.System
	system adapters.System
	gate   gate
	stride stride
	main   claimer
	first  claimer // for what is urgent alone: it waits for no slot
	closed chan struct{}

	// claiming holds who claims now: what one claimer claims, the other finds busy. It is no mutex, for it is held through
	// a transaction, and who waits for it must hear that the lease is lost.
	claiming chan struct{}
	once     sync.Once
	under    sync.WaitGroup

	mu   sync.Mutex
	busy map[string]bool // lanes under way
}

// claimer is a loop that claims batches.
type claimer struct {
	wake  chan struct{}
	slots chan struct{} // one for each batch under way
	first bool
	// idle: its last look found nothing due. That a batch is done with gives it no reason to look again.
	idle *atomic.Bool
}

func newClaimer(slots int, first bool) claimer {
	return claimer{wake: make(chan struct{}, 1), slots: make(chan struct{}, slots), first: first, idle: &atomic.Bool{}}
}

func newSource(d *Dispatcher, system adapters.System) *source {
	return &source{
		d: d, name: system.Name(), system: system, gate: gate{now: d.Now}, stride: stride{most: d.Batch},
		main: newClaimer(d.InFlight, false), first: newClaimer(1, true), closed: make(chan struct{}),
		claiming: make(chan struct{}, 1), busy: map[string]bool{},
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
		var loops sync.WaitGroup
		loops.Go(func() { s.loop(ctx, out, s.first) })
		s.loop(ctx, out, s.main)
		loops.Wait()
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

// signal has both claimers look: there are commands to claim.
func (s *source) signal() {
	for _, l := range []claimer{s.main, s.first} {
		l.signal()
	}
}

// freed has those look who found something due when they last did: it may have waited for what is done with now.
func (s *source) freed() {
	for _, l := range []claimer{s.main, s.first} {
		if !l.idle.Load() {
			l.signal()
		}
	}
}

func (l claimer) signal() {
	l.idle.Store(false)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (s *source) loop(ctx context.Context, out chan<- *message.Message, l claimer) {
	for {
		select {
		case l.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		j, err := s.claim(ctx, l)
		if err == nil && len(j.Lanes) > 0 {
			out <- s.begin(ctx, j)
			continue
		}
		<-l.slots
		if errors.Is(err, lease.ErrLost) {
			return
		}
		if err != nil && ctx.Err() == nil {
			s.d.Logger.Warn("no commands claimed", slog.String("system", string(s.name)), slog.Any("error", err))
		}
		if !s.rest(ctx, l) {
			return
		}
	}
}

// rest waits for a wake-up or the next look; false when it is over.
func (s *source) rest(ctx context.Context, l claimer) bool {
	timer := time.NewTimer(s.d.Poll)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-l.wake:
	case <-timer.C:
	}
	return true
}

// claim takes the next batch and keeps its lanes, or takes none while the system is paused.
func (s *source) claim(ctx context.Context, l claimer) (job, error) {
	if s.gate.shut() || !s.d.Lease.Held() {
		return job{}, nil
	}
	select {
	case s.claiming <- struct{}{}:
		defer func() { <-s.claiming }()
	case <-ctx.Done():
		return job{}, context.Cause(ctx)
	}
	now := s.d.Now()
	claim := outbox.Claim{
		Connection: s.d.Log.Connection(), System: s.name, Epoch: s.d.Lease.Epoch(),
		Limit: s.limit(), Tries: s.d.Tries,
		UrgentOnly: l.first || s.d.Paused(), First: l.first, ReadsOnly: s.d.Observing(),
		Since: s.d.Since(),
		Now:   now, Deadline: now.Add(s.d.Attempt), Attempt: s.d.NewID, Busy: s.isBusy, Fence: s.d.Lease.Fence,
	}
	l.idle.Store(false) // before the look: what is done with during it must be heard
	batch, due, err := claim.Take(ctx, s.d.DB)
	l.idle.Store(!due)
	s.hold(batch, true)
	return job{Batch: batch, source: s, deadline: claim.Deadline, slot: l.slots}, err
}

// limit is how many requests the next batch holds: as many as the system takes in one, or as it keeps up with.
func (s *source) limit() int {
	if most := s.system.Capabilities().Batch; most > 1 {
		return min(s.d.Batch, most)
	}
	return s.stride.length()
}

// begin makes the message that carries the batch; its lanes and its slot are kept until that is done with. What was
// claimed is finished also after ctx has ended, unless the lease is lost.
func (s *source) begin(ctx context.Context, j job) *message.Message {
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
		<-j.slot
		s.freed()
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
