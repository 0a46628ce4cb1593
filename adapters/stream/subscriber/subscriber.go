// Package subscriber is a Watermill message.Subscriber over the event store, on SQLite and on PostgreSQL. A topic is a
// connection's log, a consumer group a consumer of stream/group. Messages come in order, one at a time; subscribers of
// a group share the log's records among them, so the order of each record holds however many there are. No transaction
// is open while a handler runs: what is acknowledged is stored as a position, at least every second and when a
// subscriber closes.
package subscriber

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/adapters/stream/group"
	"github.com/duolog/duolog/eventstore"
)

// ErrClosed: the subscriber was closed.
var ErrClosed = errors.New("subscriber is closed")

// Config says who reads what. Store and Group are required.
type Config struct {
	Store eventstore.Store
	// Group is the consumer; it is made when there is none.
	Group string
	// Member names this subscriber among those of the group. Default: a new ULID.
	Member string
	// Filter, After and Lease are of a group that is made: what it reads, the position it begins after (below 0: the end),
	// how long a silent member keeps its records (default 5 s).
	Filter stream.Filter
	After  int64
	Lease  time.Duration
	// Data is what of personal values messages hold: cloudevent.IDs, Masked or Full. Default IDs.
	Data string
	// Message makes a message of an event. Default: CloudEvents.
	Message func(e group.Delivered, enc cloudevent.Encoder) (*message.Message, error)
	// Batch is how many events are read and acknowledged at a time. Default 500.
	Batch int
	// Resend is the pause before a message that was not acknowledged comes again. Default 100 ms.
	Resend time.Duration
	Logger watermill.LoggerAdapter
}

func (c Config) withDefaults() (Config, error) {
	if c.Store == nil || c.Group == "" {
		return c, errors.New("subscriber: Store and Group are required")
	}
	if c.Member == "" {
		c.Member = ulid.Make().String()
	}
	if c.Data == "" {
		c.Data = cloudevent.IDs
	}
	if c.Message == nil {
		c.Message = CloudEvent
	}
	if c.Batch <= 0 {
		c.Batch = 500
	}
	if c.Resend <= 0 {
		c.Resend = 100 * time.Millisecond
	}
	if c.Logger == nil {
		c.Logger = watermill.NopLogger{}
	}
	return c, nil
}

// Subscriber implements message.Subscriber.
type Subscriber struct {
	Config
	ctx    context.Context //nolint:containedctx // the subscriber's life, which Close ends
	cancel context.CancelFunc

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

var _ message.Subscriber = (*Subscriber)(nil)

// New returns a subscriber.
func New(c Config) (*Subscriber, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Subscriber{Config: c, ctx: ctx, cancel: cancel}, nil
}

// Subscribe delivers the events of the connection until ctx ends or Close. The channel is closed then.
func (s *Subscriber) Subscribe(ctx context.Context, connection string) (<-chan *message.Message, error) {
	log, err := s.Store.Log(ctx, connection)
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", connection, err)
	}
	groups := group.New(s.Store, log, nil)
	err = groups.Ensure(ctx, group.Spec{Name: s.Group, Kind: group.KindGroup, Filter: s.Filter, After: s.After, Lease: s.Lease})
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", connection, err)
	}
	head, err := log.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", connection, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ctx, cancel) //nolint:contextcheck // Close ends it as well
	sub := &subscription{
		Config: s.Config, log: log, groups: groups, enc: cloudevent.New(connection, head, s.Data),
		reader: stream.NewAhead(log), out: make(chan *message.Message),
	}
	s.running.Go(func() {
		defer stop()
		defer cancel()
		sub.run(ctx)
	})
	return sub.out, nil
}

// SubscribeInitialize makes the group, so that nothing published from now on is missed.
func (s *Subscriber) SubscribeInitialize(connection string) error {
	log, err := s.Store.Log(s.ctx, connection)
	if err != nil {
		return err
	}
	return group.New(s.Store, log, nil).Ensure(s.ctx, group.Spec{
		Name: s.Group, Kind: group.KindGroup, Filter: s.Filter, After: s.After, Lease: s.Lease,
	})
}

// Close ends all subscriptions, stores what is acknowledged and gives the records back to the group.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.running.Wait()
	return nil
}

// CloudEvent makes a message whose payload is the event as CloudEvents 1.0 in JSON. Its id is the event's, so what comes
// twice can be told.
func CloudEvent(e group.Delivered, enc cloudevent.Encoder) (*message.Message, error) {
	m := message.NewMessage(e.ID.String(), enc.Line(nil, e.Event))
	m.Metadata = message.Metadata{
		"type": e.Type, "stream": e.Stream, "position": fmt.Sprint(e.Position), "content_type": cloudevent.ContentType,
	}
	if e.Again {
		m.Metadata["again"] = "true"
	}
	return m, nil
}
