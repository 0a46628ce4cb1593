package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/lease"
)

// lossy is a rig in step whose webhooks are then lost: all of Aloware's and half of HubSpot's.
func lossy(t *testing.T, database string) *rig {
	t.Helper()
	people := sandboxkit.People(9, 15)
	r := start(t, plan{
		database: database, people: people, hubspot: sandboxkit.Faults{Seed: 9, WebhookLoss: 0.5},
		aloware: sandboxkit.Faults{Seed: 9, WebhookLoss: 1},
	})
	r.settle()
	sandboxkit.Traffic{Aloware: r.aloware, HubSpot: r.hubspot, Seed: 9, FirstPerson: len(people)}.Do(80)
	r.settle()
	if len(r.differences()) == 0 {
		t.Fatal("nothing was lost")
	}
	return r
}

// TestReconcile: what webhooks did not tell is found by sweeping both sides, by the process that owns the connection
// or, when none runs, by the one that was asked.
func TestReconcile(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := lossy(t, database)
		_, epoch, err := lease.Owner(t.Context(), r.Store, "default")
		r.must(err)
		r.swept(r.aside())
		if _, e, err := lease.Owner(t.Context(), r.Store, "default"); e != epoch || err != nil {
			t.Errorf("epoch %d, %v: the sweep was not left to the owner of epoch %d", e, err, epoch)
		}

		r.stop()
		sandboxkit.Traffic{Aloware: r.aloware, HubSpot: r.hubspot, Seed: 10, FirstPerson: 1000}.Do(40)
		r.node = r.aside()
		r.swept(r.node)
		r.verified()
	})
}

// swept reconciles through a process and fails unless both sides agree then.
func (r *rig) swept(n *node) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 3*time.Minute)
	defer cancel()
	told := 0
	sum, err := n.Reconcile(ctx, tester, func(int64, string) { told++ })
	r.must(err)
	if sum.Scanned < 15 || sum.LookedUp < 15 || sum.Facts == 0 || sum.Failed > 0 || told == 0 {
		r.t.Errorf("swept %+v, told %d times", sum, told)
	}
	r.agreed()
	again, err := n.Reconcile(ctx, tester, nil)
	r.must(err)
	if again.Scanned != sum.Scanned || again.Facts != 0 {
		r.t.Errorf("swept again: %+v; what is as it was seen is no fact", again)
	}
}

// TestReconcileFindsWhatTheListLacks: a person whose number in HubSpot is another one than in Aloware is asked for
// under the number Aloware knows, and one who is missing from HubSpot's list is known to be gone.
func TestReconcileFindsWhatTheListLacks(t *testing.T) {
	t.Parallel()
	r := start(t, plan{})
	ada, err := r.hubspot.Create(adaHubSpot, "7")
	r.must(err)
	_, err = r.aloware.Create(graceAloware, "")
	r.must(err)
	r.settle()
	r.must(r.hubspot.Edit(ada, map[string]string{"phone": "+12125550199"}, "7"))
	r.settle()

	grace, _ := r.twin(gracePhone)
	r.aloware.SetTarget("")
	r.hubspot.SetTarget("")
	r.must(r.aloware.Edit(r.inAloware("phone_number", adaPhone)[0].ID, map[string]any{"city": "Paris"}))
	r.must(r.hubspot.Delete(grace.ID))
	_, err = r.aside().Reconcile(t.Context(), tester, nil)
	r.must(err)
	r.hear(r.url)
	r.settle()
	r.same("HubSpot", r.inHubSpot("firstname", "Ada")[0].Properties, map[string]string{"city": "Paris"})
	if got := r.link("hubspot:" + grace.ID); got != string(planner.Deleted) {
		t.Errorf("the record that is gone is %s, want deleted", got)
	}
	r.must(r.aloware.Edit(r.inAloware("phone_number", gracePhone)[0].ID, map[string]any{"city": "Rome"}))
	r.settle()
	if n := len(r.hubspot.All()); n != 1 {
		t.Errorf("%d in HubSpot, want Ada alone", n)
	}
}

// link returns how a record belongs to its contact.
func (r *rig) link(record string) string {
	r.t.Helper()
	for _, rec := range r.contact(record).Records {
		if string(rec.System)+":"+rec.ID == record {
			return rec.State
		}
	}
	return ""
}
