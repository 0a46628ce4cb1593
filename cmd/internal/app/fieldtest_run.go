package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/lease"
)

const (
	// testPatience is how long a value may be on its way from one system to the other and back.
	testPatience = time.Minute
	// restoreFor bounds putting the old value back by hand when this process is told to end in the midst of a test.
	restoreFor = 10 * time.Second

	countPutBack = "put_back" // in the act that ends a test: 1 when both sides hold the old value again
)

// keepTests carries out the tests people ask for, while this process owns the connection. One that was interrupted is
// found among the operations that have not ended, and ended by whoever owns the connection next.
func (e *engine) keepTests(ctx context.Context, h *lease.Handle) error {
	return e.attend(ctx, "tests of the mapping", func() error {
		for _, op := range e.control.Load().Operations {
			if op.Name != opTest {
				continue
			}
			if err := e.test(ctx, h, op); err != nil {
				return err
			}
		}
		return nil
	})
}

// test carries one test out and says how it ended.
func (e *engine) test(ctx context.Context, h *lease.Handle, op planner.Operation) error {
	if end, _, err := e.ending(ctx, op.ID.String(), op.Position); end != nil || err != nil {
		return err
	}
	end := domain.Act{Command: op.ID, Name: op.Name, Contact: op.Contact, Field: op.Field, Counts: map[string]int64{}}
	t, err := e.fieldTest(ctx, op.ID.String())
	switch {
	case errors.Is(err, httpapi.ErrConflict), errors.Is(err, httpapi.ErrNotFound):
		end.Reason = err.Error()
	case err != nil:
		return err
	default:
		r := &testRun{engine: e, h: h, t: t}
		why, err := r.run(ctx)
		if err != nil {
			return err
		}
		end.Reason, end.Counts[countPutBack] = why, 1
	}
	if _, err := e.Act(ctx, domain.OperationFinished, end, duolog); err != nil {
		return err
	}
	return e.until(ctx, func(c planner.Control) bool {
		for _, o := range c.Operations {
			if o.ID == op.ID {
				return false
			}
		}
		return true
	})
}

// testRun is a test under way.
type testRun struct {
	*engine
	h *lease.Handle
	t *fieldTest
}

// run changes the value, follows it there, puts it back and follows that. why is what went wrong with the mapping, err
// that the test itself could not go on: then the old value is put back here and now, as far as that can be done, and the
// test stays open.
func (r *testRun) run(ctx context.Context) (why string, err error) {
	defer func() {
		if err != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreFor)
			defer cancel()
			err = errors.Join(err, r.restore(ctx))
		}
	}()
	s := r.control.Load().Settings
	begun, gone, err := r.begun(ctx, s)
	switch {
	case err != nil:
		return "", err
	case gone:
		return "interrupted before the value had gone over and back", r.restore(ctx)
	}
	if !begun {
		if err := r.write(ctx, r.t.act.From, r.t.value); err != nil {
			return r.refused(ctx, err)
		}
	}
	if why, err = r.await(ctx, s, false); err != nil {
		return "", err
	}
	if why == "" {
		if err := r.write(ctx, r.t.back(s), r.t.old); err != nil {
			return r.refused(ctx, err)
		}
		if why, err = r.await(ctx, s, true); err != nil {
			return "", err
		}
	}
	return why, r.restore(ctx)
}

// refused tells a write that will never work from one that may: the first is what the test has found.
func (r *testRun) refused(ctx context.Context, err error) (string, error) {
	var e *adapters.Error
	if errors.As(err, &e) && e.Class == adapters.Rejected {
		return e.Error(), r.restore(ctx)
	}
	return "", err
}

// begun reports that the value was changed already, before whoever ran the test was interrupted; gone, that it stands
// there no more, so there is nothing left to follow.
func (r *testRun) begun(ctx context.Context, s settings.Settings) (begun, gone bool, err error) {
	if err = r.follow(ctx, r.t, s, func(there, _ *leg, _ eventstore.Event) { begun = there.fact }); err != nil {
		return begun, false, err
	}
	now, err := r.holds(ctx, r.t.act.From)
	if err != nil {
		return begun, false, err
	}
	return begun || now == r.t.value, now != r.t.value && (begun || now != r.t.old), nil
}

// await follows a value until it has arrived, and says why it does not.
func (r *testRun) await(ctx context.Context, s settings.Settings, back bool) (why string, err error) {
	ctx, cancel := context.WithTimeout(ctx, testPatience)
	defer cancel()
	for {
		over, last := false, r.t.at
		missing := ""
		err := r.follow(ctx, r.t, s, func(there, home *leg, e eventstore.Event) {
			l := there
			if back {
				l = home
			}
			over, why, last, missing = l.over(), l.stopped, e.Position, l.missing()
		})
		if err == nil && over {
			return why, nil
		}
		if err == nil {
			err = r.Log.Wait(ctx, last)
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return "no " + missing + " within " + testPatience.String(), nil
		}
		if err != nil {
			return "", err
		}
	}
}

// missing names the step a leg waits for.
func (l *leg) missing() string {
	switch {
	case !l.fact:
		return "fact from " + l.from.Title()
	case l.command.IsZero():
		return "decision"
	case !l.settled:
		return "answer from " + l.from.Other().Title()
	}
	return "echo from " + l.from.Other().Title()
}

// write changes the value in a system, as somebody who works there would.
func (r *testRun) write(ctx context.Context, s domain.System, canonical string) error {
	if err := r.Store.InTx(ctx, func(tx eventstore.Tx) error { return r.h.Fence(ctx, tx) }); err != nil {
		return err
	}
	return r.put(ctx, s, canonical)
}

func (r *testRun) put(ctx context.Context, s domain.System, canonical string) error {
	property, raw, err := r.t.field.Put(s, canonical, r.t.env)
	if err != nil {
		return err
	}
	w := adapters.Write{
		Command: r.NewID(), Contact: r.t.act.Contact, Record: r.t.record(s), Values: domain.Properties{property: raw},
		Properties: []string{r.t.field.Side(s).Read},
	}
	if s == domain.Aloware {
		w.Phone = r.t.phone
	}
	answers := r.systems[s].Write(ctx, []adapters.Write{w})
	if len(answers) != 1 {
		return fmt.Errorf("%s gave %d answers to one write", s.Title(), len(answers))
	}
	return answers[0].Err
}

// holds reads what a system shows now.
func (r *testRun) holds(ctx context.Context, s domain.System) (string, error) {
	answers := r.systems[s].Read(ctx, []adapters.ReadRequest{{
		By: "id", Value: r.t.record(s).ID, Phone: r.t.phone, Properties: []string{r.t.field.Side(s).Read},
	}})
	switch {
	case len(answers) != 1:
		return "", fmt.Errorf("%s gave %d answers to one read", s.Title(), len(answers))
	case answers[0].Err != nil:
		return "", answers[0].Err
	}
	for _, found := range answers[0].Records {
		if found.Record == r.t.record(s) {
			text, _, err := r.t.field.Get(s, found.Properties, r.t.env)
			return text, err
		}
	}
	return "", fmt.Errorf("%s does not find the record any more", s.Title())
}

// restore puts the old value back wherever the one of the test still stands. What somebody else wrote meanwhile stays.
func (r *testRun) restore(ctx context.Context) error {
	var failed error
	for _, s := range []domain.System{r.t.act.From, r.t.act.From.Other()} {
		now, err := r.holds(ctx, s)
		if err == nil && now == r.t.value {
			err = r.put(ctx, s, r.t.old)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}
