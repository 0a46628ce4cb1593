package simulate

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// systems in the order of ownership.due.
var systems = domain.Systems

// maxFlight is how many batches of one system are under way at most.
const maxFlight = 2

// move is one thing that can go on, and how likely it is to be the next.
type move struct {
	weight int
	do     func()
}

// moveOn lets one thing go on, drawn among all that can.
func (w *world) moveOn(r *rand.Rand) {
	moves := w.moves(r)
	total := 0
	for _, m := range moves {
		total += m.weight
	}
	at := r.IntN(total)
	for _, m := range moves {
		if at -= m.weight; at < 0 {
			m.do()
			return
		}
	}
}

func (w *world) moves(r *rand.Rand) []move {
	moves := []move{{2, func() { w.sleep(time.Duration(1+r.IntN(100)) * 10 * time.Millisecond) }}}
	for _, n := range w.nodes {
		o := n.ownership()
		for _, t := range n.tasks {
			for _, o := range t.waits() {
				if n.awake() {
					moves = append(moves, move{4, func() { w.goOn(t, o, r) }})
				}
			}
		}
		for _, start := range w.starts(o) {
			moves = append(moves, move{3, func() { start() }})
		}
	}
	if n := w.inlet(r); n != nil && len(w.inbox()) > 0 {
		moves = append(moves, move{5, func() { w.deliver(n, w.pickMail(r)...) }})
	}
	return moves
}

// goOn lets a task go on; a transaction is mostly gone through at once.
func (w *world) goOn(t *task, o *op, r *rand.Rand) {
	v := verdict{}
	if o.kind == opSend {
		v.fault = o.system.next()
		if v.fault != faultNone {
			w.note("%s: %s: %s", t, o.what, v.fault)
		}
	}
	w.release(t, o, v)
	if next := t.waits(); len(next) == 1 && next[0].kind == opTx && r.IntN(3) > 0 {
		w.release(t, next[0], verdict{})
	}
}

// starts lists the stages an owner can begin.
func (w *world) starts(o *ownership) []func() *task {
	if o == nil || o.ctx.Err() != nil {
		return nil
	}
	var out []func() *task
	running := map[string]int{}
	for _, t := range o.node.tasks {
		running[t.stage]++
	}
	// Chores wait for the planner to take note of what they append.
	if (o.behind || running[stageChores] > 0) && running[stagePlanner] == 0 {
		out = append(out, func() *task { return w.start(o, stagePlanner, o.stages.Planner.Step) })
	}
	if o.chores && running[stageChores] == 0 {
		out = append(out, func() *task {
			return w.start(o, stageChores, func(ctx context.Context) (int, error) { return 0, o.stages.Chores(ctx) })
		})
	}
	for i, s := range systems {
		if !w.queued && o.due[i] && running[string(s)] < maxFlight {
			out = append(out, func() *task {
				return w.start(o, string(s), func(ctx context.Context) (int, error) { return o.stages.Dispatcher.Step(ctx, s) })
			})
		}
	}
	return out
}

// inlet draws a process that takes webhooks in.
func (w *world) inlet(r *rand.Rand) *node {
	var up []*node
	for _, n := range w.nodes {
		if n.alive() {
			up = append(up, n)
		}
	}
	if len(up) == 0 {
		return nil
	}
	return up[r.IntN(len(up))]
}

// pickMail draws what is delivered next: mostly what is oldest, of HubSpot several events at once.
func (w *world) pickMail(r *rand.Rand) []*letter {
	if r.IntN(3) == 0 {
		return []*letter{w.inbox()[r.IntN(len(w.inbox()))]}
	}
	first := w.inbox()[0]
	out := []*letter{first}
	for _, l := range w.inbox()[1:] {
		if first.system == domain.HubSpot && l.system == domain.HubSpot && r.IntN(4) > 0 {
			out = append(out, l)
		}
	}
	return out
}

// settle lets everything come to rest: nothing goes wrong any more, everybody is awake, all mail arrives.
func (w *world) settle() {
	w.recover()
	w.calm()
	if w.dropped > 0 {
		w.dropped = 0
		w.reconcile(step{})
		w.calm()
	}
	w.judge()
}

// recover ends what is wrong: faults, frozen processes, pauses, no process at all.
func (w *world) recover() {
	for _, s := range systems {
		w.remotes[s].faults = nil
	}
	w.bare = false
	up := 0
	for _, n := range w.nodes {
		w.mu.Lock()
		n.thaw(0)
		n.thaw(1)
		if !n.dead {
			up++
		}
		w.mu.Unlock()
	}
	w.rest()
	if up == 0 {
		w.boot()
	}
	w.reopen()
}

// calm lets everything go on, in one order, until nothing is left to be done.
func (w *world) calm() {
	for pause := tick; ; pause = min(2*pause, pause+10*time.Second) {
		w.sleep(pause) // webhooks leave
		for w.advance() {
			pause = tick
			w.sleep(tick)
		}
		why := w.unrest()
		switch {
		case why == "":
			return
		case pause > 2*time.Minute:
			w.fail("rest", "does not come to rest: %s", why)
		}
	}
}

// advance lets everything that can go on do so once, and reports whether there was anything.
func (w *world) advance() bool {
	w.check()
	if w.rounds++; w.rounds > 20_000 {
		w.fail("rest", "goes round and round: %s", w.unrest())
	}
	moved := false
	for _, n := range w.nodes {
		o := n.ownership()
		for _, t := range append([]*task(nil), n.tasks...) {
			for _, o := range t.waits() {
				w.release(t, o, verdict{})
				moved = true
			}
		}
		for _, start := range w.starts(o) {
			t := start()
			moved = moved || t.n > 0 || !t.done
		}
	}
	if len(w.inbox()) > 0 {
		for _, n := range w.nodes {
			if n.alive() {
				w.deliver(n, w.allMail()...)
				return true
			}
		}
	}
	return moved
}

// allMail is everything the system of the oldest letter sends at once.
func (w *world) allMail() []*letter {
	out := []*letter{w.inbox()[0]}
	for _, l := range w.inbox()[1:] {
		if l.system == domain.HubSpot && out[0].system == domain.HubSpot {
			out = append(out, l)
		}
	}
	return out
}

// unrest says what is under way or waits, "" for nothing.
func (w *world) unrest() string {
	var owner bool
	for _, n := range w.nodes {
		o := n.ownership()
		if o != nil && !o.behind && !o.due[0] && !o.due[1] {
			owner = true
		}
		for _, t := range n.tasks {
			return t.String() + " is under way"
		}
	}
	if !owner {
		return "nobody owns the connection"
	}
	if len(w.inbox()) > 0 {
		return "a webhook is on its way"
	}
	n := w.any()
	rows, err := n.store.Query(context.Background(), "SELECT count(*) FROM outbox WHERE connection = $1", connection)
	count, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (int64, error) {
		var c int64
		return c, r.Scan(&c)
	})
	w.must(err)
	if count[0] > 0 {
		return "commands wait"
	}
	return ""
}

// any is a process that is at work; there must be one.
func (w *world) any() *node {
	n := w.up()
	if n == nil {
		w.fail("harness", "no process is at work")
	}
	return n
}

// up is a process that is at work, nil when there is none.
func (w *world) up() *node {
	for _, n := range w.nodes {
		if n.alive() {
			return n
		}
	}
	return nil
}
