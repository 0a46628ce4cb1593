package outbound_test

import (
	"fmt"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// waiting lists the commands in the outbox, opened, in the order they were planned.
func (s *scene) waiting() []*outbox.Entry {
	s.Helper()
	listed, err := outbox.List(s.Context(), s.store, s.log.Connection(), outbox.Filter{Limit: 10_000})
	if err != nil {
		s.Fatal(err)
	}
	all := make([]*outbox.Entry, len(listed))
	for i := range listed {
		all[i] = &listed[i]
	}
	if failed, err := outbox.Open(s.Context(), s.log.Vault(), all); err != nil || len(failed) > 0 {
		s.Fatal(err, failed)
	}
	return all
}

// send carries out a command and appends its answer in the transaction that removes it.
func (s *scene) send(e *outbox.Entry) {
	s.Helper()
	s.settleBy(e, s.answer(e)...)
}

// settleBy appends events in the transaction that removes the command they settle.
func (s *scene) settleBy(e *outbox.Entry, answers ...eventstore.NewEvent) {
	s.Helper()
	err := s.store.InTx(s.Context(), func(tx eventstore.Tx) error {
		if _, err := outbox.Withdraw(s.Context(), tx, s.log.Connection(), e.Command); err != nil {
			return err
		}
		_, err := tx.Append(s.Context(), s.log, answers...)
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
}

func (s *scene) answer(e *outbox.Entry) []eventstore.NewEvent {
	switch e.Kind {
	case domain.KindRead:
		return s.seen(e, []domain.Record{e.Record}, e.Record)
	case domain.KindLookup:
		var found []domain.Record
		for _, id := range sortedIDs(s.systems[e.System]) {
			if s.systems[e.System][id][map[string]string{"email": "email", "phone": "phone"}[e.Payload.By]] == e.Payload.Value {
				found = append(found, domain.Record{System: e.System, ID: id})
			}
		}
		return s.seen(e, found, e.Source)
	}
	ev, err := outbox.Outcome(s.log.Vault(), e.Row, s.write(e), s.id())
	if err != nil {
		s.Fatal(err)
	}
	return []eventstore.NewEvent{ev}
}

// seen tells the records a read asked for; none of them there is told of one of them.
func (s *scene) seen(e *outbox.Entry, asked []domain.Record, none domain.Record) []eventstore.NewEvent {
	a := &domain.Answer{Command: e.Command, Contact: e.Contact, By: e.Payload.By}
	at := s.tick()
	for _, r := range asked {
		if s.systems[r.System][r.ID] != nil {
			a.Found = append(a.Found, r)
		}
	}
	var events []eventstore.NewEvent
	for _, r := range a.Found {
		events = append(events, s.fact(domain.RecordObserved, r, domain.Fact{
			Via: "read", Complete: true, Clock: at, Properties: raw(s.systems[r.System][r.ID]), Answer: a,
		}))
	}
	if len(events) == 0 {
		events = append(events, s.fact(domain.RecordAbsent, none, domain.Fact{Via: "read", Clock: at, Answer: a}))
	}
	return events
}

// write does what the system would: HubSpot upserts by our key, Aloware refuses a number it has. What changed is told
// by a webhook too.
func (s *scene) write(e *outbox.Entry) domain.Outcome {
	o := domain.Outcome{Result: domain.ResultApplied, Complete: true, Clock: s.tick(), Record: e.Record}
	values := map[string]string{}
	for k, v := range e.Payload.Values {
		values[k] = domain.Scalar(v)
	}
	if e.Kind == domain.KindCreate {
		id, known := s.find(e)
		o.Record = domain.Record{System: e.System, ID: id}
		switch {
		case known && e.System == domain.Aloware:
			o.Result, o.Reason, o.Existing = domain.ResultRejected, domain.ReasonExists, o.Record
		case !known:
			if e.System == domain.HubSpot {
				values[domain.UniqueProperty] = e.Contact.String()
			}
			o.Created = true
			s.hooks = append(s.hooks, s.born(e.System, id, values))
		}
	} else if s.systems[e.System][e.Record.ID] == nil {
		o.Result, o.Reason, o.Complete = domain.ResultRejected, domain.ReasonGone, false
		return o
	}
	if o.Result == domain.ResultApplied {
		o.Sent = e.Payload.Values
		for _, k := range sortedIDs(values) {
			if s.systems[e.System][o.Record.ID][k] != values[k] {
				s.hooks = append(s.hooks, s.edit(o.Record, k, values[k], true))
			}
		}
	}
	o.Shows = raw(s.systems[e.System][o.Record.ID])
	return o
}

// find is the record a create finds, or the id it gives.
func (s *scene) find(e *outbox.Entry) (id string, known bool) {
	for _, id := range sortedIDs(s.systems[e.System]) {
		v := s.systems[e.System][id]
		if e.System == domain.HubSpot && v[domain.UniqueProperty] == e.Contact.String() ||
			e.System == domain.Aloware && v["phone_number"] == e.Payload.Phone {
			return id, true
		}
	}
	s.made++
	return fmt.Sprint(1000 + s.made), false
}

// settle plans, sends and delivers until nothing moves.
func (s *scene) settle() {
	s.Helper()
	p := s.process(nil)
	for range 200 {
		s.plan(p)
		all := s.waiting()
		for _, e := range all {
			s.send(e)
		}
		if len(s.hooks) > 0 {
			s.append(s.hooks...)
		}
		if len(all)+len(s.hooks) == 0 {
			return
		}
		s.hooks = nil
	}
	s.Fatalf("does not come to rest\n%s", s.story())
}
