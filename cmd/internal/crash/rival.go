package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/duolog/duolog/domain"
)

// attempt is how long what was sent may take: whoever comes next leaves that record alone for as long.
const attempt = 10 * time.Second

// moveWithin is how soon a connection must have another owner once the one before was killed.
const moveWithin = 10 * time.Second

// rivals runs two serves on one database. In turns the owner is killed, frozen for longer than its lease and woken, or
// cut off from the database for as long.
func (c *campaign) rivals(ctx context.Context, first *serve) error {
	second := c.newServe("rival", c.env())
	if err := c.watched(ctx, second); err != nil {
		return err
	}
	if err := second.start(); err != nil {
		return err
	}
	for i := range c.Kills {
		if err := pause(ctx, c.between(500*time.Millisecond, 3*time.Second)); err != nil {
			return err
		}
		owner := first
		if second.epochNow() > first.epochNow() {
			owner = second
		}
		misfortune := []func(context.Context, *serve) error{c.murder, c.freeze, c.cutOff}[i%3]
		if err := misfortune(ctx, owner); err != nil {
			return err
		}
	}
	return pause(ctx, 2*time.Second)
}

// murder kills the owner, measures how long the connection has none, and starts it again.
func (c *campaign) murder(ctx context.Context, owner *serve) error {
	owner.kill()
	killed := time.Now()
	c.result.Kills++
	next, err := c.nextOwner(ctx, killed)
	if err != nil {
		return err
	}
	moved := next.at.Sub(killed)
	c.result.Moved = append(c.result.Moved, moved.Seconds())
	c.say("%s killed, %s owns the connection after %.1f s", owner.name, next.name, moved.Seconds())
	if moved > moveWithin {
		c.violate("ownership moved only %.1f s after a kill", moved.Seconds())
	}
	return owner.start()
}

// freeze stops the owner where it stands and wakes it.
func (c *campaign) freeze(ctx context.Context, owner *serve) error {
	c.result.Freezes++
	c.front.down(owner.at()) // as a load balancer does once health checks fail
	owner.freeze()
	return c.outlive(ctx, owner, "frozen", func() {
		owner.thaw()
		c.front.up(owner.at())
	})
}

// cutOff keeps the owner from its database, while it goes on reaching both systems.
func (c *campaign) cutOff(ctx context.Context, owner *serve) error {
	c.result.CutOff++
	if err := owner.database.spoil(silence(there, back)...); err != nil {
		return err
	}
	return c.outlive(ctx, owner, "cut off", func() { owner.database.proxy.Toxics.ResetToxics(ctx) })
}

// outlive leaves an owner as it is for longer than its lease and then mends it. From the moment another owns the
// connection, and until it owns it again itself, nothing it held back may be written.
func (c *campaign) outlive(ctx context.Context, owner *serve, how string, mend func()) error {
	// Longer than what it may still end: what it writes once mended has no excuse.
	lasts, began := c.between(attempt+2*time.Second, attempt+8*time.Second), time.Now()
	owner.strike(began)
	err := pause(ctx, lasts)
	last := c.lastOwner()
	moved := last.at.Sub(began)
	switch {
	case moved > 0:
		c.result.MovedFrozen = append(c.result.MovedFrozen, moved.Seconds())
	default:
		c.result.StuckFrozen++
		moved = lasts
	}
	if err == nil && moved > moveWithin {
		c.violate("%s was %s for %.1f s, and nobody took over within %s", owner.name, how, lasts.Seconds(), moveWithin)
	}
	mend()
	c.say("%s %s for %.1f s and mended; %s is owner %d", owner.name, how, lasts.Seconds(), last.name, last.epoch)
	if err != nil {
		return err
	}
	_, err = c.nextOwner(ctx, began)
	return err
}

// nextOwner waits for somebody to come to own the connection after the moment given.
func (c *campaign) nextOwner(ctx context.Context, after time.Time) (ownership, error) {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if last := c.lastOwner(); last.at.After(after) {
			return last, nil
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return ownership{}, err
		}
	}
	return ownership{}, errors.New("nobody came to own the connection within a minute")
}

func (c *campaign) lastOwner() ownership {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owners[len(c.owners)-1]
}

// watched puts a proxy between a serve and each system. It sees every write, and reports one that a serve sends
// although another has become the owner.
func (c *campaign) watched(ctx context.Context, s *serve) error {
	if err := c.wiredDatabase(s); err != nil {
		return err
	}
	for system, b := range c.boxes {
		to, err := url.Parse(b.url)
		if err != nil {
			return err
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("listen between %s and %s: %w", s.name, system, err)
		}
		proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, ErrorLog: discard}
		server := &http.Server{ReadHeaderTimeout: time.Minute, ErrorLog: discard, Handler: http.HandlerFunc(
			func(w http.ResponseWriter, r *http.Request) {
				if writes(system, r) {
					c.wrote(s, system)
				}
				proxy.ServeHTTP(w, r)
			})}
		go func() { _ = server.Serve(l) }()
		c.proxies = append(c.proxies, server)
		s.env = append(s.env, baseURL(system, "http://"+l.Addr().String()))
	}
	return nil
}

// writes tells a request that changes a contact from one that looks.
func writes(system domain.System, r *http.Request) bool {
	switch {
	case r.Method == http.MethodGet:
		return false
	case system == domain.Aloware:
		return strings.Contains(r.URL.Path, "/forms")
	default:
		return strings.Contains(r.URL.Path, "/contacts") && !strings.Contains(r.URL.Path, "/search") &&
			!strings.HasSuffix(r.URL.Path, "/batch/read")
	}
}

// wrote checks that the writer is the last owner there was, or ends an attempt it began when it was.
func (c *campaign) wrote(s *serve, system domain.System) {
	last := c.lastOwner()
	c.mu.Lock()
	c.result.Written++
	c.mu.Unlock()
	if last.name != s.name && time.Since(s.whenStruck()) > attempt {
		c.violate("%s wrote to %s although %s owned the connection (epoch %d)", s.name, system.Title(), last.name, last.epoch)
	}
}
