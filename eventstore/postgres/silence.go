package postgres

import (
	"context"
	"net"
	"sync"
	"time"
)

// keepAlive finds out within half a minute that the other end of a quiet connection is gone.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// attentive dials connections that end when the server says nothing for as long as the limit while an answer is waited
// for. Behind a firewall that has lost its table a connection goes dead without a word: whoever waits on it without a
// deadline of his own would wait for ever.
func attentive(limit time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{KeepAliveConfig: keepAlive}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &attentiveConn{Conn: c, limit: limit}, nil
	}
}

// attentiveConn bounds each read. The driver reads only what it waits for, and sets deadlines when its caller gives
// up: the earlier one counts.
type attentiveConn struct {
	net.Conn
	limit time.Duration

	mu    sync.Mutex
	given time.Time // the driver's deadline, zero for none
}

func (c *attentiveConn) Read(b []byte) (int, error) {
	if err := c.bound(); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *attentiveConn) bound() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	until := time.Now().Add(c.limit)
	if !c.given.IsZero() && c.given.Before(until) {
		until = c.given
	}
	return c.SetReadDeadline(until)
}

func (c *attentiveConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.given = t
	return c.Conn.SetDeadline(t)
}
