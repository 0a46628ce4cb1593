package app

import (
	"testing"
	"time"
)

// TestNextGeneration: two restores of one backup are two generations, and a clock that is behind does not go back.
func TestNextGeneration(t *testing.T) {
	t.Parallel()
	first := nextGeneration(1, time.Date(2027, 3, 4, 9, 5, 7, 0, time.UTC))
	if first != 20270304090507 {
		t.Errorf("generation %d", first)
	}
	if again := nextGeneration(1, time.Date(2027, 3, 4, 9, 5, 8, 0, time.UTC)); again <= first {
		t.Errorf("%d after %d", again, first)
	}
	if behind := nextGeneration(first, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)); behind != first+1 {
		t.Errorf("%d after %d", behind, first)
	}
}
