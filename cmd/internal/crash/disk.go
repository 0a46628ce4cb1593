package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
)

// shortage takes the room to write from a database in a file, and gives it back.
type shortage interface {
	begin() error
	end() error
}

// noticedWithin is how soon a full disk must be told to whoever sends a webhook, and a mended one, too.
const noticedWithin = 30 * time.Second

// shortage is that of a serve: a file system that is filled, when the campaign was given one to fill, else a limit on
// the size of the files the process writes. The limit needs no rights and no file system of its own, takes hold of a
// process that runs, and stops a write where it stands, in the midst of a page, as a full disk does.
func (c *campaign) shortage(s *serve) shortage {
	if c.Folder != "" {
		return ballast(filepath.Join(c.Folder, "ballast"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return &sizeLimit{process: s.process, chance: c.chance, files: c.file + "*"}
}

// shortages lets the room run out and come back, and in every other round has serve killed in between.
func (c *campaign) shortages(ctx context.Context, s *serve) error {
	for i := range c.Kills {
		if err := pause(ctx, c.between(time.Second, 4*time.Second)); err != nil {
			return err
		}
		room := c.shortage(s)
		if err := room.begin(); err != nil {
			return err
		}
		began := time.Now()
		err := c.withoutRoom(ctx, s)
		if i%2 == 1 {
			s.kill()
			c.result.Kills++
		}
		if err := errors.Join(err, room.end()); err != nil {
			return err
		}
		c.result.Shortages++
		if err := c.withRoom(ctx, s, i%2 == 1); err != nil {
			return err
		}
		c.say("no room for %.1f s, killed meanwhile: %t", time.Since(began).Seconds(), i%2 == 1)
	}
	return s.waitOwned(ctx, time.Minute)
}

// withoutRoom wants webhooks turned away, so that they come again, and a serve that says what is wrong and what to do.
func (c *campaign) withoutRoom(ctx context.Context, s *serve) error {
	if err := c.awaitAnswer(ctx, http.StatusServiceUnavailable); err != nil {
		return err
	}
	status, health := s.health(ctx)
	if why := health.Reasons["database"]; status != http.StatusServiceUnavailable || !strings.Contains(why, "make room") {
		c.violate("%s has no room to write and says %d, %q", s.name, status, why)
	}
	return pause(ctx, c.between(time.Second, 8*time.Second))
}

// withRoom wants everything to go on by itself.
func (c *campaign) withRoom(ctx context.Context, s *serve, killed bool) error {
	if killed {
		if err := s.start(); err != nil {
			return err
		}
		if err := s.waitOwned(ctx, noticedWithin); err != nil {
			return err
		}
	}
	if err := s.waitReady(ctx, noticedWithin); err != nil {
		return err
	}
	return c.awaitAnswer(ctx, http.StatusOK)
}

// awaitAnswer waits until a webhook has been given an answer.
func (c *campaign) awaitAnswer(ctx context.Context, status int) error {
	before := c.front.given(status)
	for end := time.Now().Add(noticedWithin); c.front.given(status) == before; {
		if time.Now().After(end) {
			return fmt.Errorf("no webhook was answered %d within %s", status, noticedWithin)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// health asks the process itself what it says of its health.
func (s *serve) health(ctx context.Context) (status int, h httpapi.Health) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.direct()+"/readyz", http.NoBody)
	if err != nil {
		return 0, h
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, h
	}
	defer func() { _ = res.Body.Close() }()
	_ = json.NewDecoder(res.Body).Decode(&h)
	return res.StatusCode, h
}

// ballast is a file that fills its file system.
type ballast string

func (b ballast) begin() error {
	f, err := os.Create(string(b))
	if err != nil {
		return fmt.Errorf("fill the disk: %w", err)
	}
	for _, size := range []int{1 << 20, 1 << 12, 1} {
		for err == nil {
			_, err = f.Write(make([]byte, size))
		}
		if errors.Is(err, syscall.ENOSPC) {
			err = nil
		}
	}
	return errors.Join(err, f.Close())
}

func (b ballast) end() error { return os.Remove(string(b)) }
