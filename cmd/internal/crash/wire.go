package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/duolog/duolog/domain"
)

// wire is the way from one process to another, through a proxy that can spoil it.
type wire struct {
	name  string // of what it leads to
	url   string // under which that is reached through it
	proxy *toxiproxy.Proxy
}

// What the wires of a serve lead to, besides the two systems.
const (
	wireServe    = "serve" // from the world, with webhooks
	wireDatabase = "postgres"
)

// rewire lays a wire before a URL.
func (c *campaign) rewire(name, to string) (*wire, error) {
	u, err := url.Parse(to)
	if err != nil {
		return nil, errors.New("a wire to " + name + " needs a URL") // the cause would repeat a password
	}
	zerolog.SetGlobalLevel(zerolog.Disabled) // some toxics log to the global one
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	w := &wire{name: name, proxy: toxiproxy.NewProxy(server, name, "127.0.0.1:0", u.Host)}
	if err := w.proxy.Start(); err != nil {
		return nil, fmt.Errorf("lay a wire to %s: %w", name, err)
	}
	u.Host = w.proxy.Listen
	w.url = u.String()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wires = append(c.wires, w)
	return w, nil
}

// wired lays a wire from a serve to each system, and to its database when that is a server.
func (c *campaign) wired(s *serve) error {
	for _, system := range domain.Systems {
		w, err := c.rewire(string(system), c.boxes[system].url)
		if err != nil {
			return err
		}
		s.env = append(s.env, baseURL(system, w.url))
	}
	return c.wiredDatabase(s)
}

func (c *campaign) wiredDatabase(s *serve) (err error) {
	if c.Database != Postgres {
		return nil
	}
	if s.database, err = c.rewire(wireDatabase, c.database); err == nil {
		s.env = append(s.env, "DUOLOG_DATABASE_URL="+s.database.url)
	}
	return err
}

// toxic is a fault of a wire as toxiproxy takes it; attributes are in milliseconds, bytes, or as named.
type toxic struct {
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	Stream     string         `json:"stream"`
	Attributes map[string]int `json:"attributes"`
}

// The directions of a wire: of requests, and of answers.
const (
	there = "upstream"
	back  = "downstream"
)

// spoil adds faults to the wire.
func (w *wire) spoil(toxics ...toxic) error {
	for _, t := range toxics {
		t.Name = t.Type + " " + t.Stream
		b, err := json.Marshal(t)
		if err != nil {
			return err
		}
		if _, err := w.proxy.Toxics.AddToxicJson(bytes.NewReader(b)); err != nil {
			return fmt.Errorf("spoil the wire to %s: %w", w.name, err)
		}
	}
	return nil
}

// silence keeps everything on the wire from arriving, while its connections stay open.
func silence(streams ...string) (all []toxic) {
	for _, s := range streams {
		all = append(all, toxic{Type: "timeout", Stream: s, Attributes: map[string]int{"timeout": 0}})
	}
	return all
}

// isAPI tells the wires that lead to a system.
func (w *wire) isAPI() bool { return domain.System(w.name).Valid() }
