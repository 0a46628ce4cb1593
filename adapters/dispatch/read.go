package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// read asks the system and turns each answer into facts. A read that cannot be made at all is rejected.
func (d *Dispatcher) read(ctx context.Context, j job) ([]ending, error) {
	entries := j.Entries()
	requests := make([]adapters.ReadRequest, len(entries))
	for i, e := range entries {
		requests[i] = request(e)
	}
	began := d.Now().UnixMicro()
	var answers []adapters.ReadAnswer
	took, panicked := d.timed(j.System, len(requests), func() { answers = j.source.system.Read(ctx, requests) })
	var ended []ending
	var failed []failedLane
	for i, e := range entries {
		answer := adapters.ReadAnswer{Err: errMissing}
		switch {
		case panicked:
			answer.Err = errPanic
		case i < len(answers):
			answer = answers[i]
		}
		end, f, err := d.judgeRead(ctx, j, e, answer, began)
		switch {
		case err != nil:
			return nil, err
		case f != nil:
			failed = append(failed, failedLane{failure: *f, entries: []*outbox.Entry{e}})
		default:
			ended = append(ended, end)
		}
	}
	j.source.stride.took(len(entries), len(entries)-len(failed), took)
	return append(ended, d.judge(j, failed, len(entries))...), nil
}

func request(e *outbox.Entry) adapters.ReadRequest {
	r := adapters.ReadRequest{
		By: e.Payload.By, Value: e.Payload.Value, Phone: e.Payload.Phone, Properties: e.Payload.Properties,
	}
	if e.Kind == domain.KindRead {
		r.By, r.Value = "id", e.Record.ID
	}
	return r
}

func (d *Dispatcher) judgeRead(ctx context.Context, j job, e *outbox.Entry, a adapters.ReadAnswer, began int64,
) (ending, *failure, error) {
	if a.Err == nil {
		events, err := d.facts(e, a.Records, began)
		return ending{entry: e, events: events}, nil, err
	}
	o := domain.Outcome{
		Attempt: j.Attempt, Attempts: e.Attempts, Result: domain.ResultRejected, Reason: domain.ReasonImpossible,
		Detail: adapters.ErrUnsupported.Error(),
	}
	if !errors.Is(a.Err, adapters.ErrUnsupported) {
		told, f := classify(ctx, a.Err)
		if told == nil {
			return ending{}, &f, nil
		}
		o.Detail = told.Detail
	}
	end, err := d.outcome(e, o)
	return end, nil, err
}

// facts says what a read found: one fact for each record, on its own stream, or that there was none. began is when
// the request did, µs UTC.
func (d *Dispatcher) facts(e *outbox.Entry, found []adapters.Snapshot, began int64) ([]eventstore.NewEvent, error) {
	answer := &domain.Answer{Command: e.Command, Contact: e.Contact, By: request(e).By}
	seen := map[domain.Record]bool{}
	var distinct []adapters.Snapshot
	for _, s := range found {
		if !seen[s.Record] {
			seen[s.Record] = true
			answer.Found, distinct = append(answer.Found, s.Record), append(distinct, s)
		}
	}
	if len(distinct) == 0 {
		where := e.Record
		if where.IsZero() {
			where = e.Source
		}
		event, err := d.fact(e, where, domain.RecordAbsent, domain.Fact{Clock: began, Answer: answer})
		return []eventstore.NewEvent{event}, err
	}
	events := make([]eventstore.NewEvent, len(distinct))
	for i, s := range distinct {
		kind := domain.RecordObserved
		if s.Deleted {
			kind = domain.RecordDeleted
		}
		var err error
		if events[i], err = d.fact(e, s.Record, kind, domain.Fact{
			Properties: s.Properties, Complete: true, Lacks: s.Lacks, Clock: s.Clock, Clocks: s.Clocks, Merged: merged(e, s),
			Answer: answer,
		}); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// merged lists what was merged into the record. A system that reads by id and answers with another record has merged
// the one asked for; one that was asked by phone has only shown who holds that phone now.
func merged(e *outbox.Entry, s adapters.Snapshot) []domain.Record {
	aliases := s.Aliases
	if e.Kind != domain.KindRead || s.Record == e.Record || e.Payload.Phone != "" {
		return aliases
	}
	for _, a := range aliases {
		if a == e.Record {
			return aliases
		}
	}
	return append([]domain.Record{e.Record}, aliases...)
}

func (d *Dispatcher) fact(e *outbox.Entry, r domain.Record, kind string, f domain.Fact) (eventstore.NewEvent, error) {
	f.Via = "lookup"
	if e.Kind == domain.KindRead {
		f.Via = "read"
	}
	data, err := json.Marshal(f)
	if err != nil {
		return eventstore.NewEvent{}, fmt.Errorf("answer to %s: a value is not JSON", e.Command)
	}
	return eventstore.NewEvent{
		ID: d.NewID(), Stream: r.Stream(), Type: kind, Schema: domain.SchemaOf(kind), OccurredAt: f.Clock, Actor: string(e.System),
		Causation: e.Input, Subject: r.Stream(), Data: data,
		Key: d.Log.Vault().Blind("read", e.Command.String()+"/"+kind+"/"+r.Stream()),
	}, nil
}
