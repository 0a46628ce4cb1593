package main

import (
	"testing"

	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/replay/scratch"
)

// Each change of a made-up person comes to rest, also beyond what 16 bits count: else this never ends.
func TestChangesComeToRest(t *testing.T) {
	shelf, err := scratch.New(scratch.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = shelf.Close() }()
	l, err := newTrueLife(1, 1.1, planner.NewDigester(nil), shelf, 1)
	if err != nil {
		t.Fatal(err)
	}
	l.next()
	l.changes[0] = 1<<16 - 20
	for range 40 {
		before := l.position
		l.change(0)
		if n := l.position - before; n < 2 || n > 40 {
			t.Fatalf("change %d led to %d events", l.changes[0], n)
		}
	}
}
