package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// doNotCall maps Aloware's do-not-call as a sticky consent field, under the default share of HubSpot's limit.
func doNotCall(s *settings.Settings) {
	f := s.NewField("do_not_call", "do_not_call")
	f.Type, f.Consent, f.Aloware = domain.Bool, settings.ConsentSticky, settings.Side{Read: "is_dnc", Write: "is_dnc"}
	s.Fields = append(s.Fields, f)
	s.Limits.HubSpotShare = 50
}

// backlog puts updates of so many contacts into the queue for HubSpot.
func (r *rig) backlog(n int) {
	r.t.Helper()
	rows := make([]outbox.Row, n)
	source, head := domain.Record{System: domain.Aloware, ID: "1"}, r.head()
	for i := range rows {
		rows[i] = outbox.Row{
			Command: r.NewID(), Contact: r.NewID(), Kind: domain.KindUpdate, System: domain.HubSpot, Source: source,
			Record: domain.Record{System: domain.HubSpot, ID: fmt.Sprint(900_000 + i)}, Input: head,
			Payload: outbox.Payload{Values: map[string]json.RawMessage{"firstname": json.RawMessage(`"Ann"`)}},
		}
	}
	for chunk := range slices.Chunk(rows, 2000) {
		r.must(r.Store.InTx(r.t.Context(), func(tx eventstore.Tx) error {
			_, err := outbox.Insert(r.t.Context(), tx, r.Log.Vault(), r.Connection, chunk, time.Now())
			return err
		}))
	}
}

// waiting counts the commands for HubSpot.
func (r *rig) waiting() (n int64) {
	r.t.Helper()
	s, err := r.Status(r.t.Context())
	r.must(err)
	return s.Systems[string(domain.HubSpot)].Waiting
}

// queued keeps the updates of a backlog from being answered until it is closed.
type queued chan struct{}

func (q queued) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(body, []byte(`"Ann"`)) {
			select {
			case <-q:
			case <-r.Context().Done():
			}
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// TestDoNotCallOvertakesTheQueue: behind a backlog of updates, outside the pilot and while the
// sync is paused; and lifting it waits for a person. BACKLOG is the number of updates; -v tells the time it took.
func TestDoNotCallOvertakesTheQueue(t *testing.T) {
	t.Parallel()
	backlog := sized(t, "BACKLOG", 300)
	ways := map[string]func(*rig) error{
		"live": func(*rig) error { return nil },
		"pilot": func(r *rig) error {
			_, err := r.SetMode(t.Context(), httpapi.ModeChange{Mode: domain.ModePilot, Filter: "city = Elko", MaxWrites: 1}, tester)
			return err
		},
		"paused": func(r *rig) error { _, err := r.Pause(t.Context(), tester); return err },
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachBackend(t, func(t *testing.T, database string) {
				queue := make(queued)
				r := start(t, plan{database: database, change: doNotCall, portalFront: queue.wrap})
				t.Cleanup(func() { close(queue) }) // before the rig stops
				r.baseline()
				_, err := r.hubspot.Create(adaHubSpot, "7")
				r.must(err)
				r.settle()
				r.must(way(r))
				r.backlog(backlog)
				t.Logf("%s", r.stopped(adaPhone).Round(time.Millisecond))
				if left := r.waiting(); left < int64(backlog) && name != "paused" { // a pause takes back what waits
					t.Errorf("only %d updates were still waiting: nothing was overtaken", left)
				}
			})
		})
	}
}

// TestLiftWaitsForAPerson: a do-not-call that is taken back in Aloware stays in HubSpot.
func TestLiftWaitsForAPerson(t *testing.T) {
	t.Parallel()
	r := start(t, plan{change: doNotCall})
	r.baseline()
	_, err := r.hubspot.Create(adaHubSpot, "7")
	r.must(err)
	r.settle()
	r.stopped(adaPhone)
	r.settle()
	r.lift(adaPhone)
}

// stopped sets a do-not-call in Aloware and returns how long it took to be seen in HubSpot.
func (r *rig) stopped(phone string) time.Duration {
	r.t.Helper()
	_, a := r.twin(phone)
	began := time.Now()
	r.must(r.aloware.Edit(a.ID, map[string]any{"is_dnc": true}))
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := began.Add(2 * time.Minute); time.Now().Before(end); <-tick.C {
		if h, _ := r.twin(phone); h.Properties["do_not_call"] == "true" {
			return time.Since(began)
		}
	}
	r.t.Fatal("a do-not-call did not reach HubSpot")
	return 0
}

// lift takes a do-not-call back in Aloware: HubSpot keeps it, and the contact waits for a person.
func (r *rig) lift(phone string) {
	r.t.Helper()
	_, a := r.twin(phone)
	r.must(r.aloware.Edit(a.ID, map[string]any{"is_dnc": false}))
	r.wait("the lift to be held", func(ctx context.Context) (bool, error) {
		s, err := r.Status(ctx)
		return s.Contacts["held"] > 0, err
	})
	if h, _ := r.twin(phone); h.Properties["do_not_call"] != "true" {
		r.t.Error("a do-not-call was lifted without a person")
	}
}
