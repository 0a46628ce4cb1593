// Package bench measures how fast a store appends, against what the same database does with bare inserts of the same
// bytes into tables of the same columns and indexes, without order, dedupe or sealing.
package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

// Options of a measurement; zero values take the defaults named.
type Options struct {
	Writers  int           // 32 callers at once
	Batch    int           // 1 event a call
	Duration time.Duration // 3 s for each run
	Runs     int           // 3 of each kind, in turns
	Size     int           // 300 bytes of data an event
	Records  int           // 1000 records the events are about
	// Progress is called after each run, when not nil.
	Progress func(done, total int)
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		v   *int
		def int
	}{{&o.Writers, 32}, {&o.Batch, 1}, {&o.Runs, 3}, {&o.Size, 300}, {&o.Records, 1000}} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	if o.Duration == 0 {
		o.Duration = 3 * time.Second
	}
	return o
}

// Validate says what is wrong with the options.
func (o Options) Validate() error {
	if o.Writers < 0 || o.Batch < 0 || o.Duration < 0 || o.Runs < 0 || o.Size < 0 || o.Records < 0 {
		return errors.New("bench: a negative option")
	}
	return nil
}

// Result holds the medians of the runs.
type Result struct {
	Backend                 string  `json:"backend"`
	Writers                 int     `json:"writers"`
	Batch                   int     `json:"batch"`
	EventsPerSecond         float64 `json:"events_per_second"`
	BaselineEventsPerSecond float64 `json:"baseline_events_per_second"`
	Ratio                   float64 `json:"ratio"`
}

// baselineClients insert at once in the baseline, however many writers there are.
const baselineClients = 32

// Append measures. Events are never deleted, so the store should be one made for it.
func Append(ctx context.Context, store eventstore.Store, o Options) (Result, error) {
	o = o.withDefaults()
	result := Result{Backend: store.Backend(), Writers: o.Writers, Batch: o.Batch}
	if err := o.Validate(); err != nil {
		return result, err
	}
	log, err := prepare(ctx, store, o)
	if err != nil {
		return result, fmt.Errorf("bench append: %w", err)
	}
	base, err := newBaseline(ctx, store, log.Connection(), o)
	if err != nil {
		return result, fmt.Errorf("bench append: %w", err)
	}
	ours, theirs, err := inTurns(ctx, log, base, o)
	if err = errors.Join(err, base.drop(context.WithoutCancel(ctx))); err != nil {
		return result, fmt.Errorf("bench append: %w", err)
	}
	result.EventsPerSecond, result.BaselineEventsPerSecond = median(ours), median(theirs)
	if result.BaselineEventsPerSecond > 0 {
		result.Ratio = result.EventsPerSecond / result.BaselineEventsPerSecond
	}
	return result, nil
}

func prepare(ctx context.Context, store eventstore.Store, o Options) (eventstore.Log, error) {
	log, err := store.Log(ctx, "bench-"+ulid.Make().String())
	if err != nil {
		return nil, err
	}
	subjects := make([]string, o.Records)
	for i := range subjects {
		subjects[i] = stream(i)
	}
	return log, log.Vault().Prefetch(ctx, subjects...)
}

func inTurns(ctx context.Context, log eventstore.Log, base *baseline, o Options) (ours, theirs []float64, err error) {
	data := payload(o.Size)
	for run := range o.Runs {
		rate, err := measure(ctx, o.Duration, baselineClients, o.Batch, base.insert)
		if err != nil {
			return nil, nil, fmt.Errorf("baseline: %w", err)
		}
		theirs = append(theirs, rate)
		rate, err = measure(ctx, o.Duration, o.Writers, o.Batch, func(ctx context.Context, n int64) error {
			_, err := log.Append(ctx, events(n, o, data)...)
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		ours = append(ours, rate)
		if o.Progress != nil {
			o.Progress(run+1, o.Runs)
		}
	}
	return ours, theirs, nil
}

// measure runs work from many callers at once for the duration, and returns how many times batch a second.
func measure(ctx context.Context, d time.Duration, callers, batch int, work func(context.Context, int64) error,
) (float64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var calls atomic.Int64
	var wg sync.WaitGroup
	begin := time.Now()
	for range callers {
		wg.Go(func() {
			for ctx.Err() == nil && time.Since(begin) < d {
				if err := work(ctx, calls.Add(1)); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return 0, cause
	}
	return float64(calls.Load()) * float64(batch) / time.Since(begin).Seconds(), nil
}

func median(rates []float64) float64 {
	sorted := slices.Sorted(slices.Values(rates))
	return sorted[len(sorted)/2]
}

func stream(n int) string { return fmt.Sprintf("hubspot/contact/%d", 100_000+n) }

// events makes the n-th batch; data is every event's.
func events(n int64, o Options, data []byte) []eventstore.NewEvent {
	batch := make([]eventstore.NewEvent, o.Batch)
	for i := range batch {
		record := stream(int((n*int64(o.Batch) + int64(i)) % int64(o.Records)))
		batch[i] = eventstore.NewEvent{
			ID: ulid.Make(), Stream: record, Type: "record.updated", Schema: 1, OccurredAt: 1, Actor: "hubspot",
			Subject: record, Data: data,
		}
	}
	return batch
}

// payload is some JSON of about the size.
func payload(size int) []byte {
	const head, tail = `{"lastname":"`, `"}`
	data := make([]byte, 0, max(size, len(head)+len(tail)))
	data = append(data, head...)
	for len(data) < size-len(tail) {
		data = append(data, 'x')
	}
	return append(data, tail...)
}
