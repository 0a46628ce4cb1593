package sandboxkit

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Event is one webhook event to deliver.
type Event struct {
	// Label names it in the list of those never delivered: "contact.creation 512". No personal value.
	Label string
	Body  json.RawMessage
	// Attempt counts from 0.
	Attempt int

	fate *fate
}

// fate is shared by an event and its duplicate: it was never delivered only when neither was.
type fate struct {
	copies    int
	delivered bool
}

// SenderConfig says how webhooks are posted.
type SenderConfig struct {
	// Build makes the request for up to Batch events, signed for target.
	Build  func(ctx context.Context, target string, events []Event) (*http.Request, error)
	Batch  int           // events in one request, default 1
	Linger time.Duration // how long an event waits for company
	// Workers post at the same time, default 1: in order. With Faults.Shuffle at least 4.
	Workers int
	Timeout time.Duration // for one request, default 5 s
	Faults  Faults
	Client  *http.Client
}

// Sender delivers webhook events in the background, with the faults configured.
type Sender struct {
	cfg    SenderConfig
	chance *Chance
	slots  chan struct{}
	wake   chan struct{}
	ctx    context.Context
	stop   context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	target string
	queue  []queued
	open   int // queued and in flight
	idle   chan struct{}
	stats  Deliveries
}

type queued struct {
	Event
	due time.Time
}

// Deliveries counts what became of the webhook events.
type Deliveries struct {
	Events     int `json:"events"`     // put on the queue
	Delivered  int `json:"delivered"`  // answered 2xx, duplicates included
	Failed     int `json:"failed"`     // attempts not answered 2xx
	Duplicates int `json:"duplicates"` // sent a second time on purpose
	Requests   int `json:"requests"`
	Pending    int `json:"pending"`
	// NeverDelivered labels the events lost on purpose or given up after the last retry.
	NeverDelivered []string `json:"never_delivered"`
}

// NewSender starts a sender. It delivers nothing until a target is set. Close stops it.
func NewSender(cfg SenderConfig) *Sender {
	cfg.Batch = max(cfg.Batch, 1)
	cfg.Workers = max(cfg.Workers, 1)
	if cfg.Faults.Shuffle {
		cfg.Workers = max(cfg.Workers, 4)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.Faults.RetryInterval == 0 {
		cfg.Faults.RetryInterval = time.Second
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: cfg.Workers}}
	}
	s := &Sender{
		cfg: cfg, chance: NewChance(cfg.Faults.Seed, "webhooks"),
		slots: make(chan struct{}, cfg.Workers), wake: make(chan struct{}, 1), idle: make(chan struct{}),
	}
	close(s.idle)
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.wg.Go(s.run)
	return s
}

// SetTarget sets the URL webhooks are posted to; the empty one switches them off: events are then not made at all.
func (s *Sender) SetTarget(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.target = url
}

// Target returns the URL webhooks are posted to.
func (s *Sender) Target() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.target
}

// Enqueue takes events for delivery.
func (s *Sender) Enqueue(events ...Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.target == "" || s.ctx.Err() != nil {
		return
	}
	now := time.Now()
	for _, e := range events {
		s.stats.Events++
		if s.chance.Hit(s.cfg.Faults.WebhookLoss) {
			s.stats.NeverDelivered = append(s.stats.NeverDelivered, e.Label)
			continue
		}
		e.fate = &fate{copies: 1}
		s.push(e, now.Add(s.delay()))
		if s.chance.Hit(s.cfg.Faults.WebhookDuplicates) {
			s.stats.Duplicates++
			e.fate.copies++
			s.push(e, now.Add(s.delay()+s.chance.Around(s.cfg.Faults.RetryInterval)))
		}
	}
	s.nudge()
}

// delay is how long a new event waits: with Shuffle, long enough that later ones overtake it.
func (s *Sender) delay() time.Duration {
	d := s.cfg.Linger
	if s.cfg.Faults.Shuffle {
		d += s.chance.Around(100 * time.Millisecond)
	}
	return d
}

// push needs the lock.
func (s *Sender) push(e Event, due time.Time) {
	if s.open == 0 {
		s.idle = make(chan struct{})
	}
	s.open++
	s.queue = append(s.queue, queued{e, due})
}

func (s *Sender) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Sender) run() {
	for {
		select {
		case s.slots <- struct{}{}:
		case <-s.ctx.Done():
			return
		}
		batch, ok := s.take()
		if !ok {
			return
		}
		s.wg.Go(func() {
			defer func() { <-s.slots }()
			s.deliver(batch)
		})
	}
}

// take waits for events that are due and removes up to a batch of them.
func (s *Sender) take() ([]Event, bool) {
	for {
		batch, next := s.due(time.Now())
		if len(batch) > 0 {
			return batch, true
		}
		t := time.NewTimer(next)
		select {
		case <-s.ctx.Done():
			t.Stop()
			return nil, false
		case <-s.wake:
		case <-t.C:
		}
		t.Stop()
	}
}

func (s *Sender) due(now time.Time) (batch []Event, next time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next = time.Hour
	kept, seen := 0, 0 // of the queue's beginning
	for ; seen < len(s.queue) && len(batch) < s.cfg.Batch; seen++ {
		q := s.queue[seen]
		wait := q.due.Sub(now)
		if wait <= 0 {
			batch = append(batch, q.Event)
			continue
		}
		s.queue[kept], next = q, min(next, wait)
		kept++
	}
	copy(s.queue[seen-kept:seen], s.queue[:kept]) // those that wait move up to the rest, which may be long
	clear(s.queue[:seen-kept])
	s.queue = s.queue[seen-kept:]
	if s.cfg.Faults.Shuffle {
		Shuffle(s.chance, batch)
	}
	return batch, next
}

func (s *Sender) deliver(batch []Event) {
	ok := s.post(batch)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Requests++
	for _, e := range batch {
		s.settle(e, ok)
	}
	s.open -= len(batch)
	if s.open == 0 {
		close(s.idle)
	}
	s.nudge()
}

// settle needs the lock.
func (s *Sender) settle(e Event, ok bool) {
	switch {
	case ok:
		e.fate.copies--
		s.stats.Delivered++
		e.fate.delivered = true
	case e.Attempt < s.cfg.Faults.Retries:
		s.stats.Failed++
		e.Attempt++
		s.open++
		s.queue = append(s.queue, queued{e, time.Now().Add(s.chance.Around(s.cfg.Faults.RetryInterval))})
	default:
		s.stats.Failed++
		e.fate.copies--
		if e.fate.copies == 0 && !e.fate.delivered {
			s.stats.NeverDelivered = append(s.stats.NeverDelivered, e.Label)
		}
	}
}

func (s *Sender) post(batch []Event) bool {
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.Timeout)
	defer cancel()
	req, err := s.cfg.Build(ctx, s.Target(), batch)
	if err != nil {
		return false
	}
	res, err := s.cfg.Client.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	return res.StatusCode/100 == 2
}

// Quiesce waits until every event is delivered or given up.
func (s *Sender) Quiesce(ctx context.Context) error {
	s.mu.Lock()
	idle := s.idle
	s.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Deliveries returns the counts so far.
func (s *Sender) Deliveries() Deliveries {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.stats
	d.Pending = s.open
	d.NeverDelivered = slices.Clone(d.NeverDelivered)
	return d
}

// Close stops delivering; what is queued is dropped.
func (s *Sender) Close() {
	s.stop()
	s.wg.Wait()
}
