package scale

import (
	"testing"
	"time"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

func TestMeasureDoesEveryCallOnBoth(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		small, err := Fill(t.Context(), store, "small", 5, nil)
		if err != nil {
			t.Fatal(err)
		}
		large, err := Fill(t.Context(), store, "large", 50, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Measure(t.Context(), small, large, Options{Rounds: 2, Calls: 1, Burst: 5 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if r.SmallRate <= 0 || r.LargeRate <= 0 || len(r.Growth) != len(calls) {
			t.Errorf("%+v", r)
		}
		for _, g := range r.Growth {
			if g.Small <= 0 || g.Large <= 0 || g.Ratio <= 0 {
				t.Errorf("%+v", g)
			}
		}
	})
}
