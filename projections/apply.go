package projections

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/duolog/duolog/domain"
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
		errors.Is(err, eventstore.ErrMasterKey) || errors.Is(err, domain.ErrNewerSchema) || errors.Is(err, domain.ErrUnknownEvent)
}

func (r *Runner) commit(ctx context.Context, p Projection, cp *checkpoint, events []eventstore.Event) error {
	to := events[len(events)-1].Position
	err := r.db.InTx(eventstore.Derived(ctx), func(tx eventstore.Tx) error {
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
	ready, late := behind(p, held, undecoded(events))
	if err := r.insertParked(ctx, q, cp, late); err != nil {
		return err
	}
	return r.foldNow(ctx, q, p, cp, ready)
}

// foldNow folds events and writes what comes of them.
func (r *Runner) foldNow(
	ctx context.Context, q eventstore.Querier, p Projection, cp checkpoint, ready []Input,
) error {
	if len(ready) == 0 {
		return nil
	}
	if err := decode(p, ready, make([]Event, len(ready))); err != nil {
		return err
	}
	return safely(func() error {
		folder := p.Open(Version{Connection: cp.connection, Number: cp.version, Vault: r.log.Vault()})
		if err := folder.Fold(ctx, q, ready); err != nil {
			return err
		}
		return folder.Write(ctx, q)
	})
}

// behind parts the events whose key has a parked one from those that are ready.
func behind(p Projection, held map[string]bool, all []Input) (ready []Input, late []parkedRow) {
	if len(held) == 0 {
		return all, nil
	}
	for _, in := range all {
		if key := keyOf(p, *in.Event); held[key] {
			late = append(late, parkedRow{in.Position, key, textBehind, 0})
		} else {
			ready = append(ready, in)
		}
	}
	return ready, late
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
