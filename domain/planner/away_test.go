package planner_test

import (
	"errors"
	"iter"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// shelf is a map; broken, it fails.
type shelf struct {
	values map[string][]byte
	broken error
}

func (s *shelf) Put(key, value []byte) error {
	s.values[string(key)] = slices.Clone(value)
	return s.broken
}

func (s *shelf) Take(key []byte) ([]byte, error) {
	b := s.values[string(key)]
	delete(s.values, string(key))
	return b, s.broken
}

func (s *shelf) Keys(kind byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(s.values)) {
			if key[0] == kind && !yield([]byte(key), s.broken) {
				return
			}
		}
	}
}

func restingView() (*planner.View, *shelf) {
	v, s := planner.NewView(planner.Control{}, planner.NewDigester(secret)), &shelf{values: map[string][]byte{}}
	v.RestOn(s)
	return v, s
}

// decidedAlike fails unless the view that puts everybody away decides the same.
func (w *world) decidedAlike(in planner.Input, want []planner.Planned) {
	v := w.resting
	if v == nil {
		return
	}
	v.Rest(0)
	e, err := v.Fold(in)
	if err != nil {
		w.t.Fatal(err)
	}
	v.Rest(0)
	out := v.Plan(in, e)
	if e.Release {
		for _, id := range v.Dirty(in.Position) {
			v.Rest(0)
			out = append(out, v.PlanDirty(in, e, id)...)
		}
	}
	out = append(out, rows(v, in, e)...)
	if text(out) != text(want) || v.Err() != nil {
		w.t.Fatalf("with everybody put away, %s at %d leads to\n%s\nwant\n%s\n%v", in.Type, in.Position, text(out), text(want), v.Err())
	}
}

// TestPutAwayDecidesAlike: a view that puts everybody away at every step decides what one does that never puts away, to
// the byte, and holds the same in the end.
func TestPutAwayDecidesAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, preset(t, "default"))
		var s *shelf
		w.resting, s = restingView()
		drive(w)
		w.resting.Rest(0)
		if len(s.values) == 0 || w.resting.AtHand() > 0 {
			t.Fatalf("%d put away, %d at hand", len(s.values), w.resting.AtHand())
		}
		if what := w.resting.Lacks(w.view); what != "" {
			t.Fatalf("brought back: %s", what)
		}
	})
}

// TestBrokenShelf: what a shelf fails with is kept, and nothing that is asked afterwards panics.
func TestBrokenShelf(t *testing.T) {
	d := newDesk(t, nil)
	var s *shelf
	d.v, s = restingView()
	d.settings(nil)
	d.act(domain.BaselineCompleted, domain.Act{})
	d.linked()
	d.v.Rest(0)
	s.broken = errors.New("no space")
	d.webhook(hub, values{"firstname": "Bea"})
	d.v.Rest(0)
	d.webhook(alo, values{"first_name": "Cyd"})
	d.settings(nil)
	if !errors.Is(d.v.Err(), s.broken) {
		t.Errorf("%v", d.v.Err())
	}
}
