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
	lookEvery    = time.Second
	idle         = 5 * time.Second
)

// Forwarder forwards one log to one target.
type Forwarder struct {
	Config
	enc  cloudevent.Encoder
	info group.Info
	keys int64 // the log's key epoch when the turn began
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
		if err == nil || errors.Is(err, group.ErrLost) { // reset: it goes on from there
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
	if err := f.again(ctx); err != nil {
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
	if err := f.forward(ctx, opened{events: p.Events, keys: f.keys}); err != nil {
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
	f.info, f.keys, f.enc = info, head.KeyEpoch, cloudevent.New(f.Log.Connection(), head, f.Data)
	return nil
}
