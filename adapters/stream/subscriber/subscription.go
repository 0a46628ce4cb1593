package subscriber

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/adapters/stream/group"
	"github.com/duolog/duolog/eventstore"
)

const (
	ackEvery   = time.Second
	lookEvery  = 250 * time.Millisecond
	handWithin = time.Second
)

// errErased: somebody was erased since the batch was read.
var errErased = errors.New("the batch is from before an erasure")

// subscription is one reader of one log.
type subscription struct {
	Config
	log    eventstore.Log
	groups *group.Groups
	reader *stream.Ahead
	enc    cloudevent.Encoder
	out    chan *message.Message

	mu    sync.Mutex
	share group.Share

	keys   int64     // the log's key epoch before the batch was read,
	looked time.Time // and when it was looked at last
}

// run delivers until ctx ends. What goes wrong is tried again: nothing is lost by waiting.
func (s *subscription) run(ctx context.Context) {
	defer close(s.out)
	defer s.leave(ctx)
	defer s.reader.Close()
	for pause := 10 * time.Millisecond; ctx.Err() == nil; {
		err := s.turn(ctx)
		switch {
		case err == nil:
			pause = 10 * time.Millisecond
		case ctx.Err() == nil:
			if errors.Is(err, errErased) {
				continue
			}
			if !errors.Is(err, group.ErrLost) {
				s.Logger.Error("reading the log failed, trying again", err, watermill.LogFields{"group": s.Group})
			}
			sleep(ctx, pause)
			pause = min(2*pause, 5*time.Second)
		}
	}
}

func (s *subscription) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.groups.Leave(ctx, s.Group, s.Member); err != nil {
		s.Logger.Error("records not given back; the lease runs out by itself", err, nil)
	}
}

// turn claims a share, reads a batch of it and has it handled.
func (s *subscription) turn(ctx context.Context) error {
	share, err := s.groups.Claim(ctx, s.Group, s.Member)
	if err != nil {
		return err
	}
	s.hold(share)
	head, err := s.log.Head(ctx)
	if err != nil {
		return err
	}
	s.keys, s.looked = head.KeyEpoch, time.Now()
	b, err := s.groups.Fetch(ctx, s.reader, share, s.Batch)
	if err != nil {
		return err
	}
	if len(b.Events) == 0 {
		return s.idle(ctx, share, b)
	}
	return s.handle(ctx, b)
}

func (s *subscription) hold(share group.Share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.share = share
}

func (s *subscription) held() group.Share {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.share
}

// idle waits for events, as long as the others may believe that this member lives.
func (s *subscription) idle(ctx context.Context, share group.Share, b group.Batch) error {
	if len(share.Held) == 0 {
		sleep(ctx, share.Lease()/8)
		return nil
	}
	if b.Through > 0 {
		if err := s.groups.Ack(ctx, s.Group, s.Member, b); err != nil || !b.Ended {
			return err
		}
	}
	at := b.Through
	for _, h := range share.Held {
		at = max(at, h.Position)
	}
	wait, cancel := context.WithTimeout(ctx, share.Lease()/8)
	defer cancel()
	if err := s.log.Wait(wait, at); err != nil && wait.Err() == nil {
		return err
	}
	return nil
}

// handle delivers a batch while a second goroutine shows that the member lives, and acknowledges what was handled.
func (s *subscription) handle(ctx context.Context, b group.Batch) error {
	own, lose := context.WithCancel(ctx)
	var beating sync.WaitGroup
	beating.Go(func() { s.beat(own, lose) })
	done, err := s.deliver(own, b)
	lose()
	beating.Wait()
	if done.Through == 0 && err != nil {
		return err
	}
	store, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, s.groups.Ack(store, s.Group, s.Member, done))
}

// beat renews the share until ctx ends. Once it is lost, the messages' contexts end.
func (s *subscription) beat(ctx context.Context, lose func()) {
	for {
		sleep(ctx, s.held().Lease()/6)
		if ctx.Err() != nil {
			return
		}
		share, err := s.groups.Renew(ctx, s.held())
		switch {
		case err == nil:
			s.hold(share)
		case errors.Is(err, group.ErrLost):
			lose()
			return
		}
	}
}

// deliver hands the events out one by one and returns the part of the batch that was handled.
func (s *subscription) deliver(ctx context.Context, b group.Batch) (done group.Batch, err error) {
	acked := time.Now()
	done = b.Upto(0)
	for _, e := range b.Events {
		if !s.held().Alive() {
			return done, group.ErrLost
		}
		if err := s.one(ctx, e); err != nil {
			return done, err
		}
		if e.Again {
			continue
		}
		done = b.Upto(e.Position)
		if time.Since(acked) > ackEvery {
			if err := s.groups.Ack(ctx, s.Group, s.Member, done); err != nil {
				return b.Upto(0), err
			}
			acked = time.Now()
		}
	}
	return b, nil
}

// one delivers an event until it is acknowledged, or somebody puts it aside.
func (s *subscription) one(ctx context.Context, e group.Delivered) error {
	for first := true; ; first = false {
		if err := s.present(ctx, first); err != nil {
			return err
		}
		acked, err := s.once(ctx, e)
		if acked || err != nil {
			return err
		}
		sleep(ctx, s.Resend)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		aside, err := s.groups.Aside(ctx, s.Group, e.Position)
		if err != nil {
			return err
		}
		if again, parked := aside[e.Position]; parked != e.Again || again != e.Again {
			return nil
		}
	}
}

// once makes a message of an event and delivers it; false when it is not acknowledged.
func (s *subscription) once(ctx context.Context, e group.Delivered) (acked bool, err error) {
	m, err := s.Message(e, s.enc)
	if err != nil {
		s.Logger.Error("no message can be made of an event, trying again", err, watermill.LogFields{"position": e.Position})
		sleep(ctx, time.Second)
		return false, nil
	}
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	m.SetContext(own)
	acked, ended := s.hand(ctx, m)
	if ended && !acked {
		return false, context.Cause(ctx)
	}
	return acked, nil
}

// present returns errErased when what was read is not to be sent any more as it is. A message that comes for the first
// time is not looked after when that was done just before.
func (s *subscription) present(ctx context.Context, first bool) error {
	if first && time.Since(s.looked) < lookEvery {
		return nil
	}
	head, err := s.log.Head(ctx)
	if err == nil && head.KeyEpoch != s.keys {
		err = errErased
	}
	s.looked = time.Now()
	return err
}

// hand delivers a message once. One that nobody takes for long is made anew: what it holds may have been erased.
func (s *subscription) hand(ctx context.Context, m *message.Message) (acked, ended bool) {
	within := time.NewTimer(handWithin)
	defer within.Stop()
	select {
	case s.out <- m:
	case <-within.C:
		return false, false
	case <-ctx.Done():
		return false, true
	}
	select {
	case <-m.Acked():
		return true, false
	case <-m.Nacked():
		return false, false
	case <-ctx.Done():
	}
	select { // it may have been acknowledged just before
	case <-m.Acked():
		return true, false
	default:
		return false, true
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
