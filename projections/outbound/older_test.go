package outbound_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections/outbound/state"
)

// onCreate is a rule of contacts.on_create, with another value of one property.
func onCreate(lifecycle string) func(*settings.Settings) {
	return func(s *settings.Settings) {
		s.Contacts.OnCreate.HubSpot = map[string]string{"lifecyclestage": lifecycle, "made_by": "duolog {source}"}
	}
}

// before8 are decisions as planners before version 8 recorded them: with no digest of what contacts.on_create writes.
func (s *scene) before8() func(eventstore.Event) []eventstore.Event {
	return func(e eventstore.Event) []eventstore.Event {
		if e.Type == domain.DecisionMade {
			d, err := state.Decision(e)
			if err != nil {
				s.Fatal(err)
			}
			d.Planner = 7
			for _, c := range d.Commands {
				delete(c.Digests, "lifecyclestage")
				delete(c.Digests, "made_by")
			}
			if e.Data, err = json.Marshal(d); err != nil {
				s.Fatal(err)
			}
		}
		return []eventstore.Event{e}
	}
}

// TestOlderDecisionsToldNothingOfOnCreate: of a decision before planner version 8 only what it told is compared, so the
// same rule is no difference; another rule, and another value of a field, are one as before.
func TestOlderDecisionsToldNothingOfOnCreate(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.set(onCreate("lead"))
		s.act(domain.BaselineCompleted, domain.Act{})
		s.append(s.born(domain.Aloware, "1", person(domain.Aloware, 1, "P")), s.born(domain.HubSpot, "2", person(domain.HubSpot, 2, "Q")))
		s.settle()
		s.append(s.edit(domain.Record{System: domain.Aloware, ID: "1"}, "first_name", "Zoe", false))
		s.settle()
		if sum := s.replay(s.before8()); sum.Differences() > 0 || len(sum.Declared) > 0 || sum.Same != sum.Decisions {
			t.Errorf("replayed: %+v, first %+v", sum, sum.First)
		}
		older := func() *altered {
			return &altered{Log: s.log, change: s.before8(), changed: map[int64][]eventstore.Event{}}
		}
		told := s.forecast(older(), onCreate("lead"))
		if !strings.Contains(told, `"end_state_differs":0,"begin_to_differ":0`) || !strings.Contains(told, `"created":{"aloware":{"was":1,"would_be":1},"hubspot":{"was":1,"would_be":1}}`) {
			t.Errorf("under the same rule\n%s", told)
		}
		for want, edit := range map[string]func(*settings.Settings){
			"create in HubSpot: email, firstname, lifecyclestage, phone": onCreate("customer"),
			"create in HubSpot: email, phone": func(set *settings.Settings) {
				onCreate("lead")(set)
				s.field(set, "first_name").Direction = settings.ToAloware
			},
		} {
			if told := s.forecast(older(), edit); !strings.Contains(told, `"was":"create in HubSpot: email, firstname, phone","would_be":"`+want+`"`) {
				t.Errorf("want %s\n%s", want, told)
			}
		}
	})
}
