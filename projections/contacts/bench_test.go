package contacts

import (
	"slices"
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
		if err := r.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := dump(t, store, log)
		watched := 0
		b, err := r.BenchRebuild(t.Context(), []string{Name}, projections.BenchOptions{Runs: 3, Watch: func(do func() error) (int64, error) {
			watched++
			return int64(watched), do()
		}})
		if err != nil {
			t.Fatal(err)
		}
		if b.Events != head || b.EventsPerSecond <= 0 || b.BaselineEventsPerSecond <= 0 || b.Ratio <= 0 || b.PeakResident != 3 {
			t.Errorf("measured %+v over %d events", b, head)
		}
		if rows, err := store.Query(t.Context(), `SELECT COUNT(*) FROM bench_contact`); err == nil {
			_, err = eventstore.Scan(rows, nil, func(eventstore.Rows) (int, error) { return 0, nil })
			if err == nil {
				t.Error("left the baseline's table")
			}
		}
		compareRows(t, before, dump(t, store, log))
		t.Logf("%.0f events/s, baseline %.0f, ratio %.2f", b.EventsPerSecond, b.BaselineEventsPerSecond, b.Ratio)
	})
}

func compareRows(t *testing.T, want, got []string) {
	t.Helper()
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("rebuilt to %d rows that are not the %d before", len(got), len(want))
	}
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
				got, err := r.BenchRebuild(b.Context(), []string{Name}, projections.BenchOptions{})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(got.EventsPerSecond, "events/s")
				b.ReportMetric(got.Ratio, "ratio")
			}
		})
	}
}
