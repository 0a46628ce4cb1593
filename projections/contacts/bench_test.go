package contacts

import (
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/internal/logtest"
)

func TestBenchRebuildMeasuresAndCleansUp(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log, err := store.Log(t.Context(), "bench")
		if err != nil {
			t.Fatal(err)
		}
		g := logtest.New(9)
		head := logtest.Append(t, log, g.Events(0, 700)...)
		r := projections.New(store, log, projections.Options{}, Projection{})
		b, err := r.BenchRebuild(t.Context(), Name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if b.Events != head || b.EventsPerSecond <= 0 || b.BaselineEventsPerSecond <= 0 || b.Ratio <= 0 {
			t.Errorf("measured %+v over %d events", b, head)
		}
		rows, err := store.Query(t.Context(), `SELECT COUNT(*) FROM projection_bench`)
		left, err := eventstore.Scan(rows, err, func(row eventstore.Rows) (int64, error) {
			var n int64
			err := row.Scan(&n)
			return n, err
		})
		if err != nil || left[0] != 0 {
			t.Errorf("left %v baseline rows, %v", left, err)
		}
		t.Logf("%.0f events/s, baseline %.0f, ratio %.2f", b.EventsPerSecond, b.BaselineEventsPerSecond, b.Ratio)
	})
}

// BenchmarkRebuild folds a log of people who were created, decided on, written and changed once.
func BenchmarkRebuild(b *testing.B) {
	for name, open := range map[string]func(testing.TB) eventstore.Store{
		"sqlite": backends.SQLite, "postgres": backends.Postgres,
	} {
		b.Run(name, func(b *testing.B) {
			store := open(b)
			log, err := store.Log(b.Context(), "bench")
			if err != nil {
				b.Fatal(err)
			}
			g := logtest.New(3)
			g.Spread(2000)
			for head := int64(0); head < 10_000; {
				head = logtest.Append(b, log, g.Events(head, 1000)...)
			}
			r := projections.New(store, log, projections.Options{}, Projection{})
			for b.Loop() {
				got, err := r.BenchRebuild(b.Context(), Name, nil)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(got.EventsPerSecond, "events/s")
				b.ReportMetric(got.Ratio, "ratio")
			}
		})
	}
}
