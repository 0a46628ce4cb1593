package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
)

// swept waits for sweeps of both systems that began after a moment of the rig's clock.
func (r *rig) sweptSince(at time.Time) map[domain.System]domain.Sweep {
	r.t.Helper()
	var got map[domain.System]domain.Sweep
	r.wait("sweeps of both systems", func(ctx context.Context) (bool, error) {
		c, _, err := r.Control(ctx)
		got = c.Swept
		for _, s := range domain.Systems {
			if got[s].At < at.UnixMicro() {
				return false, err
			}
		}
		return true, err
	})
	return got
}

// TestSweepFindsWhatWasLost: with webhooks lost and nobody asking, both sides agree after the next sweep; what it found
// is told as drift. A sweep that finds nothing appends nothing but that it was made, and a new owner goes on where the
// one before ended.
func TestSweepFindsWhatWasLost(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		var c clock
		people := sandboxkit.People(9, 15)
		r := start(t, plan{
			database: database, people: people, hubspot: sandboxkit.Faults{Seed: 9, WebhookLoss: 0.5},
			aloware: sandboxkit.Faults{Seed: 9, WebhookLoss: 1}, config: c.set,
		})
		r.settle()
		sandboxkit.Traffic{Aloware: r.aloware, HubSpot: r.hubspot, Seed: 9, FirstPerson: len(people)}.Do(80)
		r.settle()
		if len(r.differences()) == 0 {
			t.Fatal("nothing was lost")
		}
		c.pass(16 * time.Minute)
		swept := r.sweptSince(c.now().Add(-time.Minute))
		r.settle()
		r.agreed()
		for _, s := range domain.Systems {
			if swept[s].Drift == 0 || swept[s].Looked < swept[s].Drift {
				t.Errorf("%s: %+v", s, swept[s])
			}
		}
		r.tellsDrift(swept)

		before := r.head()
		c.pass(16 * time.Minute)
		swept = r.sweptSince(c.now().Add(-time.Minute))
		for _, s := range domain.Systems {
			if swept[s].Drift != 0 || swept[s].Looked == 0 {
				t.Errorf("when nothing changed, %s: %+v", s, swept[s])
			}
		}
		r.since(before, func(e eventstore.Event) {
			if e.Type != domain.SweepCompleted {
				t.Errorf("%s at %d though nothing changed", e.Type, e.Position)
			}
		})

		r.stop()
		sandboxkit.Traffic{Aloware: r.aloware, HubSpot: r.hubspot, Seed: 12, FirstPerson: 1000}.Do(40)
		c.pass(20 * time.Minute)
		r.node = r.boot()
		r.sweptSince(c.now().Add(-time.Minute))
		r.settle()
		r.agreed() // what was missed while nobody ran is found as well
		r.verified()
	})
}

// tellsDrift fails unless status and metrics show what the sweeps found.
func (r *rig) tellsDrift(swept map[domain.System]domain.Sweep) {
	r.t.Helper()
	s, err := r.Status(r.t.Context())
	r.must(err)
	for _, sys := range domain.Systems {
		got := s.Systems[string(sys)].LastSweep
		if got == nil || got.Drift != swept[sys].Drift {
			r.t.Errorf("status of %s: %+v, want a drift of %d", sys, got, swept[sys].Drift)
		}
	}
	if !strings.Contains(strings.Join(s.Needs, "\n"), "Aloware has sent no webhook") {
		r.t.Errorf("silence is not told: %q", s.Needs)
	}
	if _, body := r.request("GET", r.url+"/metrics", "test", nil); !strings.Contains(string(body), `duolog_sweep_drift_records{connection="default",system="aloware"} `) {
		r.t.Error("no metric of the drift")
	}
}

// TestPollAlone: without any webhook, what happens in HubSpot and what changes in Aloware arrives all the same, and a
// poll that finds nothing leaves the log alone.
func TestPollAlone(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		var c clock
		r := sandboxes(t, plan{database: database, config: c.set})
		r.apply(func(s *settings.Settings) { s.Sources.HubSpot = settings.SourcePoll })
		r.node = r.boot()
		r.hubspot.SetTarget("")
		r.aloware.SetTarget("")
		r.settle()
		ada, err := r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		r.polled(&c)
		twin := r.inAloware("phone_number", adaPhone)
		if len(twin) != 1 {
			t.Fatalf("%d Adas in Aloware", len(twin))
		}
		r.must(r.hubspot.Edit(ada, map[string]string{"city": "Turin"}, "7"))
		r.must(r.aloware.Edit(twin[0].ID, map[string]any{"first_name": "Augusta"}))
		c.pass(15 * time.Minute) // Aloware is swept as the settings say
		r.polled(&c)
		r.same("HubSpot", r.inHubSpot("city", "Turin")[0].Properties, map[string]string{"firstname": "Augusta"})
		if got := r.inAloware("cnam_city", "Turin"); len(got) != 1 {
			t.Errorf("%d in Aloware with the city of HubSpot", len(got))
		}
		r.agreed()
		r.must(r.hubspot.Delete(ada))
		r.polled(&c)
		if got := r.link("hubspot:" + ada); got != string(planner.Deleted) {
			t.Errorf("the record that is gone is %s, want deleted", got)
		}
		var told []string
		for range 3 { // the sweep that was under way when the record went may tell something yet
			before, reads := r.head(), r.hubspot.Stats().Reads
			c.pass(settings.PollEvery)
			r.wait("a poll", func(context.Context) (bool, error) { return r.hubspot.Stats().Reads > reads, nil })
			r.settle()
			told = nil
			r.since(before, func(e eventstore.Event) { told = append(told, fmt.Sprintf("%s at %d", e.Type, e.Position)) })
			if len(told) == 0 {
				break
			}
		}
		if len(told) > 0 {
			t.Errorf("%v though nothing changed", told)
		}
		for _, e := range r.eventsOf(0, domain.RecordObserved) {
			var f domain.Fact
			r.must(json.Unmarshal(e.Data, &f))
			if f.Via == "webhook" {
				t.Fatal("a webhook was sent")
			}
		}
		r.verified()
	})
}

// polled lets the time to the next poll pass, and waits until one has told something and that is settled.
func (r *rig) polled(c *clock) {
	r.t.Helper()
	before := r.head()
	c.pass(settings.PollEvery)
	r.wait("a poll that finds something", func(ctx context.Context) (bool, error) {
		h, err := r.Log.Head(ctx)
		return h.Position > before, err
	})
	r.settle()
}
