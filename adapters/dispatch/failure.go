package dispatch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

const (
	longest      = 5 * time.Minute  // between two tries of a row
	unauthorized = 30 * time.Second // before credentials that do not work are tried again
)

// failure is why a request has to be made again. Its text holds no personal value.
type failure struct {
	class  string
	detail string
	after  time.Duration
	missed bool // the system was not reached at all
	unsent bool // nothing of a write can have arrived
}

func (f failure) String() string { return f.class + ": " + f.detail }

// errMissing: the adapter gave fewer answers than it got requests.
var errMissing = &adapters.Error{Class: adapters.Retry, Detail: "no answer to this request"}

// classify tells a refusal for good, returned as *adapters.Error, from a failure that may pass.
func classify(ctx context.Context, err error) (*adapters.Error, failure) {
	if errors.Is(err, errPanic) {
		return nil, failure{class: outbox.ClassPanic, detail: errPanic.Error()}
	}
	var told *adapters.Error
	known := errors.As(err, &told)
	if known && told.Class == adapters.Rejected {
		return told, failure{}
	}
	f := failure{class: outbox.ClassRetry, unsent: known && told.Unsent}
	switch {
	case ctx.Err() != nil:
		f.detail = "no answer before the attempt's deadline"
	case !known:
		f.detail = fmt.Sprintf("unexpected %T", err)
	case told.Class == adapters.Throttled:
		f.class, f.detail, f.after = outbox.ClassThrottled, told.Detail, max(told.After, time.Second)
	case told.Class == adapters.Unauthorized:
		f.class, f.detail, f.after = outbox.ClassUnauthorized, told.Detail, unauthorized
	default:
		f.detail, f.missed = told.Detail, unreached(told.Status)
	}
	return nil, f
}

// errPanic stands for every answer of a call that panicked.
var errPanic = errors.New("the adapter panicked")

// unreached reports whether a status says that nothing behind it was reached: none at all, or a gateway's.
func unreached(status int) bool {
	return status == 0 || status >= http.StatusBadGateway && status <= http.StatusGatewayTimeout
}

// backoff is the pause after a number of tries: doubled each time, moved by up to a quarter by the command's id so
// that rows that failed together do not come back together, never longer than five minutes.
func (d *Dispatcher) backoff(tries int, command ulid.ULID) time.Duration {
	pause := d.Backoff << min(max(tries-1, 0), 20)
	if pause <= 0 || pause > longest {
		pause = longest
	}
	return min(pause*time.Duration(6+int(command[15])%5)/8, longest)
}

// judge turns the failures of a batch into deferrals and shuts the system's gate where they say so. A lane comes
// back as one, since its rows are sent as one.
func (d *Dispatcher) judge(j job, failed []failedLane, total int) []ending {
	missed := 0
	for _, f := range failed {
		if f.after > 0 {
			j.source.gate.pause(f.after)
		}
		if f.missed {
			missed++
		}
	}
	down := j.source.gate.reached(missed == 0 || missed < total)
	var ended []ending
	for _, f := range failed {
		ended = append(ended, d.later(f, down && f.missed)...)
	}
	return ended
}

// failedLane is a lane, or a single read, that was not carried out.
type failedLane struct {
	failure
	entries []*outbox.Entry
}

// later gives every row of the lane the same next try. A try counts unless the system refused everyone or is down.
func (d *Dispatcher) later(f failedLane, down bool) []ending {
	free, tries := f.after > 0 || down, 0
	for _, e := range f.entries {
		tries = max(tries, e.Attempts)
	}
	pause := f.after
	if pause == 0 {
		pause = d.backoff(tries, f.entries[0].Command)
	}
	next := d.Now().Add(pause)
	ended := make([]ending, len(f.entries))
	for i, e := range f.entries {
		ended[i] = ending{entry: e, later: &outbox.Deferral{
			Command: e.Command, NextAt: next, Error: f.String(), Free: free, Unsent: f.unsent, Bury: !free && e.Attempts >= d.Tries,
		}}
	}
	return ended
}
