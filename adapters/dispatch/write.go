package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// call is a lane of writes as one request: the later command wins for each property.
type call struct {
	lane    []*outbox.Entry
	write   adapters.Write
	winner  map[string]*outbox.Entry // by property, whose value goes out
	attempt ulid.ULID
}

// coalesce makes one write of a lane.
func coalesce(lane []*outbox.Entry, attempt ulid.ULID) call {
	last := lane[len(lane)-1]
	c := call{lane: lane, winner: map[string]*outbox.Entry{}, attempt: attempt, write: adapters.Write{
		Command: last.Command, Contact: last.Contact, Record: last.Record, Values: map[string]json.RawMessage{},
		Expects: map[string]planner.Expected{}, Tried: map[string][]json.RawMessage{},
	}}
	var back []string
	for _, e := range lane {
		c.write.Create = c.write.Create || e.Kind == domain.KindCreate
		c.write.Again = c.write.Again || e.Sent > 1
		if e.Payload.Phone != "" {
			c.write.Phone = e.Payload.Phone
		}
		back = append(back, e.Payload.Properties...)
		for property, value := range e.Payload.Values {
			if _, written := c.write.Values[property]; !written { // nothing leaves before the lane's first command
				c.expect(property, e)
			}
			if e.Sent > 1 { // but for what tries before this one sent
				c.write.Tried[property] = append(c.write.Tried[property], value)
			}
			c.write.Values[property], c.winner[property] = value, e
		}
	}
	slices.Sort(back)
	c.write.Properties = slices.Compact(back)
	return c
}

func (c *call) expect(property string, e *outbox.Entry) {
	if expected, ok := e.Payload.Expects[property]; ok {
		c.write.Expects[property] = expected
	}
}

// write sends a batch of writes and tells what became of each command.
func (d *Dispatcher) write(ctx context.Context, j job) ([]ending, error) {
	calls, writes := make([]call, len(j.Lanes)), make([]adapters.Write, len(j.Lanes))
	for i, lane := range j.Lanes {
		calls[i] = coalesce(lane, domain.DeriveID(j.Attempt, "attempt", j.System, i))
		writes[i] = calls[i].write
	}
	var answers []adapters.WriteAnswer
	took, panicked := d.timed(j.System, len(writes), func() { answers = j.source.system.Write(ctx, writes) })
	if slices.ContainsFunc(answers, unfit) {
		d.Unfit(j.System)
	}
	var ended []ending
	var failed []failedLane
	for i, c := range calls {
		answer := adapters.WriteAnswer{Err: errMissing}
		switch {
		case panicked:
			answer.Err = errPanic
		case i < len(answers):
			answer = answers[i]
		}
		made, later, err := d.judgeWrite(ctx, c, answer)
		if err != nil {
			return nil, err
		}
		ended, failed = append(ended, made...), append(failed, later...)
	}
	j.source.stride.took(len(calls), len(calls)-len(failed), took)
	return append(ended, d.judge(j, failed, len(calls))...), nil
}

// unfit reports an answer by which the system's schema is not what it was taken for.
func unfit(a adapters.WriteAnswer) bool {
	refused := a.Refused
	var told *adapters.Error
	if errors.As(a.Err, &told) {
		refused = told.Refused
	}
	for _, reason := range refused {
		if domain.Unfit(reason) {
			return true
		}
	}
	return false
}

// judgeWrite ends each command of the lane, or says why the lane must be sent again.
func (d *Dispatcher) judgeWrite(ctx context.Context, c call, a adapters.WriteAnswer) ([]ending, []failedLane, error) {
	var rejection *adapters.Error
	if a.Err != nil {
		told, f := classify(ctx, a.Err)
		if told == nil {
			return nil, []failedLane{{failure: f, entries: c.lane}}, nil
		}
		rejection = told
	}
	ended := make([]ending, 0, len(c.lane))
	for _, e := range c.lane {
		o := c.outcome(e, a, rejection)
		if err := d.withhold(ctx, &o); err != nil {
			return nil, nil, err
		}
		end, err := d.outcome(e, o)
		if err != nil {
			return nil, nil, err
		}
		ended = append(ended, end)
	}
	return ended, nil, nil
}

// outcome is one command's share in the answer.
func (c call) outcome(e *outbox.Entry, a adapters.WriteAnswer, rejection *adapters.Error) domain.Outcome {
	o := domain.Outcome{Attempt: c.attempt, Attempts: e.Attempts, Record: a.Record}
	own := c.own(e)
	if len(own) == 0 && len(e.Payload.Values) > 0 {
		o.Result, o.By = domain.ResultSuperseded, c.successor(e)
		return o
	}
	o.Shows, o.Clock, o.Complete = c.shows(e, a), a.Clock, a.Complete
	o.Created = a.Created && e.Kind == domain.KindCreate
	if rejection != nil {
		return c.rejected(o, own, rejection)
	}
	o.Result, o.Unneeded = domain.ResultApplied, a.Unneeded
	if c.write.Create && a.Unneeded {
		return o // carried out before: what the record shows by now may be another's values
	}
	o.Sent, o.Refused = own, among(a.Refused, own)
	if len(o.Refused) > 0 {
		o.Result, o.Reason = domain.ResultPartly, domain.ReasonInvalid
		o.Sent = maps.Clone(own)
		maps.DeleteFunc(o.Sent, func(p string, _ json.RawMessage) bool { _, no := o.Refused[p]; return no })
		if len(o.Sent) == 0 {
			o.Result = domain.ResultRejected
		}
	}
	return o
}

// shows is what the answer tells, but for what the lane's other commands wrote: the planner would take it for a change made
// there, since only their own outcomes say that it was us. Of a complete answer nothing can be left out.
func (c call) shows(e *outbox.Entry, a adapters.WriteAnswer) domain.Properties {
	if a.Complete {
		return a.Shows
	}
	shows := maps.Clone(a.Shows)
	maps.DeleteFunc(shows, func(property string, _ json.RawMessage) bool {
		winner := c.winner[property]
		return winner != nil && winner != e
	})
	return shows
}

func (c call) rejected(o domain.Outcome, own domain.Properties, rejection *adapters.Error) domain.Outcome {
	o.Result, o.Reason, o.Detail = domain.ResultRejected, rejection.Reason, rejection.Detail
	o.Existing, o.Refused = rejection.Existing, among(rejection.Refused, own)
	if o.Reason == "" {
		o.Reason = domain.ReasonInvalid
	}
	return o
}

// own are the values of the command that went out.
func (c call) own(e *outbox.Entry) domain.Properties {
	own := domain.Properties{}
	for property, value := range e.Payload.Values {
		if c.winner[property] == e {
			own[property] = value
		}
	}
	return own
}

// successor is the last command that took a property of e.
func (c call) successor(e *outbox.Entry) ulid.ULID {
	by := e
	for property := range e.Payload.Values {
		if w := c.winner[property]; w.Input > by.Input || w.Input == by.Input && w.Command.Compare(by.Command) > 0 {
			by = w
		}
	}
	return by.Command
}

// among narrows reasons to the properties a command sent.
func among(reasons map[string]string, own domain.Properties) map[string]string {
	var kept map[string]string
	for property, reason := range reasons {
		if _, ok := own[property]; ok {
			if kept == nil {
				kept = map[string]string{}
			}
			kept[property] = reason
		}
	}
	return kept
}
