package logtest

import (
	"encoding/json"
	"fmt"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

var catalogs = []domain.Catalog{domain.LeadStatuses, domain.CallOutcomes, domain.Owners, domain.Users, domain.CallDispositions}

// NextOfCatalogs makes logs mostly of catalogs: entries that come, change, go and come back, deals about several
// people, calls with what was chosen after them, pulls that start and end.
func (g *Generator) NextOfCatalogs(head int64) eventstore.NewEvent {
	switch n := g.rnd.IntN(20); {
	case n < 8:
		g.made++
		return g.entry()
	case n < 12:
		g.made++
		return g.deal()
	case n < 14:
		g.made++
		return g.call()
	case n < 16:
		g.made++
		return g.disposed()
	case n < 18:
		g.made++
		return g.pull()
	}
	return g.Next(head)
}

func (g *Generator) entry() eventstore.NewEvent {
	f := domain.CatalogFact{
		System: domain.HubSpot, Catalog: catalogs[g.rnd.IntN(len(catalogs))], ID: fmt.Sprint(g.rnd.IntN(5)), Via: domain.ViaPull,
		Clock: g.clock(), Gone: g.rnd.IntN(4) == 0,
	}
	subject := eventstore.SubjectLog
	if f.Catalog == domain.Users || f.Catalog == domain.CallDispositions {
		f.System = domain.Aloware
	}
	if f.Catalog == domain.Owners || f.Catalog == domain.Users {
		subject = domain.PersonSubject(f.System, f.ID)
	}
	if !f.Gone {
		f.Entry = domain.CatalogEntry{Label: texts[g.rnd.IntN(len(texts))], Order: g.rnd.IntN(3), HubSpot: fmt.Sprint(g.rnd.IntN(3))}
		if f.Catalog == domain.Owners {
			f.Entry.Email = texts[g.rnd.IntN(2)]
		}
	}
	return g.event(domain.CatalogStream(f.System, f.Catalog), domain.CatalogObserved, subject, f)
}

func (g *Generator) deal() eventstore.NewEvent {
	f := domain.CatalogFact{
		System: domain.HubSpot, Catalog: domain.Deals, ID: fmt.Sprint(9000 + g.rnd.IntN(6)), Via: domain.ViaPull,
		Clock: g.clock(), Gone: g.rnd.IntN(4) == 0,
	}
	if !f.Gone {
		f.Entry = domain.CatalogEntry{Label: texts[g.rnd.IntN(len(texts))], Deal: &domain.Deal{Amount: "10.00", Owner: "71"}}
	}
	stream := domain.DealStream(f.ID)
	if g.rnd.IntN(4) > 0 {
		stream = domain.Record{System: domain.HubSpot, ID: fmt.Sprint(500 + g.rnd.IntN(len(g.contacts)))}.Stream()
	}
	return g.event(stream, domain.CatalogObserved, stream, f)
}

func (g *Generator) person() string {
	return domain.Record{System: domain.Aloware, ID: fmt.Sprint(500 + g.rnd.IntN(len(g.contacts)))}.Stream()
}

func (g *Generator) call() eventstore.NewEvent {
	stream := g.person()
	return g.event(stream, domain.ActivityObserved, stream, domain.Activity{
		Via: "webhook", Kind: domain.ActivityCall, ID: fmt.Sprint(g.made), Clock: g.clock(),
		Disposition: domain.Choice{ID: fmt.Sprint(g.rnd.IntN(4)), Label: texts[g.rnd.IntN(len(texts))]},
	})
}

func (g *Generator) disposed() eventstore.NewEvent {
	stream := g.person()
	return g.event(stream, domain.RecordUpdated, stream, domain.Fact{
		Via: "webhook", Clock: g.clock(), Properties: domain.Properties{
			"disposition_status_id": json.RawMessage([]string{"null", "1201", `"1202"`}[g.rnd.IntN(3)]),
		},
	})
}

func (g *Generator) pull() eventstore.NewEvent {
	a := domain.Act{Name: []string{"pull deals", "pull owners", "reconcile"}[g.rnd.IntN(3)]}
	if g.rnd.IntN(2) == 0 {
		return g.event("connection", domain.OperationStarted, eventstore.SubjectLog, a)
	}
	a.Counts = map[string]int64{"listed": g.rnd.Int64N(9)}
	if g.rnd.IntN(3) == 0 {
		a.Reason = "hubspot gave no answer"
	}
	return g.event("connection", domain.OperationFinished, eventstore.SubjectLog, a)
}
