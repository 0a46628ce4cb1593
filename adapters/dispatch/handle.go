package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/lease"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// ending is what becomes of a command: events that settle it, or a deferral.
type ending struct {
	entry  *outbox.Entry
	events []eventstore.NewEvent
	result string // of a write: domain.Result…; "" for a read that was answered
	later  *outbox.Deferral
}

// handle carries one batch out: open, send, settle. It holds no transaction while it calls the system. An error
// leaves the rows as they are: they are tried again after the attempt's deadline.
func (d *Dispatcher) handle(msg *message.Message) error {
	j, ok := msg.Context().Value(jobKey{}).(job)
	if !ok {
		return errors.New("a message without a batch")
	}
	ctx := msg.Context()
	ended, err := d.open(ctx, &j)
	if err != nil {
		return err
	}
	if len(j.Lanes) > 0 {
		made, err := d.carryOut(ctx, j)
		if err != nil {
			return err
		}
		ended = append(ended, made...)
	}
	if err := d.settle(ctx, j, ended); err != nil {
		return err
	}
	d.count(j, ended)
	return nil
}

// open unseals the batch's payloads. Commands whose source was erased leave the batch, withdrawn.
func (d *Dispatcher) open(ctx context.Context, j *job) ([]ending, error) {
	failed, err := outbox.Open(ctx, d.Log.Vault(), j.Entries())
	if err != nil || len(failed) == 0 {
		return nil, err
	}
	var ended []ending
	lanes := j.Lanes[:0:0]
	for _, lane := range j.Lanes {
		kept := lane[:0:0]
		for _, e := range lane {
			if failed[e.Command] == nil {
				kept = append(kept, e)
				continue
			}
			end, err := d.outcome(e, domain.Outcome{
				Attempt: j.Attempt, Attempts: e.Attempts, Result: domain.ResultWithdrawn, Reason: domain.ReasonErased,
			})
			if err != nil {
				return nil, err
			}
			ended = append(ended, end)
		}
		if len(kept) > 0 {
			lanes = append(lanes, kept)
		}
	}
	j.Lanes = lanes
	return ended, nil
}

// carryOut calls the system within the attempt's deadline. The lease is checked last, so that an owner that was
// frozen and woke up sends nothing.
func (d *Dispatcher) carryOut(ctx context.Context, j job) ([]ending, error) {
	ctx, cancel := context.WithDeadline(ctx, j.deadline)
	defer cancel()
	if j.urgent() {
		ctx = adapters.WithUrgent(ctx)
	}
	send := d.write
	if j.Reads {
		send = d.read
	}
	if !d.Lease.Held() {
		return nil, lease.ErrLost
	}
	if ctx.Err() != nil || !d.Now().Before(j.deadline) {
		return nil, fmt.Errorf("claimed too long ago to send: %w", context.DeadlineExceeded)
	}
	return send(ctx, j)
}

// outcome ends a command with an event command.settled.
func (d *Dispatcher) outcome(e *outbox.Entry, o domain.Outcome) (ending, error) {
	event, err := outbox.Outcome(d.Log.Vault(), e.Row, o, d.NewID())
	return ending{entry: e, events: []eventstore.NewEvent{event}, result: o.Result}, err
}

// timed calls the system and tells how long it took, and counts it. A panic of the adapter becomes the error of every
// request.
func (d *Dispatcher) timed(system domain.System, n int, call func()) (took time.Duration, panicked bool) {
	began := d.Now()
	defer func() {
		took = d.Now().Sub(began)
		d.Metrics.call(system, n, took)
		if p := recover(); p != nil {
			panicked = true
			// The kind only: what was panicked with may hold a person's value.
			d.Logger.Error("adapter panicked", slog.String("system", string(system)),
				slog.String("kind", fmt.Sprintf("%T", p)))
		}
	}()
	call()
	return took, false
}

func (d *Dispatcher) count(j job, ended []ending) {
	d.Metrics.add(j.System, func(c *Counts) {
		for _, e := range ended {
			switch {
			case e.later == nil && e.result == "":
				c.Reads++
			case e.later == nil:
				c.result(e.result)
			case e.later.Bury:
				c.Dead++
			default:
				c.Retried++
				if e.later.Free {
					c.Throttled++
				}
			}
		}
	})
}

// settleAgain is how long a settlement is tried again before the batch is left to its deadline.
const settleAgain = 30 * time.Second
