package history

import (
	"slices"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

func TestRowsAreWrittenInTheOrderOfTheirKey(t *testing.T) {
	t.Parallel()
	f := Projection{}.Open(projections.Version{}).(*folder)
	for range 2 { // what was written leaves nothing behind
		page := []projections.Input{
			{Event: &eventstore.Event{Position: 3, Type: "b"}, Decoded: []string{"c", "a"}},
			{Event: &eventstore.Event{Position: 4, Type: "a"}, Decoded: []string{"b", "c"}},
			{Event: &eventstore.Event{Position: 5, Type: "b", Causation: 4}, Decoded: []string{"a"}},
		}
		if err := f.Fold(t.Context(), nil, page); err != nil {
			t.Fatal(err)
		}
		var got [][]any
		for _, cells := range f.cells(f.sorted()) {
			got = append(got, cells[2:])
		}
		want := [][]any{
			{"a", int64(3), "b", int64(0)}, {"a", int64(5), "b", int64(4)}, {"b", int64(4), "a", int64(0)},
			{"c", int64(3), "b", int64(0)}, {"c", int64(4), "a", int64(0)},
		}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("rows %v, want %v", got, want)
		}
		f.Written()
	}
}
