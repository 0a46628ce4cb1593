package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/duolog/duolog/domain"
)

// stopwatch times changes by the values they carry: each is seen in a webhook of the system it was made in, and again
// in the request that writes it to the other one.
type stopwatch struct {
	mu      sync.Mutex
	laps    map[string]*lap // by mark
	last    map[string]*lap // by record
	made    int
	open    int           // changes made and not written yet
	written chan struct{} // signalled after each that was
}

// lap is one change on its way.
type lap struct {
	from           domain.System
	before         *lap // the change of the same record it takes the place of
	began, written time.Time
}

func newStopwatch() *stopwatch {
	return &stopwatch{laps: map[string]*lap{}, last: map[string]*lap{}, written: make(chan struct{}, 1)}
}

// marks are the values changes are known by.
var marks = regexp.MustCompile(`Bench (aloware|hubspot) \d+`)

// expect makes a change known before it is made, and returns the value to make it to.
func (s *stopwatch) expect(from domain.System, record string) (mark string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
	s.open++
	mark, record = fmt.Sprintf("Bench %s %d", from, s.made), string(from)+" "+record
	l := &lap{from: from, before: s.last[record]}
	s.laps[mark], s.last[record] = l, l
	return mark
}

// inlet passes webhooks on to the service and starts the time of the changes in them.
func (s *stopwatch) inlet(service *url.URL) http.Handler {
	proxy := httputil.NewSingleHostReverseProxy(service)
	proxy.Transport = &http.Transport{MaxIdleConnsPerHost: 16}
	proxy.ErrorLog = log.New(io.Discard, "", 0) // a webhook that finds nobody is sent again
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		for _, l := range s.within(r) {
			if l.began.IsZero() && strings.HasPrefix(r.URL.Path, "/webhooks/"+string(l.from)+"/") {
				s.mu.Lock()
				l.began = now
				s.mu.Unlock()
			}
		}
		proxy.ServeHTTP(w, r)
	})
}

// outlet stops the time of changes that were written to the system.
func (s *stopwatch) outlet(system domain.System, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found := s.within(r)
		next.ServeHTTP(w, r)
		now := time.Now()
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, l := range found {
			for ; l != nil && l.from != system && l.written.IsZero(); l = l.before {
				l.written = now
				s.open--
			}
		}
		select {
		case s.written <- struct{}{}:
		default:
		}
	})
}

// within finds the changes a request's body carries.
func (s *stopwatch) within(r *http.Request) []*lap {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*lap
	for _, mark := range marks.FindAll(body, -1) {
		if l := s.laps[string(mark)]; l != nil {
			found = append(found, l)
		}
	}
	return found
}

// times are the durations of the changes made in a system, shortest first, and how many never arrived.
func (s *stopwatch) times(from domain.System) (took []time.Duration, lost int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.laps {
		switch {
		case l.from != from:
		case l.written.IsZero() || l.began.IsZero():
			lost++
		default:
			took = append(took, l.written.Sub(l.began))
		}
	}
	slices.Sort(took)
	return took, lost
}

// wait returns when every change is written, or ctx ends.
func (s *stopwatch) wait(ctx context.Context) {
	for {
		s.mu.Lock()
		open := s.open
		s.mu.Unlock()
		if open == 0 {
			return
		}
		select {
		case <-s.written:
		case <-ctx.Done():
			return
		}
	}
}

// clear forgets all changes.
func (s *stopwatch) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.laps, s.last, s.open = map[string]*lap{}, map[string]*lap{}, 0
}

// latency sums up how long one side's changes took, in milliseconds.
type latency struct {
	From  domain.System `json:"from"`
	To    domain.System `json:"to"`
	Facts int           `json:"facts"`
	P50   float64       `json:"p50_ms"`
	P90   float64       `json:"p90_ms"`
	P99   float64       `json:"p99_ms"`
	Max   float64       `json:"max_ms"`
}

// newLatency takes sorted durations, at least one.
func newLatency(from domain.System, sorted []time.Duration) latency {
	at := func(share float64) float64 {
		i := int(math.Ceil(share*float64(len(sorted)))) - 1
		return float64(sorted[max(i, 0)].Microseconds()) / 1000
	}
	return latency{
		From: from, To: from.Other(), Facts: len(sorted), P50: at(0.5), P90: at(0.9), P99: at(0.99), Max: at(1),
	}
}
