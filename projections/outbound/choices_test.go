package outbound_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections/outbound"
)

// choosing makes a seeded history in which people get owners and lead statuses while owners, users and dispositions are
// pulled, declared, taken away, and the options of HubSpot change. plan is called now and then.
func (s *scene) choosing(steps int, plan func()) {
	s.Helper()
	s.set(func(set *settings.Settings) {
		owner := set.NewField(settings.OwnerField, settings.OwnerID)
		owner.People = map[string]string{"p3@aloware.example": "p3@people.example"}
		status := set.NewField(settings.DispositionField, settings.LeadStatus)
		status.ByLabel, status.Direction = true, settings.Both
		set.Fields = append(set.Fields, owner, status)
	})
	s.act(domain.BaselineCompleted, domain.Act{})
	for n := range 3 {
		for _, sys := range domain.Systems {
			s.append(s.born(sys, fmt.Sprint(n+1), person(sys, n, "P")))
		}
	}
	for range steps {
		switch n := s.rnd.IntN(9); {
		case n < 4:
			s.chooses()
		case n < 5:
			s.tellPeople()
		case n < 6:
			s.act(domain.OperationFinished, domain.Act{Name: domain.PullOperation + "owners"})
		case n < 7:
			s.append(s.entry(domain.Aloware, domain.ContactDispositions, fmt.Sprint(1200+s.rnd.IntN(3)), domain.CatalogEntry{
				Label: []string{"New", "Open", "Odd"}[s.rnd.IntN(3)], HubSpot: []string{"", "", "NEW"}[s.rnd.IntN(3)],
			}, domain.ViaDeclared, s.rnd.IntN(5) == 0))
		case n < 8:
			s.schema()
		default:
			s.act([]string{domain.SyncPaused, domain.SyncResumed, domain.SyncResumed}[s.rnd.IntN(3)], domain.Act{})
		}
		plan()
	}
	s.act(domain.OperationFinished, domain.Act{Name: domain.PullOperation + "owners"})
	s.act(domain.SyncResumed, domain.Act{})
	plan()
}

// chooses gives a person on one side another owner or status.
func (s *scene) chooses() {
	s.Helper()
	rec := domain.Record{System: domain.Systems[s.rnd.IntN(2)], ID: fmt.Sprint(1 + s.rnd.IntN(3))}
	property, value := settings.OwnerID, fmt.Sprint(70+s.rnd.IntN(4))
	switch {
	case rec.System == domain.Aloware && s.rnd.IntN(2) == 0:
		property, value = "user_id", fmt.Sprint(s.rnd.IntN(4))
	case rec.System == domain.Aloware:
		property, value = settings.DispositionProperty, fmt.Sprint(1200+s.rnd.IntN(3))
	case s.rnd.IntN(2) == 0:
		property, value = settings.LeadStatus, []string{"NEW", "OPEN", "ODD", ""}[s.rnd.IntN(4)]
	}
	s.append(s.edit(rec, property, value, false))
}

// tellPeople is part of a pull: an owner, and the user that may have the same email.
func (s *scene) tellPeople() {
	s.Helper()
	n, gone := s.rnd.IntN(4), s.rnd.IntN(4) == 0
	s.append(s.entry(domain.HubSpot, domain.Owners, fmt.Sprint(70+n),
		domain.CatalogEntry{Email: fmt.Sprintf("p%d@people.example", n)}, domain.ViaPull, gone))
	if s.rnd.IntN(3) > 0 {
		s.append(s.entry(domain.Aloware, domain.Users, fmt.Sprint(n), domain.CatalogEntry{
			Email: fmt.Sprintf("P%d@%s.example", n, []string{"people", "aloware"}[s.rnd.IntN(2)]), Hidden: s.rnd.IntN(6) == 0,
		}, domain.ViaPull, false))
	}
}

