package outbound_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections/replay"
	"github.com/duolog/duolog/projections/replay/scratch"
)

// whatIf asks what would have been under the settings in force, changed as edit says.
func (s *scene) whatIf(from int64, edit func(*settings.Settings)) replay.Forecast {
	s.Helper()
	f, err := replay.WhatIf(s.Context(), replay.Config{
		DB: s.store, Log: s.log, From: from, AtHand: 1, Scratch: scratch.Config{Dir: s.TempDir(), Memory: 1},
	}, s.edited(edit))
	if err != nil {
		s.Fatal(err)
	}
	return f
}

// otherwise writes the same payloads otherwise: decisions that are not as they were written to the byte, facts and
// outcomes that only encoding/json reads.
func otherwise(e eventstore.Event) []eventstore.Event {
	switch {
	case e.Type == domain.DecisionMade:
		e.Data = append([]byte(" "), e.Data...)
	case len(e.Data) > 2 && (planner.IsFact(e.Type) || e.Type == domain.CommandSettled):
		e.Data = append([]byte(`{"Aside":0,`), e.Data[1:]...)
	}
	return []eventstore.Event{e}
}

// forecast is all that a what-if of a log tells, as text.
func (s *scene) forecast(log eventstore.Log, edit func(*settings.Settings)) string {
	s.Helper()
	var told strings.Builder
	say := func(v any) {
		if err := json.NewEncoder(&told).Encode(v); err != nil {
			s.Fatal(err)
		}
	}
	f, err := replay.WhatIf(s.Context(), replay.Config{
		DB: s.store, Log: log, AtHand: 5, Scratch: scratch.Config{Dir: s.TempDir(), Memory: 1},
		Began: func(d replay.Divergence) { say(d) }, Settled: func(o domain.Outcome) { say(o.Command) },
	}, s.edited(edit))
	if err != nil {
		s.Fatal(err)
	}
	say(f)
	return told.String()
}

func (s *scene) edited(edit func(*settings.Settings)) settings.Settings {
	s.Helper()
	set, err := settings.Preset(settings.PresetDefault)
	if err != nil {
		s.Fatal(err)
	}
	if edit != nil {
		edit(&set)
	}
	return set
}

func (s *scene) field(set *settings.Settings, name string) *settings.Field {
	s.Helper()
	for i := range set.Fields {
		if set.Fields[i].Name == name {
			return &set.Fields[i]
		}
	}
	s.Fatalf("no field %s", name)
	return nil
}

// TestWhatIfTheSame: under the settings in force nothing would have been otherwise.
func TestWhatIfTheSame(t *testing.T) {
	for _, seed := range []uint64{13, 96} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			backends.Each(t, func(t *testing.T, store eventstore.Store) {
				s := newScene(t, store)
				s.rnd = rand.New(rand.NewPCG(seed, 1))
				s.drive(100)
				from := int64(0)
				for _, e := range s.events() {
					if e.Type == domain.SettingsChanged {
						from = e.Position
					}
				}
				f := s.whatIf(from, func(set *settings.Settings) { set.PhoneRegion = "DE" })
				if !f.Same() || f.Inputs == 0 || f.Contacts == 0 {
					t.Fatalf("%+v\n%s", f, s.story())
				}
			})
		})
	}
}

// TestWhatIfReadsOrCompares: whether decisions are compared as they stand, or every one is read and weighed, the same
// would have been.
func TestWhatIfReadsOrCompares(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.rnd = rand.New(rand.NewPCG(2, 1))
		s.drive(100)
		for name, edit := range map[string]func(*settings.Settings){
			"the same":         nil,
			"another creation": func(set *settings.Settings) { set.Contacts.Create = settings.ToAloware },
			"another direction": func(set *settings.Settings) {
				s.field(set, "first_name").Direction = settings.ToHubSpot
			},
		} {
			read := &altered{Log: s.log, change: otherwise, changed: map[int64][]eventstore.Event{}}
			if want, got := s.forecast(s.log, edit), s.forecast(read, edit); got != want {
				t.Errorf("%s: compared\n%s\nread\n%s", name, want, got)
			}
		}
	})
}

// wants checks what a forecast counts.
func (s *scene) wants(f replay.Forecast, created, updated map[domain.System]replay.Change, ends, first int) {
	s.Helper()
	for _, sys := range domain.Systems {
		if f.Created[sys] != created[sys] {
			s.Errorf("created in %s: %+v, want %+v", sys, f.Created[sys], created[sys])
		}
		if f.Updated[sys] != updated[sys] {
			s.Errorf("updated in %s: %+v, want %+v", sys, f.Updated[sys], updated[sys])
		}
	}
	if f.Ends != int64(ends) || len(f.First) != first {
		s.Errorf("%d end otherwise, %d begin to, want %d and %d", f.Ends, len(f.First), ends, first)
	}
	if s.Failed() {
		s.Fatalf("%+v\n%s", f, s.story())
	}
}

