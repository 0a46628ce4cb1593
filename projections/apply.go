package projections

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/duolog/duolog/eventstore"
)

// apply commits the events and moves cp. When they cannot be applied together they are halved until the one at fault
// is alone; that one is parked.
func (r *Runner) apply(ctx context.Context, p Projection, cp *checkpoint, events []eventstore.Event) error {
	err := r.commit(ctx, p, cp, events)
	switch {
	case err == nil || notTheirFault(ctx, err):
		return err
	case len(events) == 1:
		return r.park(ctx, p, cp, events[0], err)
	}
	half := len(events) / 2
	if err := r.apply(ctx, p, cp, events[:half]); err != nil {
		return err
	}
	return r.apply(ctx, p, cp, events[half:])
}

// notTheirFault tells failures of the surroundings from those of the events.
func notTheirFault(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, errFenced) || errors.Is(err, eventstore.ErrUnavailable) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, eventstore.ErrMasterKey)
}

func (r *Runner) commit(ctx context.Context, p Projection, cp *checkpoint, events []eventstore.Event) error {
	to := events[len(events)-1].Position
	err := r.db.InTx(ctx, func(tx eventstore.Tx) error {
		if err := r.advance(ctx, tx, *cp, to); err != nil {
			return err
		}
		return r.fold(ctx, tx, p, *cp, events)
	})
	if err == nil {
		cp.position = to
	}
	return err
}

// fold applies what is free to go and parks what stands behind a parked event of its key.
func (r *Runner) fold(
	ctx context.Context, q eventstore.Querier, p Projection, cp checkpoint, events []eventstore.Event,
) error {
	held, err := parkedKeys(ctx, q, cp)
	if err != nil {
		return err
	}
	ready := events
	if len(held) > 0 {
		var late []parkedRow
		ready = nil
		for _, e := range events {
			if key := keyOf(p, e); held[key] {
				late = append(late, parkedRow{e.Position, key, textBehind, 0})
				continue
			}
			ready = append(ready, e)
		}
		if err := r.insertParked(ctx, q, cp, late); err != nil {
			return err
		}
	}
	if len(ready) == 0 {
		return nil
	}
	page := Page{Connection: cp.connection, Version: cp.version, Events: ready, Vault: r.log.Vault()}
	return safely(func() error { return p.Apply(ctx, q, page) })
}

// panicked is a panic of a projection, as an error.
type panicked struct{ value any }

func (p panicked) Error() string { return fmt.Sprintf("panic in the fold (%T)", p.value) }

func safely(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked{v}
		}
	}()
	return fn()
}

// safeText describes an error without any text that may come from an event.
func safeText(err error) string {
	var (
		fault   Fault
		typed   *json.UnmarshalTypeError
		syntax  *json.SyntaxError
		number  *strconv.NumError
		stopped panicked
	)
	switch {
	case errors.As(err, &fault):
		return string(fault)
	case errors.As(err, &typed):
		return "field " + typed.Field + " cannot be a JSON " + jsonKind(typed.Value)
	case errors.As(err, &syntax):
		return fmt.Sprintf("not JSON at byte %d", syntax.Offset)
	case errors.As(err, &number):
		return "not a number"
	case errors.As(err, &stopped):
		return stopped.Error()
	case errors.Is(err, eventstore.ErrUnavailable):
		return eventstore.ErrUnavailable.Error()
	}
	for next := err; next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return fmt.Sprintf("%T", err)
}

// jsonKind keeps the kind of a value such as "number 5" and drops the value.
func jsonKind(s string) string {
	for i := range s {
		if s[i] == ' ' {
			return s[:i]
		}
	}
	return s
}
