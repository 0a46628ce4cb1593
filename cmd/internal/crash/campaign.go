package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
)

// campaign is one run: its processes, its folder and what came of it.
type campaign struct {
	Options
	dir, root, program string
	file               string // of the database, on SQLite
	database           string // DUOLOG_DATABASE_URL
	server             *server
	drop               func(context.Context) error // removes the database made for this run
	sandbox            *child
	boxes              map[domain.System]*box
	front              *front
	serves             []*serve
	proxies            []*http.Server
	wires              []*wire
	chance             *sandboxkit.Chance
	began              time.Time

	baseline     chan struct{} // closed once a serve said so
	baselineDone sync.Once

	mu     sync.Mutex
	owners []ownership
	result Result
}

// ownership is a moment at which a serve came to own the connection.
type ownership struct {
	name  string
	epoch int64
	at    time.Time
}

// settleTime bounds how long everything may take to come to rest.
const settleTime = 8 * time.Minute

// Run carries a campaign out. Every process it started has ended when it returns.
func Run(ctx context.Context, o Options) (Result, error) {
	if err := o.check(); err != nil {
		return Result{}, err
	}
	dir, err := os.MkdirTemp("", "duolog-crash-")
	if err != nil {
		return Result{}, fmt.Errorf("make a folder: %w", err)
	}
	c := &campaign{
		Options: o, dir: dir, boxes: map[domain.System]*box{}, chance: sandboxkit.NewChance(o.Seed, "crash"),
		baseline: make(chan struct{}), began: time.Now(),
	}
	c.result = Result{Mode: o.Mode, Database: o.Database, Seed: o.Seed, Violations: []string{}}
	err = c.run(ctx)
	kept := err != nil || o.Keep || len(c.result.Violations) > 0
	c.close(context.WithoutCancel(ctx), kept)
	c.result.Seconds = time.Since(c.began).Seconds()
	if kept {
		c.result.Kept = dir
		return c.result, err
	}
	return c.result, os.RemoveAll(dir)
}

func (c *campaign) run(ctx context.Context) error {
	if err := c.prepare(ctx); err != nil {
		return err
	}
	busy, stop := context.WithCancel(ctx)
	defer stop()
	first, err := c.firstServe(ctx)
	if err != nil {
		return err
	}
	traffic := make(chan sandboxkit.TrafficReport, 1)
	go func() { traffic <- c.traffic(busy) }()
	err = c.misfortune(ctx, first)
	stop()
	c.result.Traffic = <-traffic
	if err != nil {
		return err
	}
	c.say("traffic stopped after %d edits and %d creates, settling", c.result.Traffic.Edits, c.result.Traffic.Creates)
	return c.judge(ctx)
}

// prepare builds the program, opens the database and starts the sandboxes.
func (c *campaign) prepare(ctx context.Context) (err error) {
	if c.root, err = repository(ctx); err != nil {
		return err
	}
	c.say("seed %d, building", c.Seed)
	if c.program, err = build(ctx, c.root, c.dir, c.Race); err != nil {
		return err
	}
	patience := 10 * time.Second
	if c.Mode == ModeRival {
		patience = 2 * time.Second // below the sandbox's own, so that the other serve can be asked
	}
	if c.front, err = newFront(ctx, patience); err != nil {
		return err
	}
	if err := c.openDatabase(ctx); err != nil {
		return err
	}
	return c.sandboxes(ctx, c.front.url)
}

// firstServe starts the first process and waits until it owns the connection.
func (c *campaign) firstServe(ctx context.Context) (*serve, error) {
	s := c.newServe("serve", c.env())
	var err error
	switch c.Mode {
	case ModeRival:
		err = c.watched(ctx, s)
	case ModeNetwork:
		s.wire, err = true, c.wired(s)
	}
	if err == nil {
		err = s.start()
	}
	if err != nil {
		return nil, err
	}
	return s, s.waitOwned(ctx, time.Minute)
}

func (c *campaign) misfortune(ctx context.Context, s *serve) error {
	switch c.Mode {
	case ModeRival:
		return c.rivals(ctx, s)
	case ModePostgres:
		return c.outages(ctx)
	case ModeNetwork:
		return c.network(ctx, s)
	case ModeDisk:
		return c.shortages(ctx, s)
	default:
		return c.kills(ctx, s)
	}
}

// traffic makes changes until ctx ends. Now and then it looks at the people there are, so that those Duolog made are
// edited, too.
func (c *campaign) traffic(ctx context.Context) sandboxkit.TrafficReport {
	go func() {
		for pause(ctx, 2*time.Second) == nil {
			_ = c.boxes[domain.HubSpot].learn(ctx)
			_ = c.boxes[domain.Aloware].learn(ctx)
		}
	}()
	return sandboxkit.Traffic{
		Aloware: c.boxes[domain.Aloware], HubSpot: c.boxes[domain.HubSpot], Seed: c.Seed, Rate: c.Traffic,
		CreateShare: 0.15, FirstPerson: c.Contacts,
	}.Run(ctx)
}

// tookOver notes a change of owner.
func (c *campaign) tookOver(name string, epoch int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owners = append(c.owners, ownership{name, epoch, time.Now()})
	c.result.Owners++
}

// violate notes something that must never be.
func (c *campaign) violate(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.result.Violations = append(c.result.Violations, fmt.Sprintf(format, args...))
}

func (c *campaign) say(format string, args ...any) {
	fmt.Fprintf(c.Log, "%6.1fs  %s\n", time.Since(c.began).Seconds(), fmt.Sprintf(format, args...))
}

// close ends every process, and removes the database unless the run is kept.
func (c *campaign) close(ctx context.Context, kept bool) {
	for _, s := range c.serves {
		s.mu.Lock()
		s.wanted = false
		p := s.process
		s.mu.Unlock()
		p.kill()
	}
	c.sandbox.kill()
	for _, p := range c.proxies {
		_ = p.Close()
	}
	for _, w := range c.wires {
		w.proxy.Stop()
	}
	if c.Folder != "" && !kept {
		_ = os.RemoveAll(filepath.Dir(c.file))
	}
	if c.front != nil {
		_ = c.front.server.Close()
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if c.drop != nil && !kept {
		if err := c.drop(ctx); err != nil {
			c.say("%v", err)
		}
	}
	c.server.stop()
	if c.server != nil && !kept {
		_ = os.RemoveAll(c.server.dir)
	}
}

// env is what a duolog process is told; nothing of this process's own environment but where programs are.
func (c *campaign) env() []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(), "USER=crash",
		"DUOLOG_DATABASE_URL=" + c.database, "DUOLOG_DATA=" + c.dir, "DUOLOG_API_TOKEN=crash",
		"DUOLOG_MASTER_KEY_FILE=" + filepath.Join(c.dir, "master.key"), "DUOLOG_PUBLIC_URL=" + c.front.url,
		"HUBSPOT_ACCESS_TOKEN=any", "HUBSPOT_CLIENT_SECRET=sandbox", "ALOWARE_API_TOKEN=any", "ALOWARE_WEBHOOK_TOKEN=sandbox",
	}
	for s, b := range c.boxes {
		env = append(env, baseURL(s, b.url))
	}
	return env
}

func baseURL(s domain.System, url string) string {
	if s == domain.HubSpot {
		return "HUBSPOT_BASE_URL=" + url
	}
	return "ALOWARE_BASE_URL=" + url
}
