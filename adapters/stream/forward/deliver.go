package forward

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/duolog/duolog/adapters/stream/group"
	"github.com/duolog/duolog/eventstore"
)

// opened are events to deliver, as they were when the log was at a key epoch.
type opened struct {
	events []eventstore.Event
	keys   int64
	again  bool // they are put aside, and somebody asked for them
}

// again delivers parked events that somebody asked for.
func (f *Forwarder) again(ctx context.Context) error {
	if f.info.Parked == 0 {
		return nil
	}
	due, err := f.Groups.Again(ctx, f.Name)
	if err != nil {
		return err
	}
	for _, position := range due {
		events, err := f.read(ctx, position)
		if err != nil {
			return err
		}
		if err := f.deliver(ctx, opened{events, f.keys, true}); err != nil {
			return err
		}
		if err := f.Groups.Advance(ctx, f.info, f.info.Position, position); err != nil {
			return err
		}
	}
	return nil
}

// read returns what the filter makes of single events.
func (f *Forwarder) read(ctx context.Context, positions ...int64) ([]eventstore.Event, error) {
	events, err := f.Log.Get(ctx, positions...)
	if err != nil {
		return nil, err
	}
	p, err := f.info.Filter.Of(ctx, f.Log, events, 0)
	return p.Events, err
}

// forward delivers events in rounds in which no record stands twice.
func (f *Forwarder) forward(ctx context.Context, o opened) error {
	advanced := time.Now()
	for len(o.events) > 0 {
		round := o
		round.events, o.events = split(o.events, f.Target.Window())
		if err := f.deliver(ctx, round); err != nil {
			return err
		}
		if len(o.events) == 0 || time.Since(advanced) < advanceEvery {
			continue
		}
		if done := o.events[0].Position - 1; done > f.info.Position {
			if err := f.Groups.Advance(ctx, f.info, done); err != nil {
				return err
			}
		}
		advanced = time.Now()
	}
	return nil
}

// split takes up to a window of events, the first of each record, and leaves the others in their order.
func split(events []eventstore.Event, window int) (round, later []eventstore.Event) {
	seen := make(map[string]bool, window)
	for i, e := range events {
		switch {
		case len(round) == window:
			return round, append(later, events[i:]...)
		case seen[e.Stream]:
			later = append(later, e)
		default:
			seen[e.Stream] = true
			round = append(round, e)
		}
	}
	return round, later
}

// deliver hands a round over until each event is stored there or parked.
func (f *Forwarder) deliver(ctx context.Context, o opened) error {
	for pause := f.Pause; ; pause = min(2*pause, f.MaxPause) {
		var failed error
		var err error
		if o, err = f.present(ctx, o); err != nil || len(o.events) == 0 {
			return err
		}
		if o.events, failed, err = f.try(ctx, o); err != nil || len(o.events) == 0 {
			return err
		}
		f.Logger.LogAttrs(ctx, slog.LevelWarn, "not delivered, trying again", slog.Int("events", len(o.events)),
			slog.Duration("in", pause), slog.String("error", failed.Error()))
		if f.while(ctx, o, func(ctx context.Context) { sleep(ctx, pause) }); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// try hands events over once, parks what is refused, and returns what is to be tried again with why.
func (f *Forwarder) try(ctx context.Context, o opened) (again []eventstore.Event, failed, err error) {
	all := make([]Message, len(o.events))
	for i, e := range o.events {
		all[i] = Message{e.ID.String(), e.Type, e.Stream, e.Position, f.enc.Line(nil, e)}
	}
	var errs []error
	f.while(ctx, o, func(ctx context.Context) { errs = f.Target.Deliver(ctx, all) })
	for i, err := range errs {
		switch {
		case err == nil:
		case errors.Is(err, ErrRefused):
			f.Logger.LogAttrs(ctx, slog.LevelWarn, "event refused, put aside",
				slog.Int64("position", all[i].Position), slog.String("error", err.Error()))
			if err := f.Groups.Park(ctx, f.Name, all[i].Position, err.Error()); err != nil {
				return nil, nil, err
			}
		default:
			again, failed = append(again, o.events[i]), err
		}
	}
	return again, failed, nil
}

// present is what may be sent now: nothing that was put aside meanwhile or dropped, and nothing as it was before an
// erasure. ErrLost when the consumer was reset.
func (f *Forwarder) present(ctx context.Context, o opened) (opened, error) {
	if err := f.Groups.Holds(ctx, f.info); err != nil {
		return o, err
	}
	aside, err := f.Groups.Aside(ctx, f.Name, positions(o.events)...)
	if err != nil {
		return o, err
	}
	o.events = slices.DeleteFunc(slices.Clone(o.events), func(e eventstore.Event) bool {
		again, parked := aside[e.Position]
		return parked != o.again || again != o.again
	})
	head, err := f.Log.Head(ctx)
	if err != nil || head.KeyEpoch == o.keys {
		return o, err
	}
	o.keys = head.KeyEpoch
	o.events, err = f.read(ctx, positions(o.events)...)
	return o, err
}

func positions(events []eventstore.Event) []int64 {
	all := make([]int64, len(events))
	for i, e := range events {
		all[i] = e.Position
	}
	return all
}

// while runs do, whose context ends early once what was opened is not to be sent any more as it is.
func (f *Forwarder) while(ctx context.Context, o opened, do func(context.Context)) {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		for sleep(ctx, lookEvery); ctx.Err() == nil; sleep(ctx, lookEvery) {
			now, err := f.present(ctx, o)
			if errors.Is(err, group.ErrLost) || err == nil && (now.keys != o.keys || len(now.events) < len(o.events)) {
				cancel()
			}
		}
	})
	do(ctx)
	cancel()
	watching.Wait()
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
