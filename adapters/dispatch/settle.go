package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/lease"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// settle brings the batch to its end, in one transaction. While the database is away it waits for it: what the
// system answered is known only here.
func (d *Dispatcher) settle(ctx context.Context, j job, ended []ending) error {
	began := d.Now()
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		err := d.settleOnce(ctx, j, ended)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, eventstore.ErrErased):
			if err := d.forgetErased(ctx, ended); err != nil {
				return err
			}
		case errors.Is(err, lease.ErrLost), errors.Is(err, eventstore.ErrInvalid),
			errors.Is(err, eventstore.ErrDedupeMismatch), ctx.Err() != nil, d.Now().Sub(began) > settleAgain:
			return fmt.Errorf("settle: %w", err)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (d *Dispatcher) settleOnce(ctx context.Context, j job, ended []ending) error {
	done, subjects, deferrals := sum(ended)
	if err := d.Log.Vault().Prefetch(ctx, subjects...); err != nil {
		return fmt.Errorf("load keys: %w", err)
	}
	return d.DB.InTx(ctx, func(tx eventstore.Tx) error {
		if err := d.Lease.Fence(ctx, tx); err != nil {
			return err
		}
		if err := outbox.Defer(ctx, tx, d.Log.Connection(), j.Attempt, deferrals); err != nil {
			return err
		}
		if len(done) == 0 {
			return nil
		}
		removed, err := outbox.Settle(ctx, tx, d.Log.Connection(), j.Attempt, done)
		if err != nil {
			return err
		}
		var events []eventstore.NewEvent
		for _, e := range ended {
			if removed[e.entry.Command] {
				events = append(events, e.events...)
			}
		}
		if len(events) == 0 {
			return nil
		}
		_, err = tx.Append(ctx, d.Log, events...)
		return err
	})
}

// sum lists the commands that are done, the subjects of their events, and the deferrals.
func sum(ended []ending) (done []ulid.ULID, subjects []string, deferrals []outbox.Deferral) {
	for _, e := range ended {
		if e.later != nil {
			deferrals = append(deferrals, *e.later)
			continue
		}
		done = append(done, e.entry.Command)
		for _, ev := range e.events {
			subjects = append(subjects, ev.Subject)
		}
	}
	return done, subjects, deferrals
}

// forgetErased rewrites the events of erased subjects so that they can be stored: without values, under the log's
// own key. A fact about an erased record becomes record.suppressed.
func (d *Dispatcher) forgetErased(ctx context.Context, ended []ending) error {
	for _, e := range ended {
		for i, ev := range e.events {
			hers, err := d.Erased(ctx, ev)
			if err != nil {
				return err
			}
			_, err = d.Log.Vault().Seal(ctx, ev.Subject, "probe", nil)
			if hers || errors.Is(err, eventstore.ErrErased) {
				e.events[i], err = forget(ev)
			}
			if err != nil {
				return fmt.Errorf("probe a key: %w", err)
			}
		}
	}
	return nil
}

func forget(ev eventstore.NewEvent) (eventstore.NewEvent, error) {
	var kept any
	if ev.Type == domain.CommandSettled {
		var o domain.Outcome
		if err := json.Unmarshal(ev.Data, &o); err != nil {
			return ev, fmt.Errorf("read an outcome: %w", err)
		}
		o.Sent, o.Shows, o.Complete = nil, nil, false
		kept = o
	} else {
		var f domain.Fact
		if err := json.Unmarshal(ev.Data, &f); err != nil {
			return ev, fmt.Errorf("read a fact: %w", err)
		}
		ev.Type, ev.Schema = domain.RecordSuppressed, domain.SchemaOf(domain.RecordSuppressed)
		kept = domain.Fact{Via: f.Via, Clock: f.Clock, Answer: f.Answer}
	}
	data, err := json.Marshal(kept)
	ev.Data, ev.Subject = data, eventstore.SubjectLog
	return ev, err
}

// withhold takes out of an outcome what an erased record showed that stood in the way.
func (d *Dispatcher) withhold(ctx context.Context, o *domain.Outcome) error {
	if o.Existing.IsZero() {
		return nil
	}
	_, err := d.Log.Vault().Seal(ctx, o.Existing.Stream(), "probe", nil)
	if errors.Is(err, eventstore.ErrErased) {
		o.Shows, o.Complete, err = nil, false, nil
	}
	return err
}
