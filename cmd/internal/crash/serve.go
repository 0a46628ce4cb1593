package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

var (
	listens = regexp.MustCompile(`^Duolog listens on (http://\S+?),`)
	owns    = regexp.MustCompile(`msg="connection owned".* epoch=(\d+)`)
	ready   = regexp.MustCompile(`msg="baseline complete"`)
)

// serve is a duolog serve: one name, one place in line, and one process after another.
type serve struct {
	c    *campaign
	name string
	env  []string
	wire bool // webhooks come by a wire, too

	database *wire // nil: there is none before it

	mu      sync.Mutex
	process *child
	address string // where the present process listens
	url     string // where webhooks for it go
	epoch   int64  // under which the present process owns the connection, 0 when it does not
	owned   chan struct{}
	struck  time.Time // when it was last frozen or cut off
	wanted  bool      // whether the process is meant to live
}

func (c *campaign) newServe(name string, env []string) *serve {
	s := &serve{c: c, name: name, env: env}
	c.serves = append(c.serves, s)
	return s
}

// start runs a new process.
func (s *serve) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.address, s.url, s.epoch, s.owned, s.wanted = "", "", 0, make(chan struct{}), true
	owned := s.owned
	p, err := spawn(s.c.dir, s.name, s.env, func(line string) { s.hear(line, owned) },
		s.c.program, "serve", "--addr", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.process = p
	go s.mind(p)
	return nil
}

// mind reports a process that ends although nobody ended it.
func (s *serve) mind(p *child) {
	<-p.done
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == p && s.wanted {
		s.c.violate("%s ended by itself: %s", s.name, p.cmd.ProcessState)
	}
}

// hear takes a line of the process that owned belongs to.
func (s *serve) hear(line string, owned chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owned != owned {
		return
	}
	if m := listens.FindStringSubmatch(line); m != nil {
		s.listensAt(m[1])
	}
	if m := owns.FindStringSubmatch(line); m != nil {
		s.epoch, _ = strconv.ParseInt(m[1], 10, 64)
		s.c.tookOver(s.name, s.epoch)
		select {
		case <-owned:
		default:
			close(owned)
		}
	}
	if strings.Contains(line, "WARNING: DATA RACE") || strings.HasPrefix(line, "panic: ") {
		s.c.violate("%s: %s", s.name, line)
	}
	if ready.MatchString(line) {
		s.c.baselineDone.Do(func() { close(s.c.baseline) })
	}
}

// listensAt has webhooks brought to where the present process listens.
func (s *serve) listensAt(address string) {
	s.address, s.url = address, address
	if s.wire {
		w, err := s.c.rewire(wireServe, address)
		if err != nil {
			s.c.violate("%v", err)
			return
		}
		s.url = w.url
	}
	s.c.front.up(s.url)
}

// kill ends the process without warning.
func (s *serve) kill() {
	s.mu.Lock()
	p, url := s.process, s.url
	s.wanted = false
	s.mu.Unlock()
	p.kill()
	s.c.front.down(url)
}

// freeze stops the process where it stands; thaw lets it go on.
func (s *serve) freeze() { s.process.signal(syscall.SIGSTOP) }

func (s *serve) thaw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch = 0
	s.process.signal(syscall.SIGCONT)
}

// strike notes when something befell the process; whenStruck tells.
func (s *serve) strike(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.struck = at
}

func (s *serve) whenStruck() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.struck
}

// waitOwned waits until the present process owns the connection.
func (s *serve) waitOwned(ctx context.Context, patience time.Duration) error {
	s.mu.Lock()
	owned, p := s.owned, s.process
	s.mu.Unlock()
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-owned:
		return nil
	case <-p.done:
		return fmt.Errorf("%s ended: see %s.log", s.name, s.name)
	case <-t.C:
		return fmt.Errorf("%s did not own the connection within %s", s.name, patience)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *serve) epochNow() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

// direct is where the present process listens.
func (s *serve) direct() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.address
}

// at is where webhooks for the present process go.
func (s *serve) at() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url
}
