package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// Latency is how soon followers hear of a commit, in milliseconds.
type Latency struct {
	Followers int     `json:"followers"`
	Heard     int     `json:"heard"` // deliveries
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"`
}

// hearing collects when events were committed and when they were heard of.
type hearing struct {
	mu        sync.Mutex
	committed map[int64]time.Time
	heard     map[int64][]time.Time
}

// live has so many followers listen while events are committed one by one.
func (c Config) live(ctx context.Context, url string, followers int) (Latency, error) {
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
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: followers}}
	defer client.CloseIdleConnections()
	for range followers {
		running.Go(func() {
			errs <- h.listen(ctx, client, fmt.Sprintf("%s?after=%d", url, head.Position), last, sync.OnceFunc(listening.Done))
		})
	}
	listening.Wait()
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
	return h.latency(followers), nil
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

// listen follows until it has heard of the last event.
func (h *hearing) listen(ctx context.Context, client *http.Client, url string, last int64, ready func()) error {
	defer ready()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "text/event-stream")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	var times []time.Time
	var positions []int64
	for lines := bufio.NewReader(resp.Body); ; {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return err
		}
		id, ok := bytes.CutPrefix(line, []byte("id: "))
		if !ok {
			continue
		}
		ready()
		n, err := strconv.ParseInt(string(bytes.TrimSpace(id[bytes.LastIndexByte(id, ':')+1:])), 10, 64)
		if err != nil {
			return err
		}
		times, positions = append(times, time.Now()), append(positions, n)
		if n >= last {
			break
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, p := range positions {
		h.heard[p] = append(h.heard[p], times[i])
	}
	return nil
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
