package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
)

// box is a sandbox in another process. It is a sandboxkit.Side: what traffic does goes through its control routes.
type box struct {
	system domain.System
	url    string
	client *http.Client

	mu   sync.Mutex
	ids  []string
	said words
}

// person is a contact as a sandbox shows it, by read name.
type person struct {
	ID         string            `json:"id"`
	Properties map[string]string `json:"properties"`
}

// boxStats is what the campaign reads of either sandbox's counts.
type boxStats struct {
	Contacts int                   `json:"contacts"`
	Writes   int                   `json:"writes"`
	Webhooks sandboxkit.Deliveries `json:"webhooks"`
}

var standIn = regexp.MustCompile(`^(Aloware|HubSpot) stand-in\s+(http://\S+)`)

// sandboxes starts both in one process and waits until they listen. Webhooks go to front.
func (c *campaign) sandboxes(ctx context.Context, front string) error {
	found := make(chan []string, 2)
	hear := func(line string) {
		if m := standIn.FindStringSubmatch(line); m != nil {
			found <- m
		}
	}
	rate := strconv.FormatFloat(c.FailRate, 'f', -1, 64)
	p, err := spawn(c.dir, "sandbox", c.env(), hear, c.program, "sandbox",
		"--hubspot-addr", "127.0.0.1:0", "--aloware-addr", "127.0.0.1:0", "--webhooks-to", front,
		"--contacts", strconv.Itoa(c.Contacts), "--seed", strconv.FormatUint(c.Seed, 10),
		"--hubspot-retries", strconv.Itoa(c.HubSpotRetries), "--aloware-retries", strconv.Itoa(c.AlowareRetries),
		"--retry-interval", "1s", "--webhook-duplicates", "0.2", "--shuffle",
		"--fail-rate", rate, "--fail-after-commit-rate", rate)
	if err != nil {
		return err
	}
	c.sandbox = p
	for range 2 {
		select {
		case m := <-found:
			b := &box{system: domain.HubSpot, url: m[2], client: &http.Client{Timeout: 6 * time.Minute}, said: words{}}
			if m[1] == "Aloware" {
				b.system = domain.Aloware
			}
			c.boxes[b.system] = b
		case <-p.done:
			return fmt.Errorf("the sandboxes did not start: see sandbox.log")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.Join(c.boxes[domain.HubSpot].meet(ctx), c.boxes[domain.Aloware].meet(ctx))
}

// meet notes the people there are before Duolog has written anything.
func (b *box) meet(ctx context.Context) error {
	all, err := b.people(ctx)
	for _, p := range all {
		b.said.say(p.ID, p.Properties, time.Time{}, nil)
		b.ids = append(b.ids, p.ID)
	}
	return err
}

// learn lists the people there are.
func (b *box) learn(ctx context.Context) error {
	all, err := b.people(ctx)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ids = b.ids[:0]
	for _, p := range all {
		b.ids = append(b.ids, p.ID)
	}
	return nil
}

// busy is how many people get half of the edits, on both sides the same: so they are written over again and again.
const busy = 6

// IDs implements sandboxkit.Side. Records Duolog made are among them from the last learn on.
func (b *box) IDs() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	few := b.ids[:min(busy, len(b.ids))]
	return slices.Concat(b.ids, slices.Repeat(few, len(b.ids)/busy))
}

// EditFields implements sandboxkit.Side. Whoever edits looks first.
func (b *box) EditFields(id string, f sandboxkit.Fields) error {
	all, err := b.people(context.Background())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(p person) bool { return p.ID == id })
	if i < 0 {
		return fmt.Errorf("%s:%s is gone", b.system, id)
	}
	at := time.Now()
	_, err = b.order("edit", map[string]any{"id": id, "properties": b.named(f)})
	if err == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.said.say(id, b.named(f), at, all[i].Properties)
	}
	return err
}

// CreateFields implements sandboxkit.Side.
func (b *box) CreateFields(f sandboxkit.Fields) (string, error) {
	id, err := b.order("create", map[string]any{"properties": b.named(f)})
	if err == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.ids = append(b.ids, id)
		b.said.say(id, b.named(f), time.Time{}, nil)
	}
	return id, err
}

func (b *box) named(f sandboxkit.Fields) map[string]string {
	if b.system == domain.HubSpot {
		return f.HubSpot()
	}
	return maps.Clone(f)
}

func (b *box) order(what string, body any) (id string, err error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	var answer struct {
		ID string `json:"id"`
	}
	err = b.ask(context.Background(), http.MethodPost, what, raw, &answer)
	return answer.ID, err
}

// quiesce waits until every webhook is delivered or given up.
func (b *box) quiesce(ctx context.Context) error {
	return b.ask(ctx, http.MethodPost, "quiesce", nil, nil)
}

func (b *box) people(ctx context.Context) ([]person, error) {
	var all []person
	err := b.ask(ctx, http.MethodGet, "contacts", nil, &all)
	return all, err
}

func (b *box) stats(ctx context.Context) (boxStats, error) {
	var s boxStats
	err := b.ask(ctx, http.MethodGet, "stats", nil, &s)
	return s, err
}

func (b *box) ask(ctx context.Context, method, what string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, b.url+"/_sandbox/"+what, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := b.client.Do(req)
	if err != nil {
		return fmt.Errorf("ask the sandbox of %s: %w", b.system, err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("sandbox of %s, %s: status %d", b.system, what, res.StatusCode)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(raw, into)
}
