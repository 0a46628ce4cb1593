package planner_test

import (
	"testing"

	"github.com/duolog/duolog/domain/planner"
)

// tried plans, takes it back, and fails unless the view is then as it was and plans the same once more.
func (w *world) tried(plan func() []planner.Planned) []planner.Planned {
	was := w.view.Copied()
	first, undo := w.view.Try(plan)
	undo()
	if !w.view.Same(was) {
		w.t.Fatalf("taken back, the view is not as it was; planned\n%s", text(first))
	}
	again := plan()
	if text(again) != text(first) {
		w.t.Fatalf("planned again after it was taken back\n%s\nfirst\n%s", text(again), text(first))
	}
	return again
}

// TestTryKeepsNothing: what is planned outside of a trial stays.
func TestTryKeepsNothing(t *testing.T) {
	d := newDesk(t, nil).linked()
	_, undo := d.v.Try(func() []planner.Planned { return nil })
	d.webhook(hub, values{"firstname": "Bea"})
	was := d.v.Copied()
	undo()
	if !d.v.Same(was) || len(d.sent) != 1 {
		t.Fatalf("a trial took back what was planned after it; sent %d", len(d.sent))
	}
}
