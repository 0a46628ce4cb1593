package sandboxkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestWindow(t *testing.T) {
	w := Window{Max: 2, Per: 10 * time.Second}
	at := time.Unix(0, 0)
	for i, step := range []struct {
		wait time.Duration
		ok   bool
		left int
	}{{0, true, 1}, {time.Second, true, 0}, {8 * time.Second, false, 0}, {time.Second, true, 0}, {0, false, 0}} {
		at = at.Add(step.wait)
		if ok, left := w.Take(at); ok != step.ok || left != step.left {
			t.Errorf("step %d: %v, %d left", i, ok, left)
		}
	}
	if ok, _ := (&Window{}).Take(at); !ok {
		t.Error("no limit is a limit")
	}
}

// calls runs n requests through an injector and returns the statuses and how many reached the API.
func calls(t *testing.T, i *Injector, n int) (statuses []int, reached int) {
	t.Helper()
	i.Failed = func(w http.ResponseWriter, _ *http.Request, status int) { w.WriteHeader(status) }
	i.Limited = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }
	api := i.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached++
		_, _ = w.Write([]byte("done"))
	}))
	for range n {
		w := httptest.NewRecorder()
		func() {
			defer func() {
				if recover() != nil {
					w.Code = 0
				}
			}()
			api.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
		}()
		statuses = append(statuses, w.Code)
	}
	return statuses, reached
}

func TestInjectorOrders(t *testing.T) {
	i := NewInjector(Faults{})
	i.Next(Limit, Pass, FailBefore, FailAfter, Drop)
	got, reached := calls(t, i, 6)
	if got[0] != 429 || got[1] != 200 || got[2] < 500 || got[3] < 500 || got[4] != 0 || got[5] != 200 {
		t.Errorf("%v", got)
	}
	if reached != 4 { // all but the limited one and the one that failed before
		t.Errorf("%d requests reached the API", reached)
	}
}

func TestInjectorRates(t *testing.T) {
	share := func(f Faults) (failed, reached float64) {
		got, n := calls(t, NewInjector(f), 5000)
		bad := 0
		for _, status := range got {
			if status >= 500 {
				bad++
			}
		}
		return float64(bad) / 5000, float64(n) / 5000
	}
	if failed, reached := share(Faults{Seed: 1, FailRate: 0.05}); failed < 0.04 || failed > 0.06 || reached+failed != 1 {
		t.Errorf("before: %.3f failed, %.3f reached", failed, reached)
	}
	failed, reached := share(Faults{Seed: 1, FailAfterCommitRate: 0.05})
	if failed < 0.04 || failed > 0.06 || reached != 1 {
		t.Errorf("after: %.3f failed, %.3f reached", failed, reached)
	}
}

// TestInjectorSeed: the same seed gives the same failures.
func TestInjectorSeed(t *testing.T) {
	run := func(seed uint64) []int {
		got, _ := calls(t, NewInjector(Faults{Seed: seed, FailRate: 0.3}), 200)
		return got
	}
	if !slices.Equal(run(7), run(7)) || slices.Equal(run(7), run(8)) {
		t.Error("failures do not follow the seed")
	}
}

func TestInjectorLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		calls(t, NewInjector(Faults{Latency: time.Second}), 20)
		if took := time.Since(begun); took < 15*time.Second || took > 25*time.Second {
			t.Errorf("20 requests took %v", took)
		}
	})
}

// post is a transport that answers webhooks without a network.
type post struct {
	mu     sync.Mutex
	status func(n int) int
	bodies []string
}

func (p *post) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bodies = append(p.bodies, r.URL.Query().Get("events"))
	status := 200
	if p.status != nil {
		status = p.status(len(p.bodies))
	}
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Request: r}, nil
}

// sender runs fn with a sender of batches of 2, in a bubble of time, and waits until it is idle.
func sender(t *testing.T, f Faults, status func(n int) int, fn func(*Sender)) (Deliveries, []string) {
	t.Helper()
	var d Deliveries
	p := &post{status: status}
	synctest.Test(t, func(t *testing.T) {
		s := NewSender(SenderConfig{
			Batch: 2, Faults: f, Client: &http.Client{Transport: p},
			Build: func(ctx context.Context, target string, events []Event) (*http.Request, error) {
				var names []string
				for _, e := range events {
					names = append(names, fmt.Sprintf("%s/%d", e.Label, e.Attempt))
				}
				return http.NewRequestWithContext(ctx, "POST", target+"?events="+strings.Join(names, "+"), nil)
			},
		})
		s.SetTarget("http://duolog.example/")
		fn(s)
		if err := s.Quiesce(t.Context()); err != nil {
			t.Error(err)
		}
		d = s.Deliveries()
		s.Close()
	})
	return d, p.bodies
}

func event(label string) Event { return Event{Label: label, Body: json.RawMessage("{}")} }

