package main

import (
	"encoding/json"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
)

// atHand is how many records and contacts a life has in memory; the others lie on its shelf.
const atHand = 20_000

// newTrueLife is a life in which the planner decides, so that it can be decided again. Everything is recorded at one
// moment.
func newTrueLife(contacts int, skew float64, digest planner.Digester, shelf planner.Shelf, recorded int64) (*benchLife, error) {
	l, err := newBenchLife(contacts, skew, digest)
	if err != nil {
		return nil, err
	}
	first := l.take()
	l.position, l.recorded, l.view = 0, recorded, planner.NewView(planner.Control{}, digest)
	l.view.RestOn(shelf)
	for _, ev := range first {
		l.position++
		l.made = append(l.made, ev)
		l.plan(ev)
	}
	return l, nil
}

// plan decides on an event as it is made.
func (l *benchLife) plan(ev eventstore.NewEvent) {
	in := planner.Input{
		Position: l.position, ID: ev.ID, Type: ev.Type, Stream: ev.Stream, RecordedAt: l.recorded, Data: ev.Data,
	}
	l.view.Rest(atHand)
	e, err := l.view.Fold(in)
	if err != nil {
		panic(err) // payloads are of our own types
	}
	for _, p := range l.view.Plan(in, e) {
		data, err := json.Marshal(p.Decision)
		if err != nil {
			panic(err)
		}
		l.position++
		l.made = append(l.made, eventstore.NewEvent{
			ID: p.ID, Stream: "contact/" + p.Decision.Contact.String(), Type: domain.DecisionMade,
			Schema: domain.SchemaOf(domain.DecisionMade), OccurredAt: l.clock, Actor: "duolog", Causation: in.Position,
			Subject: eventstore.SubjectLog, Data: data,
		})
		l.outgoing = append(l.outgoing, p.Outgoing...)
	}
}

// changeTruly lets a field change in one system and carries out what follows.
func (l *benchLife) changeTruly(who int, name string) {
	l.changes[who]++
	l.clock += (11 * time.Minute).Microseconds() // an Aloware record that changes sooner is read first
	values := l.values(who)
	l.webhook(domain.Systems[l.rnd.IntN(2)], who, values, name, domain.Origin{Source: "CRM_UI", ID: "userId:7"})
	for len(l.outgoing) > 0 {
		o := l.outgoing[0]
		l.outgoing = l.outgoing[1:]
		if o.Kind != domain.KindUpdate {
			l.fact(domain.RecordObserved, "read", o.Record, domain.Fact{
				Properties: l.shown(o.System, values, ""), Complete: true,
				Answer: &domain.Answer{Command: o.ID, Contact: o.Contact, By: o.By, Found: []domain.Record{o.Record}},
			})
			continue
		}
		l.add(o.Record.Stream(), domain.CommandSettled, "duolog", l.position, domain.Outcome{
			Command: o.ID, Contact: o.Contact, Kind: o.Kind, System: o.System, Record: o.Record, Result: domain.ResultApplied,
			Attempt: l.id(), Attempts: 1, Clock: l.clock, Sent: o.Values, Shows: l.told(o.System, values, name),
			Complete: o.System == domain.Aloware,
		})
		l.webhook(o.System, who, values, name, domain.Origin{Source: "INTEGRATION", ID: "900100", Own: o.System == domain.HubSpot})
	}
}