func (s *scene) entry(sys domain.System, c domain.Catalog, id string, e domain.CatalogEntry, via string, gone bool) eventstore.NewEvent {
	s.Helper()
	f := domain.CatalogFact{System: sys, Catalog: c, ID: id, Via: via, Clock: s.tick(), Entry: e, Gone: gone}
	if gone {
		f.Entry = domain.CatalogEntry{}
	}
	return s.event(domain.CatalogObserved, domain.CatalogStream(sys, c), eventstore.SubjectLog, f)
}

// schema is a look at HubSpot's properties.
func (s *scene) schema() {
	s.Helper()
	options := []domain.Option{{Value: "NEW", Label: "New"}, {Value: "OPEN", Label: []string{"Open", "Opened"}[s.rnd.IntN(2)]}}
	if s.rnd.IntN(2) == 0 {
		options = append(options, domain.Option{Value: "ODD", Label: "Odd"})
	}
	s.append(s.event(domain.SchemaObserved, "schema/hubspot", eventstore.SubjectLog, domain.Schema{
		System: domain.HubSpot, Clock: s.tick(), Digest: fmt.Sprint(options),
		Properties: []domain.Property{{Name: settings.LeadStatus, Type: domain.Enumeration, Options: options}},
	}))
}

// TestChoicesFollowTheLog: what owners and labels mean at a position follows from the log up to there: one planner that
// never stops, and planners that start anew for every few events, decide the same, and the state they leave is what a
// rebuild folds.
func TestChoicesFollowTheLog(t *testing.T) {
	t.Parallel()
	sent := map[string]int{}
	for seed := range uint64(5) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			backends.Each(t, func(t *testing.T, store eventstore.Store) {
				steady := newSceneOf(t, store, "steady")
				p := steady.process(nil)
				want := steady.chosen(seed, func() { steady.plan(p) })
				restless := newSceneOf(t, store, "restless")
				got := restless.chosen(seed, func() {
					for n := 1; n > 0; {
						var err error
						page := 1 + restless.rnd2.IntN(6)
						if n, err = restless.process(func(c *outbound.Config) { c.Page = page }).Step(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
				})
				if want != got {
					t.Errorf("planners that start anew decided\n%s", firstDifference(got, want))
				}
				for _, f := range []string{"owner", "disposition_status"} {
					sent[f] += strings.Count(want, `"field":"`+f+`","result":"sent"`)
				}
			})
		})
	}
	if sent["owner"] < 5 || sent["disposition_status"] < 5 {
		t.Errorf("sent %v: the histories test next to nothing", sent)
	}
}

// chosen plays a history and returns the decisions, with digests and times, which are each connection's own, made equal.
func (s *scene) chosen(seed uint64, plan func()) string {
	s.Helper()
	s.rnd, s.rnd2 = rand.New(rand.NewPCG(seed, 3)), rand.New(rand.NewPCG(seed, 4))
	s.choosing(60, func() {
		plan()
		for _, e := range s.waiting() {
			s.send(e)
		}
		if len(s.hooks) > 0 && s.rnd.IntN(3) == 0 {
			s.append(s.hooks...)
			s.hooks = nil
		}
		plan()
	})
	rows := s.rows()
	if err := outbound.Rebuild(s.Context(), s.store, s.log, nil); err != nil {
		s.Fatal(err)
	}
	s.same("rebuilt", rows)
	var all strings.Builder
	for _, e := range s.events() {
		if e.Type == domain.DecisionMade {
			fmt.Fprintf(&all, "%s\n", e.Data)
		}
	}
	seen := map[string]string{}
	return digests.ReplaceAllStringFunc(times.ReplaceAllString(all.String(), `"at":0`), func(d string) string {
		if seen[d] == "" {
			seen[d] = fmt.Sprintf(`"digest %d"`, len(seen)+1)
		}
		return seen[d]
	})
}

var (
	digests = regexp.MustCompile(`"[0-9a-f]{16}"`)
	times   = regexp.MustCompile(`"at":[0-9]{16}`)
)

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			return fmt.Sprintf("line %d\nis   %s\nwant %s", i, g[i], append(w, "", "")[min(i, len(w))])
		}
	}
	return fmt.Sprintf("%d decisions, want %d", len(g), len(w))
}