func TestSenderKeepsOrder(t *testing.T) {
	d, got := sender(t, Faults{}, nil, func(s *Sender) {
		s.Enqueue(event("a"), event("b"), event("c"))
	})
	if !slices.Equal(got, []string{"a/0 b/0", "c/0"}) || d.Delivered != 3 || d.Requests != 2 || d.Pending != 0 {
		t.Errorf("%q, %+v", got, d)
	}
}

func TestSenderRetriesThenGivesUp(t *testing.T) {
	d, got := sender(t, Faults{Retries: 2, RetryInterval: time.Minute}, func(int) int { return 500 }, func(s *Sender) {
		s.Enqueue(event("a"))
	})
	if !slices.Equal(got, []string{"a/0", "a/1", "a/2"}) || d.Failed != 3 ||
		!slices.Equal(d.NeverDelivered, []string{"a"}) {
		t.Errorf("%q, %+v", got, d)
	}
	atFirstNot := func(n int) int { return 200 * (n / 2) } // the connection is refused once
	d, got = sender(t, Faults{Retries: 2}, atFirstNot, func(s *Sender) { s.Enqueue(event("a")) })
	if !slices.Equal(got, []string{"a/0", "a/1"}) || d.Delivered != 1 || len(d.NeverDelivered) != 0 {
		t.Errorf("%q, %+v", got, d)
	}
}

func TestSenderLoss(t *testing.T) {
	d, got := sender(t, Faults{WebhookLoss: 1}, nil, func(s *Sender) { s.Enqueue(event("a")) })
	if len(got) != 0 || !slices.Equal(d.NeverDelivered, []string{"a"}) || d.Events != 1 {
		t.Errorf("%q, %+v", got, d)
	}
}

// TestSenderDuplicate: an event is never delivered only when its duplicate was not delivered either.
func TestSenderDuplicate(t *testing.T) {
	f := Faults{WebhookDuplicates: 1, RetryInterval: time.Minute}
	d, got := sender(t, f, func(n int) int { return 500 - 300*(n/2) }, func(s *Sender) { s.Enqueue(event("a")) })
	if len(got) != 2 || d.Duplicates != 1 || d.Delivered != 1 || len(d.NeverDelivered) != 0 {
		t.Errorf("%q, %+v", got, d)
	}
	d, _ = sender(t, f, func(int) int { return 500 }, func(s *Sender) { s.Enqueue(event("a")) })
	if !slices.Equal(d.NeverDelivered, []string{"a"}) {
		t.Errorf("%+v", d)
	}
}

func TestSenderWithoutTarget(t *testing.T) {
	d, got := sender(t, Faults{}, nil, func(s *Sender) {
		s.SetTarget("")
		s.Enqueue(event("a"))
	})
	if len(got) != 0 || d.Events != 0 {
		t.Errorf("%q, %+v", got, d)
	}
}

// side is a side that remembers.
type side struct{ edits, creates []Fields }

func (s *side) IDs() []string                       { return []string{"1", "2"} }
func (s *side) EditFields(_ string, f Fields) error { s.edits = append(s.edits, f); return nil }
func (s *side) CreateFields(f Fields) (string, error) {
	s.creates = append(s.creates, f)
	return "3", nil
}

func TestTraffic(t *testing.T) {
	run := func() (a, h *side, r TrafficReport) {
		a, h = &side{}, &side{}
		return a, h, Traffic{Aloware: a, HubSpot: h, Seed: 5, CreateShare: 0.2, FirstPerson: 100}.Do(1000)
	}
	a, h, r := run()
	a2, h2, _ := run()
	if fmt.Sprint(a, h) != fmt.Sprint(a2, h2) {
		t.Fatal("the same seed gave other traffic")
	}
	if r.Creates < 150 || r.Creates > 250 || r.Edits+r.Creates != 1000 || len(a.edits) == 0 || len(h.edits) == 0 {
		t.Fatalf("%+v", r)
	}
	taken := map[string]bool{}
	for _, p := range People(5, 100) {
		taken[p.Aloware["phone_number"]], taken[p.HubSpot["email"]] = true, true
	}
	for _, f := range slices.Concat(a.creates, h.creates) {
		if taken[f["phone_number"]] || taken[f["email"]] {
			t.Fatal("a created person has somebody's phone or email")
		}
		taken[f["phone_number"]], taken[f["email"]] = true, true
	}
	for _, f := range slices.Concat(a.edits, h.edits) {
		if f["phone_number"] != "" || f["email"] != "" && taken[f["email"]] || len(f) == 0 {
			t.Fatalf("an edit changes a phone, takes an email, or nothing: %d fields", len(f))
		}
	}
}

func TestTrafficRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		r := Traffic{Aloware: &side{}, HubSpot: &side{}, Rate: 20}.Run(ctx)
		if r.Edits < 195 || r.Edits > 201 {
			t.Errorf("%d edits in 10 s at 20 a second", r.Edits)
		}
	})
}
