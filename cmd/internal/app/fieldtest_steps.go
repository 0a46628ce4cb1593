package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/state"
)

// leg is the way of one value from a system to the other, as the log tells of it step by step.
type leg struct {
	t       *fieldTest
	from    domain.System
	value   string
	after   int64 // what came up to there belongs to an earlier leg
	command ulid.ULID
	steps   []httpapi.TestStep
	fact    bool
	settled bool
	echo    bool
	stopped string // why it goes no further
}

// over reports that no further step will come.
func (l *leg) over() bool { return l.fact && l.settled && l.echo || l.stopped != "" }

// take looks at one event for the next step. A fact may tell the value before the outcome of its write is known.
func (l *leg) take(e eventstore.Event) error {
	if e.Position <= l.after || e.Erased || l.over() {
		return nil
	}
	switch {
	case e.Type == domain.DecisionMade:
		return l.decision(e)
	case e.Type == domain.CommandSettled:
		return l.outcome(e)
	case !strings.HasPrefix(e.Type, "record."):
	case !l.fact && e.Stream == l.t.record(l.from).Stream() && l.shows(e, l.from):
		l.fact = true
		l.step(e, l.from, "fact", "told the value"+how(e))
	case !l.echo && !l.command.IsZero() && e.Stream == l.t.record(l.from.Other()).Stream() && l.shows(e, l.from.Other()):
		l.echo = true
		l.step(e, l.from.Other(), "echo", "told it back"+how(e))
	}
	return nil
}

// how says how a fact came.
func how(e eventstore.Event) string {
	var f domain.Fact
	if domain.Decode(e.Type, e.Schema, e.Data, &f) != nil || f.Via == "webhook" {
		return " by webhook"
	}
	return " when it was read"
}

func (l *leg) shows(e eventstore.Event, s domain.System) bool {
	var f domain.Fact
	if domain.Decode(e.Type, e.Schema, e.Data, &f) != nil {
		return false
	}
	text, known, err := l.t.field.Get(s, f.Properties, l.t.env)
	return known && err == nil && text == l.value
}

// stops are the results of a decision after which nothing is sent.
var stops = map[planner.Result]bool{
	planner.Blocked: true, planner.Kept: true, planner.LostIt: true, planner.Invalid: true, planner.Refused: true,
	planner.HeldBack: true, planner.Withheld: true, planner.Impossible: true, planner.OutOfScope: true,
}

func (l *leg) decision(e eventstore.Event) error {
	d, err := state.Decision(e)
	if err != nil || !l.fact || d.Contact != l.t.act.Contact || !l.command.IsZero() {
		return err
	}
	for _, v := range d.Fields {
		switch {
		case v.Field != l.t.field.Name || v.From != l.from:
		case v.Result == planner.Sent && !v.Command.IsZero():
			l.command = v.Command
			l.step(e, "", "decision", "sent"+because(v.Rule))
		case stops[v.Result]:
			l.stopped = string(v.Result) + because(v.Rule)
			l.step(e, "", "decision", l.stopped)
		}
	}
	return nil
}

func because(rule string) string {
	if rule == "" {
		return ""
	}
	return ": " + rule
}

func (l *leg) outcome(e eventstore.Event) error {
	var o domain.Outcome
	if err := domain.Decode(e.Type, e.Schema, e.Data, &o); err != nil {
		return fmt.Errorf("%s at %d: %w", e.Type, e.Position, err)
	}
	if l.command.IsZero() || o.Command != l.command {
		return nil
	}
	l.settled = true
	text := o.Result + because(o.Reason)
	if refused := o.Refused[l.t.field.Side(o.System).Write]; refused != "" {
		text += ": refused " + refused
		l.stopped = text
	} else if o.Result != domain.ResultApplied && o.Result != domain.ResultPartly {
		l.stopped = text
	}
	l.step(e, o.System, "command", text)
	return nil
}

func (l *leg) step(e eventstore.Event, s domain.System, kind, text string) {
	l.steps = append(l.steps, httpapi.TestStep{
		Step: kind, System: s, Text: text, Position: e.Position, At: time.UnixMicro(e.RecordedAt).UTC(),
		After: (e.RecordedAt - l.t.started) / 1000,
	})
}

// follow reads the log from the start of a test, and tells its legs what it finds.
func (a *App) follow(ctx context.Context, t *fieldTest, s settings.Settings, each func(there, back *leg, e eventstore.Event)) error {
	there := &leg{t: t, from: t.act.From, value: t.value, after: t.at}
	back := &leg{t: t, from: t.back(s), value: t.old}
	for after := t.at; ; {
		events, err := a.Log.Read(ctx, after, 500)
		if err != nil || len(events) == 0 {
			return err
		}
		for _, e := range events {
			after = e.Position
			over := there.over()
			if err := there.take(e); err != nil {
				return err
			}
			if over {
				if err := back.take(e); err != nil {
					return err
				}
			}
			each(there, back, e)
		}
	}
}

// FieldTest says how far a test has come, as the log tells.
func (a *App) FieldTest(ctx context.Context, id string) (httpapi.FieldTest, error) {
	t, err := a.fieldTest(ctx, id)
	if err != nil {
		return httpapi.FieldTest{}, err
	}
	control, _, err := a.Control(ctx)
	if err != nil {
		return httpapi.FieldTest{}, err
	}
	out := httpapi.FieldTest{
		ID: id, Contact: t.act.Contact, Field: t.field.Name, From: t.act.From, Steps: []httpapi.TestStep{},
	}
	err = a.follow(ctx, t, control.Settings, func(there, back *leg, e eventstore.Event) {
		out.Steps = append(append([]httpapi.TestStep{}, there.steps...), back.steps...)
		out.Reason = there.stopped
		if out.Reason == "" {
			out.Reason = back.stopped
		}
		var act domain.Act
		if e.Type != domain.OperationFinished || domain.Decode(e.Type, e.Schema, e.Data, &act) != nil || act.Command != t.id {
			return
		}
		out.Ended, out.PutBack = true, act.Counts[countPutBack] == 1
		out.OK = act.Reason == "" && out.PutBack
		if act.Reason != "" {
			out.Reason = act.Reason
		}
	})
	return out, err
}
