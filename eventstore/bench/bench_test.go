package bench_test

import (
	"testing"
	"time"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/bench"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

func TestAppendMeasuresBoth(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		for _, batch := range []int{1, 7} {
			r, err := bench.Append(t.Context(), store, bench.Options{
				Writers: 4, Batch: batch, Runs: 1, Duration: 50 * time.Millisecond, Records: 10,
			})
			if err != nil {
				t.Fatal(err)
			}
			if r.EventsPerSecond <= 0 || r.BaselineEventsPerSecond <= 0 || r.Ratio <= 0 {
				t.Errorf("batch %d: %+v", batch, r)
			}
		}
		names, err := store.Connections(t.Context())
		if err != nil || len(names) != 2 {
			t.Fatalf("connections %v, %v", names, err)
		}
		for _, name := range names {
			report, err := eventstore.Verify(t.Context(), store, name, nil)
			if err != nil || !report.OK() || report.Events == 0 {
				t.Errorf("verify %s: %+v, %v", name, report, err)
			}
		}
	})
}
