package simulate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/duolog/duolog/projections/lease"
)

// task is a stage of a process under way. It stands still at every request and before every transaction until the
// world lets it go on.
type task struct {
	node  *node
	own   *ownership
	stage string // planner, chores, or the name of a system
	ctx   context.Context
	ops   []*op // where it stands still, more than one for requests side by side; guarded by world.mu
	done  bool
	n     int
	err   error

	began  time.Time
	calls  int             // requests begun
	writes map[string]bool // what its writes addressed, as the systems find it
}

func (t *task) String() string { return fmt.Sprintf("%s %s", t.node.name, t.stage) }

// op is what a task waits to be let through for.
type op struct {
	what   string
	kind   opKind
	system *remote // of a request
	ch     chan verdict
	stuck  bool // no answer will come
	writes bool // of a request that writes
}

type opKind int

const (
	opTx     opKind = iota // a transaction that has not begun
	opSend                 // a request that has not left
	opAnswer               // an answer that has not arrived
)

// verdict is how a task goes on.
type verdict struct {
	fault fault
	err   error
}

// errDead is what a process that was killed gets from everything it tries. It counts as a lost lease, so that nothing
// is tried twice.
var errDead = fmt.Errorf("killed: %w", lease.ErrLost)

type taskKey struct{}

func taskOf(ctx context.Context) *task {
	t, _ := ctx.Value(taskKey{}).(*task)
	return t
}

// instant passes before anything goes on, so that no two deadlines are the same: which of two timers comes first must
// not be left to chance.
const instant = time.Microsecond

// start begins a stage and returns when it stands still or is done.
func (w *world) start(o *ownership, stage string, run func(context.Context) (int, error)) *task {
	time.Sleep(instant)
	t := &task{node: o.node, own: o, stage: stage, began: time.Now(), writes: map[string]bool{}}
	t.ctx = context.WithValue(o.ctx, taskKey{}, t)
	o.node.tasks = append(o.node.tasks, t)
	o.work.Go(func() {
		n, err := run(t.ctx)
		w.mu.Lock()
		defer w.mu.Unlock()
		t.n, t.err, t.done = n, err, true
	})
	w.rest()
	return t
}

// rest waits until nothing moves, and takes note of stages that came to their end.
func (w *world) rest() {
	synctest.Wait()
	for _, n := range w.nodes {
		n.reap()
	}
}

// park stands a task still until it is let go on, its time is over, or its process dies.
func (w *world) park(ctx context.Context, o *op) verdict {
	t := taskOf(ctx)
	if t == nil {
		return verdict{}
	}
	o.ch = make(chan verdict, 1)
	w.mu.Lock()
	if t.node.dead {
		w.mu.Unlock()
		return verdict{err: errDead}
	}
	t.ops = append(t.ops, o)
	slices.SortStableFunc(t.ops, func(a, b *op) int { return strings.Compare(a.what, b.what) })
	w.mu.Unlock()
	select {
	case v := <-o.ch:
		return v
	case <-ctx.Done():
	}
	w.mu.Lock()
	waits := t.drop(o)
	w.mu.Unlock()
	if !waits { // let go on in the same moment
		return <-o.ch
	}
	t.node.melt(t)
	return verdict{err: context.Cause(ctx)}
}

// release lets a task go on to its next standstill.
func (w *world) release(t *task, o *op, v verdict) {
	w.mu.Lock()
	waits := t.drop(o)
	w.mu.Unlock()
	if waits {
		time.Sleep(instant)
		o.ch <- v
		w.rest()
	}
}

// drop takes an op off a task's list; false when it is not there any more. world.mu is held.
func (t *task) drop(o *op) bool {
	i := slices.Index(t.ops, o)
	if i >= 0 {
		t.ops = slices.Delete(t.ops, i, i+1)
	}
	return i >= 0
}

// waits are the ops that can be let go on.
func (t *task) waits() []*op {
	t.node.w.mu.Lock()
	defer t.node.w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(t.ops), func(o *op) bool { return o.stuck })
}

// finish lets a task go on to its end, without faults.
func (w *world) finish(t *task) {
	for range 1000 {
		if t.done {
			return
		}
		ops := t.waits()
		if len(ops) == 0 {
			w.sleep(tick)
			continue
		}
		w.release(t, ops[0], verdict{})
	}
	w.fail("stuck", "%s does not come to its end", t)
}

// reap takes done tasks off the list and notes what is to be looked at next.
func (n *node) reap() {
	kept := n.tasks[:0]
	for _, t := range n.tasks {
		if !t.done {
			kept = append(kept, t)
			continue
		}
		n.w.tasked(t)
	}
	clear(n.tasks[len(kept):])
	n.tasks = kept
}

// tasked notes what a stage that ended leaves to be done.
func (w *world) tasked(t *task) {
	o := t.own
	if t.err != nil && !errors.Is(t.err, lease.ErrLost) && !errors.Is(t.err, context.Canceled) {
		w.note("%s: %v", t, t.err)
	}
	switch {
	case t.stage == stagePlanner && t.n == 0 && t.err == nil:
		o.behind = false
	case t.stage == stagePlanner:
		o.behind, o.chores = true, true
		o.due[0], o.due[1] = true, true
		w.planned()
	case t.stage == stageChores:
		o.chores = t.err != nil
		w.grown()
	case t.n == 0 && t.err == nil:
		o.due[systemIndex(t.stage)] = false
	default:
		w.grown()
	}
}
