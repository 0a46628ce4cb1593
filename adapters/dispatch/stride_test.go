package dispatch

import (
	"testing"
	"time"
)

// TestStride: a batch grows step by step while full ones are answered soon, up to the most; shrinks at once to what is
// answered within a second; and learns nothing from a small one that was soon answered.
func TestStride(t *testing.T) {
	s := stride{most: 100}
	for _, c := range []struct {
		asked, answered int
		took            time.Duration
		want            int
	}{
		{1, 1, 10 * time.Millisecond, 2},
		{1, 1, 10 * time.Millisecond, 2}, // not full
		{2, 2, 0, 4},
		{4, 4, 500 * time.Millisecond, 8},
		{8, 8, time.Second, 8},
		{8, 8, 4 * time.Second, 2},
		{1, 1, 900 * time.Millisecond, 2}, // a small one that took long says nothing of larger ones it would have been
		{2, 2, 100 * time.Millisecond, 4},
		{4, 0, 10 * time.Second, 1},
		{1, 1, time.Hour, 1},
	} {
		if s.took(c.asked, c.answered, c.took); s.length() != c.want {
			t.Fatalf("%d of %d in %s: %d, want %d", c.answered, c.asked, c.took, s.length(), c.want)
		}
	}
	for range 20 {
		s.took(s.length(), s.length(), 0)
	}
	if s.length() != 100 {
		t.Errorf("%d at most, want 100", s.length())
	}
}