type changes = map[domain.System]replay.Change

// TestWhatIfCreation: had contacts not been made in HubSpot, those made there would be missing, with all that was told
// of them, and nobody else.
func TestWhatIfCreation(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.open()
		for n := range 5 {
			sys := domain.Systems[n%2]
			s.append(s.born(sys, fmt.Sprint(n+1), person(sys, n, "P")))
		}
		s.settle()
		for _, id := range sortedIDs(s.systems[domain.HubSpot]) { // the made ones, too
			s.append(s.edit(domain.Record{System: domain.HubSpot, ID: id}, "firstname", "Zoe", false))
		}
		s.settle()
		f := s.whatIf(0, func(set *settings.Settings) { set.Contacts.Create = settings.ToAloware })
		s.wants(f, changes{domain.HubSpot: {Was: 3}, domain.Aloware: {Was: 2, Would: 2}},
			changes{domain.Aloware: {Was: 5, Would: 2}}, 3, 3)
		if d := f.First[0]; d.Rule != "contacts.create = to_aloware" || d.Would != "" || !strings.HasPrefix(d.Was, "create in HubSpot") {
			t.Errorf("the first difference: %+v", d)
		}
		if f.Later != 6 || f.ByRule[f.First[0].Rule] != 3 || f.BySource["other"] != 3 || f.MadeBySource[domain.HubSpot]["other"] != 3 ||
			f.LookUps() != (replay.Change{Was: 2, Would: 2}) {
			t.Errorf("%+v", f)
		}
		if !s.whatIf(0, nil).Same() {
			t.Error("under its own settings something differs")
		}
	})
}

// TestWhatIfCreationBack: and had they been made though they were not, they are taken to be there from then on.
func TestWhatIfCreationBack(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.set(func(set *settings.Settings) { set.Contacts.Create = settings.ToAloware })
		s.act(domain.BaselineCompleted, domain.Act{})
		s.append(s.born(domain.Aloware, "1", person(domain.Aloware, 1, "P")))
		s.settle()
		s.append(s.edit(domain.Record{System: domain.Aloware, ID: "1"}, "first_name", "Zoe", false))
		s.settle()
		f := s.whatIf(0, nil)
		s.wants(f, changes{domain.HubSpot: {Would: 1}}, changes{domain.HubSpot: {Would: 1}}, 1, 1)
	})
}

// TestWhatIfOneWay: a field that flows one way only stays as it was on the other side, whatever tells so later.
func TestWhatIfOneWay(t *testing.T) {
	oneWay := func(s *scene) func(*settings.Settings) {
		return func(set *settings.Settings) { s.field(set, "first_name").Direction = settings.ToAloware }
	}
	story := func(s *scene) {
		s.act(domain.BaselineCompleted, domain.Act{})
		s.people(2)
		s.settle()
		made := sortedIDs(s.systems[domain.Aloware])
		s.now += 3_600_000_000 // no webhook is hasty
		s.append(s.edit(domain.Record{System: domain.Aloware, ID: made[0]}, "first_name", "Zoe", false))
		s.settle()
		s.now += 3_600_000_000
		s.append(s.edit(domain.Record{System: domain.Aloware, ID: made[0]}, "email", "zoe@example.com", false))
		s.settle()
	}
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.set(nil)
		story(s)
		f := s.whatIf(0, oneWay(s))
		created := changes{domain.Aloware: {Was: 2, Would: 2}}
		s.wants(f, created, changes{domain.HubSpot: {Was: 2, Would: 1}}, 1, 1)
		if d := f.First[0]; d.Rule != "first_name is to_aloware" || f.Fields["first_name"][domain.HubSpot] != (replay.Change{Was: 1}) {
			t.Errorf("the first difference: %+v; fields %+v", d, f.Fields)
		}
	})
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.set(oneWay(s))
		story(s)
		f := s.whatIf(0, nil)
		s.wants(f, changes{domain.Aloware: {Was: 2, Would: 2}}, changes{domain.HubSpot: {Was: 1, Would: 2}}, 1, 1)
	})
}

// TestWhatIfConflict: had the other side won a conflict, the other value would have been written over.
func TestWhatIfConflict(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.open()
		s.people(1)
		s.settle()
		made := sortedIDs(s.systems[domain.Aloware])
		s.now += 3_600_000_000
		s.act(domain.SyncPaused, domain.Act{})
		s.append(s.edit(domain.Record{System: domain.Aloware, ID: made[0]}, "first_name", "Zoe", false),
			s.edit(domain.Record{System: domain.HubSpot, ID: "1"}, "firstname", "Bea", false))
		s.act(domain.SyncResumed, domain.Act{})
		s.settle()
		f := s.whatIf(0, func(set *settings.Settings) { s.field(set, "first_name").Conflict = settings.AlowareWins })
		s.wants(f, changes{domain.Aloware: {Was: 1, Would: 1}},
			changes{domain.Aloware: {Was: 1}, domain.HubSpot: {Would: 1}}, 1, 1)
	})
}

