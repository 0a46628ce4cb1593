package forward

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// NATSConfig names a JetStream. URL is required.
type NATSConfig struct {
	URL string
	// Credentials is a file for authentication; empty: none.
	Credentials string
	// Stream keeps the events; it is made when there is none. Default DUOLOG.
	Stream string
	// Prefix begins the subjects: PREFIX.connection.type. Default duolog.
	Prefix string
	// Connection is the second word of the subjects.
	Connection string
	// Timeout for an acknowledgement. Default 5 s.
	Timeout time.Duration
}

// NATS delivers to a JetStream. Nats-Msg-Id is the event's id, so what is sent twice within the stream's window of
// duplicates is stored once, and can be told later.
type NATS struct {
	NATSConfig
	conn *nats.Conn
	js   jetstream.JetStream
	made bool // the stream was there
}

var _ Target = (*NATS)(nil)

// NewNATS returns the target. The server need not be there yet.
func NewNATS(c NATSConfig) (*NATS, error) {
	if c.URL == "" {
		return nil, errors.New("nats: a URL is required")
	}
	if c.Stream == "" {
		c.Stream = "DUOLOG"
	}
	if c.Prefix == "" {
		c.Prefix = "duolog"
	}
	if c.Timeout <= 0 {
		c.Timeout = 5 * time.Second
	}
	options := []nats.Option{
		nats.Name("duolog " + c.Connection), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(200 * time.Millisecond),
		nats.ReconnectBufSize(-1), // what is not sent now is sent by us, in its order
	}
	if c.Credentials != "" {
		options = append(options, nats.UserCredentials(c.Credentials))
	}
	conn, err := nats.Connect(c.URL, options...)
	if err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncTimeout(c.Timeout))
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("nats: %w", err)
	}
	return &NATS{NATSConfig: c, conn: conn, js: js}, nil
}

// Window is how many messages wait for an acknowledgement at a time.
func (n *NATS) Window() int { return 256 }

// Close ends the connection.
func (n *NATS) Close() { n.conn.Close() }

// Deliver publishes and waits for the stream's acknowledgements.
func (n *NATS) Deliver(ctx context.Context, all []Message) []error {
	ctx, cancel := context.WithTimeout(ctx, n.Timeout)
	defer cancel()
	errs := make([]error, len(all))
	if err := n.make(ctx); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	acks := make([]jetstream.PubAckFuture, len(all))
	for i, m := range all {
		acks[i], errs[i] = n.js.PublishMsgAsync(&nats.Msg{
			Subject: n.Subject(m.Type), Data: m.Body, Header: nats.Header{
				jetstream.MsgIDHeader: {m.ID}, "Content-Type": {"application/cloudevents+json"},
				"Duolog-Position": {fmt.Sprint(m.Position)}, "Duolog-Stream": {m.Stream},
			},
		}, jetstream.WithRetryAttempts(0))
		if errs[i] != nil {
			acks[i] = nil
		}
	}
	for i, ack := range acks {
		if ack == nil {
			continue
		}
		select {
		case <-ack.Ok():
		case errs[i] = <-ack.Err():
		case <-ctx.Done():
			errs[i] = ctx.Err()
		}
	}
	for i, err := range errs {
		errs[i] = n.judge(all[i], err)
	}
	return errs
}

// judge says what an error means for the event. Unless it is the event's own, the stream may be gone: it is looked for
// before the next try.
func (n *NATS) judge(m Message, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("nats: %w: %d bytes, and the server takes %d with headers: raise its max_payload, then retry",
			ErrRefused, len(m.Body), n.conn.MaxPayload())
	case errors.Is(err, jetstream.ErrStreamMessageExceedsMaximum):
		return fmt.Errorf("nats: %w: %d bytes, more than the stream %s takes: raise its max_msg_size, then retry",
			ErrRefused, len(m.Body), n.Stream)
	}
	n.made = false
	return err
}

// make makes the stream when there is none.
func (n *NATS) make(ctx context.Context) error {
	if n.made {
		return nil
	}
	_, err := n.js.Stream(ctx, n.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = n.js.CreateStream(ctx, jetstream.StreamConfig{
			Name: n.Stream, Subjects: []string{word(n.Prefix) + ".>"}, Storage: jetstream.FileStorage,
		})
	}
	if err != nil {
		return fmt.Errorf("stream %s: %w", n.Stream, err)
	}
	n.made = true
	return nil
}

// Subject is where events of a type go.
func (n *NATS) Subject(kind string) string {
	return word(n.Prefix) + "." + word(n.Connection) + "." + kind
}

// word keeps a name one token of a subject.
func word(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '_'
	}, name)
}
