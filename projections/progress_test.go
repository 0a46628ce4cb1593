package projections_test

import (
	"testing"
	"time"

	"github.com/duolog/duolog/projections"
)

// TestARebuildTellsItsPaceAndWhatIsLeft: the pace is that of the run that is on, not of those before; a rebuild nobody
// works on, or that rests, has none.
func TestARebuildTellsItsPaceAndWhatIsLeft(t *testing.T) {
	began := time.Now().UnixMicro()
	beat := began + 10*time.Second.Microseconds()
	runs := projections.TaskState{Reached: 4_000, RunFrom: 1_000, RunAt: began, BeatAt: beat}
	rests := runs
	rests.Paused = true
	for _, c := range []struct {
		what  string
		task  projections.TaskState
		now   int64
		state string
		rate  float64
		left  time.Duration
	}{
		{"it runs", runs, beat + 1, projections.Running, 300, 20 * time.Second},
		{"it rests", rests, beat + 1, projections.Resting, 0, 0},
		{"nobody works on it", runs, beat + projections.Lost.Microseconds(), projections.Stopped, 0, 0},
	} {
		p := projections.Progress{State: projections.Stopped, Position: 3_900, Reached: 3_900, Head: 10_000}
		if p.Tell(c.task, c.now); p.State != c.state || p.Rate != c.rate || p.Left != c.left || p.Reached != 4_000 {
			t.Errorf("%s: %+v", c.what, p)
		}
	}
}
