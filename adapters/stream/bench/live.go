package bench

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// Latency is how soon followers hear of a commit, in milliseconds: the median of the rounds. It is from when the append
// returned until a follower's read returned with the event; each follower has a connection of its own.
type Latency struct {
	Followers int     `json:"followers"`
	Heard     int     `json:"heard"` // deliveries, in all rounds
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"` // of all rounds
	// CPU is the processor's time of this process, server and followers, for each delivery, in microseconds; 0 when it is
	// not known.
	CPU float64 `json:"cpu_us"`
}

// followed measures one follower and many, in turns: what else happens on the machine then disturbs both alike.
func (c Config) followed(ctx context.Context, feed string) (all []Latency, ratio float64, err error) {
	rounds := map[int][]Latency{}
	counts := []int{1, c.Followers}
	for range c.Rounds {
		for _, followers := range counts {
			l, err := c.live(ctx, feed, followers)
			if err != nil {
				return nil, 0, fmt.Errorf("%d followers: %w", followers, err)
			}
			rounds[followers] = append(rounds[followers], l)
		}
	}
	for _, followers := range counts {
		all = append(all, together(rounds[followers]))
	}
	return all, all[1].P99 / max(all[0].P99, 0.001), nil
}

func together(rounds []Latency) Latency {
	l := Latency{
		Followers: rounds[0].Followers,
		P50:       median(rounds, func(l Latency) float64 { return l.P50 }),
		P99:       median(rounds, func(l Latency) float64 { return l.P99 }),
		CPU:       median(rounds, func(l Latency) float64 { return l.CPU }),
	}
	for _, r := range rounds {
		l.Heard += r.Heard
		l.Max = max(l.Max, r.Max)
	}
	return l
}

func median(rounds []Latency, of func(Latency) float64) float64 {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = of(r)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// hearing collects when events were committed and when they were heard of.
type hearing struct {
	mu        sync.Mutex
	committed map[int64]time.Time
	heard     map[int64][]time.Time
}

// live has so many followers listen while events are committed one by one.
func (c Config) live(ctx context.Context, feed string, followers int) (Latency, error) {
	head, err := c.Log.Head(ctx)
	if err != nil {
		return Latency{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute+time.Duration(c.Commits)*c.Every)
	defer cancel()
	h := &hearing{committed: map[int64]time.Time{}, heard: map[int64][]time.Time{}}
	last := head.Position + int64(c.Commits)
	var listening, running sync.WaitGroup
	listening.Add(followers)
	errs := make(chan error, followers)
	target, err := url.Parse(feed)
	if err != nil {
		return Latency{}, err
	}
	for range followers {
		running.Go(func() {
			errs <- h.listen(ctx, target, head.Position, last, sync.OnceFunc(listening.Done))
		})
	}
	listening.Wait()
	var began time.Duration
	if c.CPUTime != nil {
		began = c.CPUTime()
	}
	tick := time.NewTicker(c.Every)
	defer tick.Stop()
	for range c.Commits {
		<-tick.C
		if err := c.commit(ctx, h); err != nil {
			return Latency{}, err
		}
	}
	running.Wait()
	for range followers {
		if err := <-errs; err != nil {
			return Latency{}, err
		}
	}
	l := h.latency(followers)
	if c.CPUTime != nil {
		l.CPU = float64((c.CPUTime() - began).Microseconds()) / float64(max(l.Heard, 1))
	}
	return l, nil
}

func (c Config) commit(ctx context.Context, h *hearing) error {
	got, err := c.Log.Append(ctx, eventstore.NewEvent{
		ID: ulid.Make(), Stream: "hubspot/contact/1", Type: domain.RecordUpdated, Schema: 1, Actor: "bench",
		Subject: "hubspot/contact/1", Data: []byte(`{"via":"webhook","properties":{"city":"Springfield"},"clock":1}`),
	})
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.committed[got[0].Position] = time.Now()
	return nil
}

// listen follows until it has heard of the last event. It reads the answer as bytes: what clients do with an event is not
// what is measured, and they share the processors with the server.
func (h *hearing) listen(ctx context.Context, target *url.URL, after, last int64, ready func()) error {
	defer ready()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", target.Host)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "GET %s?after=%d HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nAccept: text/event-stream\r\n\r\n",
		target.Path, after, target.Host, token)
	if err != nil {
		return err
	}
	l := listener{after: after, last: last, times: make([]time.Time, 0, last-after)}
	if err = each(conn, make([]byte, 16<<10), func(chunk []byte) bool { return l.take(chunk, ready) }); err != nil {
		return err
	}
	h.keep(after, l.times)
	return l.err
}

// listener is how far one who listens has come.
type listener struct {
	after, last int64
	begun       []byte // of a line that has not ended yet
	times       []time.Time
	err         error
}

// take reads what came and reports whether more is to come.
func (l *listener) take(chunk []byte, ready func()) bool {
	now := time.Now()
	for line := range bytes.Lines(chunk) {
		if whole := line[len(line)-1] == '\n'; !whole || len(l.begun) > 0 {
			if l.begun = append(l.begun, line...); !whole {
				break
			}
			line, l.begun = l.begun, l.begun[:0]
		}
		id, ok := bytes.CutPrefix(line, []byte("id: "))
		if !ok {
			continue
		}
		if len(l.times) == 0 {
			ready()
		}
		position, _ := strconv.ParseInt(string(bytes.TrimSpace(id[bytes.LastIndexByte(id, ':')+1:])), 10, 64)
		want := l.after + int64(len(l.times)) + 1
		switch {
		case position == want:
			l.times = append(l.times, now)
		case position != l.after || want != l.after+1: // where it begins is told, too
			l.err = fmt.Errorf("heard of %d, want %d", position, want)
		}
		if position >= l.last || l.err != nil {
			return false
		}
	}
	return true
}

func (h *hearing) keep(after int64, times []time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, t := range times {
		position := after + int64(i) + 1
		h.heard[position] = append(h.heard[position], t)
	}
}

func (h *hearing) latency(followers int) Latency {
	var all []float64
	for position, at := range h.committed {
		for _, t := range h.heard[position] {
			all = append(all, max(float64(t.Sub(at).Microseconds())/1000, 0))
		}
	}
	slices.Sort(all)
	l := Latency{Followers: followers, Heard: len(all)}
	if n := len(all); n > 0 {
		l.P50, l.P99, l.Max = all[n/2], all[n*99/100], all[n-1]
	}
	return l
}
