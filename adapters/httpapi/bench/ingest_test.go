package bench_test

import (
	"testing"

	"github.com/duolog/duolog/adapters/httpapi/bench"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

func TestIngestMeasures(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		runs := map[string]int{}
		r, err := bench.Ingest(t.Context(), bench.Config{
			Store: store, Batches: 4, Size: 10, Senders: 2,
			Progress: func(what string, _ float64) { runs[what]++ },
		})
		if err != nil {
			t.Fatal(err)
		}
		if r.EventsPerSecond <= 0 || r.BaselineEventsPerSecond <= 0 || r.Ratio <= 0 || r.Events != 40 ||
			r.Backend != store.Backend() {
			t.Errorf("result %+v", r)
		}
		sealing, err := bench.Ingest(t.Context(), bench.Config{Store: store, Batches: 4, Size: 10, Senders: 2, Runs: 1, Sealing: true})
		if err != nil || sealing.Ratio <= 0 || sealing.Events != 40 {
			t.Errorf("with and without sealing: %+v, %v", sealing, err)
		}
		if runs["ingest"] != 3 || runs["baseline"] != 3 {
			t.Errorf("runs %v, want three of each", runs)
		}
	})
}

func BenchmarkIngest(b *testing.B) {
	for name, open := range map[string]func(testing.TB) eventstore.Store{
		"sqlite": backends.SQLite, "postgres": backends.Postgres,
	} {
		b.Run(name, func(b *testing.B) {
			store := open(b)
			for b.Loop() {
				r, err := bench.Ingest(b.Context(), bench.Config{Store: store, Batches: 100})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(r.EventsPerSecond, "events/s")
				b.ReportMetric(r.Ratio, "ratio")
			}
		})
	}
}
