package app_test

import (
	"context"
	"testing"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/projections/contacts"
)

// TestPilotTakesBack: of what waits to be sent when the mode becomes pilot, only the contacts of its filter are sent.
func TestPilotTakesBack(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		ada, err := r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		eve, err := r.hubspot.Create(with(adaHubSpot, map[string]string{
			"firstname": "Eve", "email": "eve@people.example", "phone": "+12125550177", "city": "Rome",
		}), "7")
		r.must(err)
		r.settle()
		writes := r.aloware.Writes()
		r.aloware.Injector().Set(sandboxkit.Faults{FailRate: 1})
		for _, id := range []string{ada, eve} {
			r.must(r.hubspot.Edit(id, map[string]string{"address": "1 New Road"}, "7"))
		}
		r.wait("both to wait", func(ctx context.Context) (bool, error) {
			s, err := r.Status(ctx)
			return s.Systems["aloware"].Waiting == 2, err
		})
		_, err = r.SetMode(t.Context(), httpapi.ModeChange{Mode: domain.ModePilot, Filter: "city = London", MaxWrites: 50}, tester)
		r.must(err)
		r.wait("both to be taken back", func(context.Context) (bool, error) { return r.withdrawn() >= 2, nil })
		r.aloware.Injector().Set(sandboxkit.Faults{})
		r.settle()
		if n := r.aloware.Writes() - writes; n != 1 {
			t.Errorf("%d writes, want Ada's alone", n)
		}
		r.same("Ada", r.inAloware("email", "ada@people.example")[0].Properties, map[string]string{"address": "1 New Road"})
		r.same("Eve", r.inAloware("email", "eve@people.example")[0].Properties, map[string]string{"address": ""})
		if got := r.field("hubspot:"+eve, "address"); got != contacts.Apart {
			t.Errorf("Eve's address is %s, want apart", got)
		}
		r.agreed()
		r.verified()
	})
}

// TestOffThenLive: a sync that is switched on sends nobody who was there before, whether the first scan finds them or
// they were told of meanwhile; who comes from then on is sent.
func TestOffThenLive(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		people := sandboxkit.People(5, 12)
		r := start(t, plan{database: database, people: people, change: func(s *settings.Settings) { s.Mode = domain.ModeOff }})
		r.wait("the connection", func(ctx context.Context) (bool, error) {
			c, _, err := r.Control(ctx)
			return c.Opened, err
		})
		_, err := r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		r.must(r.hubspot.Quiesce(t.Context()))
		if _, err := r.SetMode(t.Context(), httpapi.ModeChange{Mode: domain.ModeLive}, tester); err != nil {
			t.Fatal(err)
		}
		r.settle()
		r.unwritten("going live", 0, 0)
		_, err = r.aloware.Create(graceAloware, "")
		r.must(err)
		r.settle()
		r.twin(gracePhone)
		r.unwritten("the first of a live sync", 1, 0)
		r.must(r.hubspot.Edit(r.inHubSpot("firstname", "Ada")[0].ID, map[string]string{"city": "Paris"}, "7"))
		r.settle()
		r.twin(adaPhone)
		r.verified()
	})
}
