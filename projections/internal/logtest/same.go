package logtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
)

// events is the length of the logs SameRows folds.
const events = 160

// Dump returns a projection's live rows as texts, opened and without their version.
type Dump func(tb testing.TB, store eventstore.Store, log eventstore.Log) []string

// SameRows proves that a projection's rows do not depend on how its log was cut, stopped and resumed, nor on what was
// held in memory meanwhile: followed in random pages while the log grew, from zero in one page, one event at a time
// with a restart at every position, written once, forgotten and loaded again all the time, and killed again and again
// between one write and the next, it has the same rows.
func SameRows(t *testing.T, store eventstore.Store, p projections.Projection, seed uint64, dump Dump) {
	t.Helper()
	log, err := store.Log(t.Context(), "same")
	if err != nil {
		t.Fatalf("open log: %v", err)
	}
	follow(t, store, log, p, seed)
	want := dump(t, store, log)
	if len(want) < events/4 {
		t.Fatalf("only %d rows: the log is too poor to prove anything", len(want))
	}
	for _, way := range []struct {
		name string
		run  func(t *testing.T, store eventstore.Store, log eventstore.Log, p projections.Projection, rnd *rand.Rand)
	}{
		{"from zero in one page", onePage},
		{"restart at every position", everyPosition},
		{"written once", writtenOnce},
		{"forgotten and loaded again", forgetful},
		{"killed and resumed", killed},
	} {
		way.run(t, store, log, p, rand.New(rand.NewPCG(seed, 3)))
		compare(t, way.name, want, dump(t, store, log))
	}
}

// plenty is more than the rows of any log here take.
const plenty = 1 << 20

func runner(
	store eventstore.Store, log eventstore.Log, p projections.Projection, page, memory int,
) *projections.Runner {
	return projections.New(store, log, projections.Options{Page: page, Memory: memory}, p)
}

// follow appends the log in random pieces, each folded in random pages by a runner of its own.
func follow(t *testing.T, store eventstore.Store, log eventstore.Log, p projections.Projection, seed uint64) {
	t.Helper()
	g, rnd := New(seed), rand.New(rand.NewPCG(seed, 2))
	for head := int64(0); head < events; {
		head = Append(t, log, g.Events(head, 1+rnd.IntN(25))...)
		if err := runner(store, log, p, 1+rnd.IntN(9), plenty).CatchUp(t.Context()); err != nil {
			t.Fatalf("catch up: %v", err)
		}
	}
}

func onePage(
	t *testing.T, store eventstore.Store, log eventstore.Log, p projections.Projection, _ *rand.Rand,
) {
	t.Helper()
	rebuild(t, runner(store, log, p, 10*events, plenty), p)
}

func rebuild(t *testing.T, r *projections.Runner, p projections.Projection) {
	t.Helper()
	if err := r.Rebuild(t.Context(), p.Name(), nil); err != nil {
		t.Fatalf("rebuild: %v", err)
	}
}

// everyPosition stops the rebuild after each event and goes on with a new runner.
func everyPosition(
	t *testing.T, store eventstore.Store, log eventstore.Log, p projections.Projection, _ *rand.Rand,
) {
	t.Helper()
	for stops := 0; ; stops++ {
		if rebuildFor(t, runner(store, log, p, 1, 1), p.Name(), 1) {
			if stops < events {
				t.Fatalf("rebuild ended after %d stops, the log has more positions", stops)
			}
			return
		}
	}
}

func writtenOnce(
	t *testing.T, store eventstore.Store, log eventstore.Log, p projections.Projection, rnd *rand.Rand,
) {
	t.Helper()
	rebuild(t, runner(store, log, p, 1+rnd.IntN(9), plenty), p)
}

// forgetful gives memory for a few rows, so that most are written, forgotten and loaded again, some of them many times.
func forgetful(
	t *testing.T, store eventstore.Store, log eventstore.Log, p projections.Projection, rnd *rand.Rand,
) {
	t.Helper()
	for range 3 {
		rebuild(t, runner(store, log, p, 1+rnd.IntN(4), few(rnd)), p)
	}
}

func few(rnd *rand.Rand) int { return 500 + rnd.IntN(20_000) }

// killed stops the rebuild after a few pages, some of them written and some not, until it gets through.
func killed(
	t *testing.T, store eventstore.Store, log eventstore.Log, p projections.Projection, rnd *rand.Rand,
) {
	t.Helper()
	for kills := 0; !rebuildFor(t, runner(store, log, p, 1+rnd.IntN(9), few(rnd)), p.Name(), 1+rnd.IntN(20)); kills++ {
		if kills > 1000 {
			t.Fatal("the rebuild does not get on")
		}
	}
}

// rebuildFor stops a rebuild after so many pages; true when it ended before.
func rebuildFor(t *testing.T, r *projections.Runner, name string, pages int) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := r.Rebuild(ctx, name, func(done, total int64) {
		if pages--; pages == 0 && done < total {
			cancel()
		}
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatalf("rebuild: %v", err)
	}
	return err == nil
}

func compare(t *testing.T, name string, want, got []string) {
	t.Helper()
	for _, row := range got {
		if !slices.Contains(want, row) {
			t.Errorf("%s: has row\n%s", name, row)
		}
	}
	for _, row := range want {
		if !slices.Contains(got, row) {
			t.Errorf("%s: lacks row\n%s", name, row)
		}
	}
}
