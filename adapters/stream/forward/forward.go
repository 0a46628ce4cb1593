// Package forward carries a connection's events elsewhere once they are committed: to NATS JetStream and to webhooks. A
// forwarder is a consumer of the kind forward: it goes on after the last position the other side acknowledged, so one
// that was down for long catches up, and delivery is at least once. Events of a record are never under way together, so
// their order holds whatever fails.
package forward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/adapters/stream/group"
	"github.com/duolog/duolog/eventstore"
)

// ErrRefused marks an event that the other side will never take: it is parked, and its neighbours go on. Any other error
// is tried again until it goes well.
var ErrRefused = errors.New("refused")

// Message is an event on its way.
type Message struct {
	ID, Type, Stream string
	Position         int64
	Body             []byte // CloudEvents 1.0 in JSON
}

// Target is where events go.
type Target interface {
	// Deliver hands messages of different records over and returns what became of each, in their order, nil for what is
	// surely stored there.
	Deliver(ctx context.Context, all []Message) []error
	// Window is how many messages are handed over at a time.
	Window() int
	Close()
}

// Config says what goes where. Groups, Log, Name and Target are required.
type Config struct {
	Groups *group.Groups
	Log    eventstore.Log
	Name   string // of the consumer
	Target Target
	Filter stream.Filter
	// After is the position a new forwarder begins after; below 0: the end.
	After int64
	// Data is what of personal values is sent: cloudevent.IDs, Masked or Full. Default IDs.
	Data   string
	Logger *slog.Logger
	// Pause before what failed is tried again; it doubles up to MaxPause. Defaults 100 ms and 30 s.
	Pause, MaxPause time.Duration
}

const (
	page         = 1000
	advanceEvery = time.Second
	idle         = 5 * time.Second
)

// Forwarder forwards one log to one target.
type Forwarder struct {
	Config
	enc  cloudevent.Encoder
	info group.Info
}

// New returns a forwarder.
func New(c Config) (*Forwarder, error) {
	if c.Groups == nil || c.Log == nil || c.Target == nil || c.Name == "" {
		return nil, errors.New("forward: Groups, Log, Name and Target are required")
	}
	if c.Data == "" {
		c.Data = cloudevent.IDs
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Pause <= 0 {
		c.Pause = 100 * time.Millisecond
	}
	if c.MaxPause <= 0 {
		c.MaxPause = 30 * time.Second
	}
	c.Logger = c.Logger.With(slog.String("forwarder", c.Name))
	return &Forwarder{Config: c}, nil
}

// Run forwards until ctx ends. It closes the target.
func (f *Forwarder) Run(ctx context.Context) error {
	defer f.Target.Close()
	ahead := stream.NewAhead(f.Log)
	defer ahead.Close()
	for pause := f.Pause; ctx.Err() == nil; {
		err := f.turn(ctx, ahead)
		if err == nil {
			pause = f.Pause
			continue
		}
		if ctx.Err() == nil {
			f.Logger.LogAttrs(ctx, slog.LevelWarn, "forwarding failed, trying again", slog.String("error", err.Error()))
			sleep(ctx, pause)
			pause = min(2*pause, f.MaxPause)
		}
	}
	return ctx.Err()
}

// turn forwards one page from where the checkpoint stands.
func (f *Forwarder) turn(ctx context.Context, log stream.Reader) error {
	if err := f.load(ctx); err != nil {
		return err
	}
	if err := f.again(ctx, log); err != nil {
		return err
	}
	p, err := f.info.Filter.Read(ctx, log, f.info.Position, page)
	if err != nil {
		return err
	}
	if p.Through == f.info.Position {
		wait, cancel := context.WithTimeout(ctx, idle)
		defer cancel()
		if err := f.Log.Wait(wait, p.Through); err != nil && wait.Err() == nil {
			return err
		}
		return nil
	}
	if err := f.forward(ctx, p.Events); err != nil {
		return err
	}
	return f.Groups.Advance(ctx, f.info, p.Through)
}

// load reads where the forwarder stands, making it the first time.
func (f *Forwarder) load(ctx context.Context) error {
	spec := group.Spec{Name: f.Name, Kind: group.KindForward, Filter: f.Filter, After: f.After}
	info, err := f.Groups.Get(ctx, f.Name)
	if errors.Is(err, group.ErrUnknown) {
		if err = f.Groups.Ensure(ctx, spec); err == nil {
			info, err = f.Groups.Get(ctx, f.Name)
		}
	}
	if err != nil {
		return err
	}
	if info.Kind != group.KindForward {
		return fmt.Errorf("the consumer %s is of the kind %s: give the forwarder another name", f.Name, info.Kind)
	}
	head, err := f.Log.Head(ctx)
	if err != nil {
		return err
	}
	if info.Stale(head) {
		return fmt.Errorf("%w: go on with duolog consumers reset %s --to POSITION", group.ErrGeneration, f.Name)
	}
	info.Filter = f.Filter // what the configuration says now
	f.info, f.enc = info, cloudevent.New(f.Log.Connection(), head, f.Data)
	return nil
}

// again delivers parked events that somebody asked for.
func (f *Forwarder) again(ctx context.Context, log stream.Reader) error {
	if f.info.Parked == 0 {
		return nil
	}
	parked, err := f.Groups.Parked(ctx, f.Name)
	if err != nil {
		return err
	}
	for _, p := range parked {
		if !p.Again {
			continue
		}
		events, err := log.Get(ctx, p.Position)
		if err != nil {
			return err
		}
		if err := f.forward(ctx, events); err != nil {
			return err
		}
		if err := f.Groups.Advance(ctx, f.info, f.info.Position, p.Position); err != nil {
			return err
		}
	}
	return nil
}

// forward delivers events in rounds in which no record stands twice.
func (f *Forwarder) forward(ctx context.Context, events []eventstore.Event) error {
	advanced := time.Now()
	for len(events) > 0 {
		var round []eventstore.Event
		round, events = split(events, f.Target.Window())
		if err := f.deliver(ctx, round); err != nil {
			return err
		}
		if len(events) == 0 || time.Since(advanced) < advanceEvery {
			continue
		}
		if done := events[0].Position - 1; done > f.info.Position {
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
func (f *Forwarder) deliver(ctx context.Context, events []eventstore.Event) error {
	left := make([]Message, len(events))
	for i, e := range events {
		left[i] = Message{e.ID.String(), e.Type, e.Stream, e.Position, f.enc.Line(nil, e)}
	}
	for pause := f.Pause; ; pause = min(2*pause, f.MaxPause) {
		var failed []Message
		var last error
		for i, err := range f.Target.Deliver(ctx, left) {
			switch {
			case err == nil:
			case errors.Is(err, ErrRefused):
				f.Logger.LogAttrs(ctx, slog.LevelWarn, "event refused, put aside",
					slog.Int64("position", left[i].Position), slog.String("error", err.Error()))
				if err := f.Groups.Park(ctx, f.Name, left[i].Position, err.Error()); err != nil {
					return err
				}
			default:
				failed, last = append(failed, left[i]), err
			}
		}
		if len(failed) == 0 {
			return nil
		}
		left = failed
		f.Logger.LogAttrs(ctx, slog.LevelWarn, "not delivered, trying again", slog.Int("events", len(left)),
			slog.Duration("in", pause), slog.String("error", last.Error()))
		if sleep(ctx, pause); ctx.Err() != nil {
			return ctx.Err()
		}
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
