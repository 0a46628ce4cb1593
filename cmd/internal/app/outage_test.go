package app_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/eventstore/eventstoretest"
)

// TestDatabaseAway: while the database cannot be reached webhooks are answered 503, so that they come again, and the
// process says it is not ready; when it is back everything goes on by itself and nothing is lost.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	p, database := behind(t, eventstoretest.PostgresURL(t))
	people := sandboxkit.People(5, 8)
	again := sandboxkit.Faults{Retries: 30, RetryInterval: 300 * time.Millisecond}
	r := start(t, plan{database: database, people: people, hubspot: again, aloware: again})
	r.settle()
	r.ready(http.StatusOK)

	p.shut()
	body := "[" + item(portal, "501", "21", "Augusta") + "]"
	if got := r.post(hubspotPath, body, r.signed(body, time.Now())); got.status != http.StatusServiceUnavailable {
		t.Errorf("HubSpot's webhook: %d %s, want 503", got.status, got.body)
	}
	if got := r.post(alowarePath, `{"event":"Contact-Updated","body":{"id":1}}`, bearer); got.status != http.StatusServiceUnavailable {
		t.Errorf("Aloware's webhook: %d %s, want 503", got.status, got.body)
	}
	r.ready(http.StatusServiceUnavailable)
	traffic := sandboxkit.Traffic{
		Aloware: r.aloware, HubSpot: r.hubspot, Seed: 5, CreateShare: 0.2, FirstPerson: len(people),
	}
	traffic.Do(30)
	failed := func() int { return r.hubspot.Deliveries().Failed + r.aloware.Deliveries().Failed }
	r.wait("webhooks to be turned away", func(context.Context) (bool, error) { return failed() >= 10, nil })

	p.open()
	r.wait("readiness", func(ctx context.Context) (bool, error) { return r.readiness(ctx) == http.StatusOK, nil })
	r.settle()
	r.agreed()
	if h, a := len(r.hubspot.All()), len(r.aloware.All()); h != a {
		t.Errorf("%d people in HubSpot, %d in Aloware", h, a)
	}
	r.verified()
}

func (r *rig) readiness(ctx context.Context) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/readyz", http.NoBody)
	r.must(err)
	res, err := http.DefaultClient.Do(req)
	r.must(err)
	r.must(res.Body.Close())
	return res.StatusCode
}

func (r *rig) ready(want int) {
	r.t.Helper()
	if got := r.readiness(r.t.Context()); got != want {
		r.t.Errorf("readyz: %d, want %d", got, want)
	}
}

// TestDatabaseFlickers: connections that break in the midst of traffic lose and double nothing.
func TestDatabaseFlickers(t *testing.T) {
	t.Parallel()
	p, database := behind(t, eventstoretest.PostgresURL(t))
	people := sandboxkit.People(6, 10)
	again := sandboxkit.Faults{Retries: 30, RetryInterval: 300 * time.Millisecond}
	r := start(t, plan{database: database, people: people, hubspot: again, aloware: again})
	r.baseline()
	for i := range 4 {
		sandboxkit.Traffic{
			Aloware: r.aloware, HubSpot: r.hubspot, Seed: uint64(i), CreateShare: 0.2, FirstPerson: len(people) + 100*i,
		}.Do(15)
		before := r.written()
		r.wait("writes", func(context.Context) (bool, error) { return r.written() > before+3, nil })
		p.shut()
		p.open()
	}
	r.settle()
	r.agreed()
	if h, a := len(r.hubspot.All()), len(r.aloware.All()); h != a {
		t.Errorf("%d people in HubSpot, %d in Aloware", h, a)
	}
	r.verified()
}

// written counts the writes that reached either system.
func (r *rig) written() int { return r.hubspot.Writes() + r.aloware.Writes() }
