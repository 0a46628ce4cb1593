package aloware_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/aloware"
	"github.com/duolog/duolog/domain/settings"
)

// slow answers look-ups after a time, and knows how many were under way at once.
type slow struct {
	takes         time.Duration
	now, most, in atomic.Int64
}

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	s.in.Add(1)
	s.most.Store(max(s.most.Load(), s.now.Add(1)))
	defer s.now.Add(-1)
	select {
	case <-time.After(s.takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return &http.Response{
		StatusCode: 404, Header: http.Header{"Content-Type": {isJSON}},
		Body: io.NopCloser(strings.NewReader(`{"error":"Contact not found."}`)),
	}, nil
}

// lookups asks n times in one call and returns the answers and the time it took.
func lookups(t *testing.T, ctx context.Context, cfg aloware.Config, n int) ([]adapters.ReadAnswer, time.Duration) {
	t.Helper()
	cfg.Token = token
	c, err := aloware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	reqs := make([]adapters.ReadRequest, n)
	for i := range reqs {
		reqs[i] = adapters.ReadRequest{By: "phone", Value: phone}
	}
	start := time.Now()
	return c.Read(ctx, reqs), time.Since(start)
}

func TestConcurrencyIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slow{takes: time.Second}
		got, took := lookups(t, t.Context(), aloware.Config{
			PerSecond: -1, Concurrency: 2, HTTPClient: &http.Client{Transport: server},
		}, 6)
		if took != 3*time.Second || server.most.Load() != 2 || got[5].Err != nil {
			t.Errorf("took %v, %d at once, %v", took, server.most.Load(), got[5].Err)
		}
	})
}

func TestRateIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, took := lookups(t, t.Context(), aloware.Config{
			PerSecond: 2, HTTPClient: &http.Client{Transport: &slow{}},
		}, 10)
		if took != 4*time.Second || got[9].Err != nil {
			t.Errorf("10 requests at 2/s took %v, %v; want 4s with a burst of 2", took, got[9].Err)
		}
	})
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		server := &slow{takes: time.Hour}
		got, took := lookups(t, ctx, aloware.Config{
			PerSecond: -1, Concurrency: 1, HTTPClient: &http.Client{Transport: server},
		}, 2)
		if took != 3*time.Second || server.in.Load() != 1 {
			t.Errorf("took %v, %d sent", took, server.in.Load())
		}
		for i, a := range got {
			var e *adapters.Error
			if !errors.As(a.Err, &e) || e.Class != adapters.Retry {
				t.Errorf("%d: %v", i, a.Err)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		server := &slow{}
		got, took := lookups(t, ctx, aloware.Config{PerSecond: 0.1, HTTPClient: &http.Client{Transport: server}}, 2)
		failed := 0
		for _, a := range got {
			var e *adapters.Error
			if errors.As(a.Err, &e) && e.Class == adapters.Throttled && e.After > 0 {
				failed++
			}
		}
		if took > time.Second || server.in.Load() != 1 || failed != 1 {
			t.Errorf("took %v, %d sent, %d throttled: what cannot be sent in time must be told at once",
				took, server.in.Load(), failed)
		}
	})
}

// TestUrgentIsNotHeldBack: a stop waits neither for a slot nor for the bucket.
func TestUrgentIsNotHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &slow{takes: time.Second}
		c, err := aloware.New(aloware.Config{
			Token: token, PerSecond: 0.5, Concurrency: 1, HTTPClient: &http.Client{Transport: server},
		})
		if err != nil {
			t.Fatal(err)
		}
		ask := []adapters.ReadRequest{{By: "phone", Value: phone}}
		done := make(chan struct{})
		go func() {
			c.Read(t.Context(), append(ask, ask...))
			close(done)
		}()
		synctest.Wait()
		start := time.Now()
		got := c.Read(adapters.WithUrgent(t.Context()), ask)
		if took := time.Since(start); got[0].Err != nil || took != time.Second {
			t.Errorf("took %s, %v; want the second the server takes", took, got[0].Err)
		}
		<-done
	})
}

// drowsy is the context of a process that stood still: its deadline has passed, and its timer has not run yet.
type drowsy struct {
	context.Context
	deadline atomic.Int64 // ns
}

func (d *drowsy) Deadline() (time.Time, bool) { return time.Unix(0, d.deadline.Load()), true }

// stopped answers the look-up and has the process stand still before it hears of it.
type stopped struct {
	slow
	ctx *drowsy
}

func (s *stopped) RoundTrip(r *http.Request) (*http.Response, error) {
	s.ctx.deadline.Store(time.Now().UnixNano())
	return s.slow.RoundTrip(r)
}

// TestFrozenBetweenRequests: a write that was frozen between its look-up and its POST, for longer than it may take,
// does not go on where it stood: somebody else may have written since.
func TestFrozenBetweenRequests(t *testing.T) {
	ctx := &drowsy{Context: t.Context()}
	ctx.deadline.Store(time.Now().Add(time.Minute).UnixNano())
	server := &stopped{ctx: ctx}
	c, err := aloware.New(aloware.Config{Token: token, PerSecond: -1, HTTPClient: &http.Client{Transport: server}})
	if err != nil {
		t.Fatal(err)
	}
	got := c.Write(ctx, []adapters.Write{{Create: true, Phone: phone, Values: values{"first_name": raw(t, "Ann")}}})
	var e *adapters.Error
	if !errors.As(got[0].Err, &e) || e.Class != adapters.Retry || server.in.Load() != 1 {
		t.Errorf("%v after %d requests, want the look-up alone, to be tried again", got[0].Err, server.in.Load())
	}
}

// TestLimitChanges: another limit holds from the next request on.
func TestLimitChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := aloware.New(aloware.Config{Token: token, PerSecond: 1, HTTPClient: &http.Client{Transport: &slow{}}})
		if err != nil {
			t.Fatal(err)
		}
		ask := make([]adapters.ReadRequest, 21)
		for i := range ask {
			ask[i] = adapters.ReadRequest{By: "phone", Value: phone}
		}
		c.Adjust(settings.Settings{Limits: settings.Limits{AlowarePerSecond: 10}})
		began := time.Now()
		c.Read(t.Context(), ask)
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("21 requests at ten a second took %s", took)
		}
	})
}
