package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/duolog/duolog/domain"
)

// front stands where the world sends its webhooks. It hands each to a serve that is up, another one when that does not
// answer, and keeps what was acknowledged: the evidence that a fact must be in the log.
type front struct {
	url    string
	server *http.Server
	client *http.Client

	mu       sync.Mutex
	backends []string
	next     int
	acked    evidence
	statuses map[int]int // answers given, by status; 502 when no serve answered
}

// evidence counts facts by what identifies them. HubSpot's are counted once per event id.
type evidence struct {
	facts  map[fact]int
	events map[string]bool
}

// fact is a webhook's fact, as it must be in the log.
type fact struct {
	stream, vendor string
	clock          int64  // µs; 0 for Aloware, which tells none
	properties     string // canonical JSON
}

// newFront listens. patience is how long a serve may take before another is tried.
func newFront(ctx context.Context, patience time.Duration) (*front, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for webhooks: %w", err)
	}
	f := &front{
		url: "http://" + l.Addr().String(), client: &http.Client{Timeout: patience}, statuses: map[int]int{},
		acked: evidence{map[fact]int{}, map[string]bool{}},
	}
	f.server = &http.Server{Handler: f, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = f.server.Serve(l) }()
	return f, nil
}

// up adds a serve, down takes it out.
func (f *front) up(url string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.backends = append(f.backends, url)
}

func (f *front) down(url string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rest := f.backends[:0:0]
	for _, b := range f.backends {
		if b != url {
			rest = append(rest, b)
		}
	}
	f.backends = rest
}

// order lists the serves, each time beginning with another.
func (f *front) order() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	out := make([]string, len(f.backends))
	for i := range f.backends {
		out[i] = f.backends[(f.next+i)%len(f.backends)]
	}
	return out
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sandbox went away
	}
	status := http.StatusBadGateway
	for _, b := range f.order() {
		if s, err := f.forward(r, b, body); err == nil {
			status = s
			if s < 500 {
				break
			}
		}
	}
	f.mu.Lock()
	f.statuses[status]++
	if status/100 == 2 {
		f.acked.delivered(strings.Contains(r.URL.Path, "/hubspot/"), body)
	}
	f.mu.Unlock()
	w.WriteHeader(status)
}

// given counts the answers of a status.
func (f *front) given(status int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.statuses[status]
}

func (f *front) forward(r *http.Request, backend string, body []byte) (int, error) {
	// Not the request's own context: what a serve was handed is followed to its end, so that its answer counts.
	ctx := context.WithoutCancel(r.Context())
	to := backend + r.URL.Path
	req, err := http.NewRequestWithContext(ctx, r.Method, to, bytes.NewReader(body)) //nolint:gosec // a serve started here
	if err != nil {
		return 0, err
	}
	req.Header = r.Header.Clone()
	res, err := f.client.Do(req) //nolint:gosec // the same
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode, nil
}

// delivered notes the facts of an acknowledged webhook.
func (e evidence) delivered(hubspot bool, body []byte) {
	if !hubspot {
		e.aloware(body)
		return
	}
	var items []struct {
		EventID          json.Number `json:"eventId"`
		SubscriptionType string      `json:"subscriptionType"`
		ObjectID         json.Number `json:"objectId"`
		OccurredAt       int64       `json:"occurredAt"`
		PropertyName     string      `json:"propertyName"`
		PropertyValue    any         `json:"propertyValue"`
	}
	if json.Unmarshal(body, &items) != nil {
		return
	}
	for _, it := range items {
		if e.events[it.EventID.String()] {
			continue
		}
		e.events[it.EventID.String()] = true
		var properties map[string]any
		if it.PropertyName != "" {
			properties = map[string]any{it.PropertyName: it.PropertyValue}
		}
		record := domain.Record{System: domain.HubSpot, ID: it.ObjectID.String()}
		e.facts[fact{record.Stream(), it.SubscriptionType, it.OccurredAt * 1000, canonical(properties)}]++
	}
}

func (e evidence) aloware(body []byte) {
	var d struct {
		Event string         `json:"event"`
		Body  map[string]any `json:"body"`
	}
	if json.Unmarshal(body, &d) != nil || d.Body["id"] == nil {
		return
	}
	record := domain.Record{System: domain.Aloware, ID: fmt.Sprintf("%.0f", d.Body["id"])}
	e.facts[fact{record.Stream(), d.Event, 0, canonical(d.Body)}]++
}

// canonical writes properties with sorted keys; none at all is the empty text.
func canonical(properties map[string]any) string {
	if len(properties) == 0 {
		return ""
	}
	b, err := json.Marshal(properties)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