// TestWhatIfAnotherValue: where the same fields would have been written with other values, the first difference says of
// which, and what follows is counterfactual.
func TestWhatIfAnotherValue(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.set(func(set *settings.Settings) { set.PhoneRegion = "FR" })
		s.act(domain.BaselineCompleted, domain.Act{})
		s.append(s.born(domain.HubSpot, "1", map[string]string{"phone": "06 12 34 56 78", "firstname": "Ann"}))
		s.settle()
		s.append(s.edit(domain.Record{System: domain.HubSpot, ID: "1"}, "phone", "06 98 76 54 32", false))
		s.settle()
		f := s.whatIf(0, func(set *settings.Settings) { set.PhoneRegion = "NL" })
		s.wants(f, changes{domain.Aloware: {Was: 1, Would: 1}}, f.Updated, 1, 1)
		d := f.First[0]
		if f.Begin != 1 || f.Later == 0 || d.Would != d.Was+", another value of phone_number" || !strings.HasPrefix(d.Was, "create in Aloware") {
			t.Errorf("%d later; the first difference: %+v", f.Later, d)
		}
	})
}

// TestWhatIfDuplicates: who was held or not made because of somebody else, and would be made beside them.
func TestWhatIfDuplicates(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.open()
		one, two := person(domain.HubSpot, 1, "P"), person(domain.HubSpot, 2, "Q")
		two["email"] = one["email"]
		s.append(s.born(domain.HubSpot, "1", one))
		s.settle()
		s.append(s.born(domain.HubSpot, "2", two))
		s.settle()
		three, four := person(domain.Aloware, 3, "R"), person(domain.Aloware, 4, "S")
		four["email"] = three["email"]
		s.append(s.born(domain.Aloware, "3", three))
		s.settle()
		s.append(s.born(domain.Aloware, "4", four))
		s.settle()
		f := s.whatIf(0, func(set *settings.Settings) {
			set.Contacts.Match = []string{settings.MatchLink, settings.MatchUniqueKey, settings.MatchPhone}
		})
		s.wants(f, changes{domain.HubSpot: {Was: 1, Would: 1}, domain.Aloware: {Was: 1, Would: 2}}, changes{}, 1, 2)
		none := replay.Change{}
		if f.Twins != (replay.Change{Would: 1}) || f.Prevented != f.Twins || f.Held != (replay.Change{Was: 2}) || f.Later != 1 ||
			f.ByRule["email shared with aloware:3"] != 1 || f.LookUps() != (replay.Change{Was: 1, Would: 2}) {
			t.Errorf("matched by phone alone: %+v", f)
		}
		f = s.whatIf(0, func(set *settings.Settings) { set.Contacts.Create = settings.ToAloware })
		s.wants(f, changes{domain.HubSpot: {Was: 1}, domain.Aloware: {Was: 1, Would: 1}}, changes{}, 1, 2)
		if f.Twins != none || f.Prevented != none || f.Held != (replay.Change{Was: 2, Would: 1}) || f.MadeBySource[domain.HubSpot]["other"] != 1 {
			t.Errorf("nobody made in HubSpot: %+v", f)
		}
	})
}

// TestWhatIfGuards: a guard that would have stopped the sync is counted, and the sync taken to go on.
func TestWhatIfGuards(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.set(func(set *settings.Settings) { set.Guards.MaxChangedShare = 0 })
		s.act(domain.BaselineCompleted, domain.Act{})
		s.people(12)
		s.settle()
		for n := range 12 {
			s.append(s.edit(domain.Record{System: domain.HubSpot, ID: fmt.Sprint(n + 1)}, "firstname", "Zoe", false))
		}
		s.settle()
		f := s.whatIf(0, func(set *settings.Settings) { set.Guards.MaxChangedShare = 1 })
		if f.Guards != 1 || f.Same() {
			t.Errorf("%+v", f)
		}
	})
}

// TestWhatIfUnknown: of a field that nobody asked for then, nothing is said.
func TestWhatIfUnknown(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.open()
		s.plan(s.process(nil))
		from := s.people(2) + 1
		s.settle()
		s.append(s.edit(domain.Record{System: domain.HubSpot, ID: "1"}, "firstname", "Bea", false))
		s.settle()
		f := s.whatIf(from, func(set *settings.Settings) {
			set.Fields = append(set.Fields, set.NewField("csf1", "shoe_size"))
		})
		if f.Unknown["csf1"] == 0 || f.Same() {
			t.Fatalf("%+v", f)
		}
	})
}
