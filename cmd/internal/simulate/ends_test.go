package simulate

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// Ends are what chance alone brings about too seldom. A third of the scenes end with one of them, drawn from a sequence
// of its own, so that what comes before is the same with and without.
var ends = [][]kind{
	{"settle", "crossed"},
	{"settle", "stop behind a commit", "taken over", "thaw", "moves"},
	{"settle", "frozen with a write in hand", "taken over", "thaw", "moves"},
	{"settle", "observe with a write waiting", "moves", "moves", "nothing waits"},
	{"settle", "slower than its deadline", "moves"},
	{"settle", "typed while nothing leaves", "moves"},
	{"settle", "answers show nothing", "moves", "moves"},
	{"settle", "killed before the answer", "moves"},
}

// immediate are steps without moves of their own: these take time, and what was stopped must go on before its deadline.
var immediate = []kind{"stop behind a commit", "frozen with a write in hand", "taken over"}

func drawEnd(seed uint64, steps int) []step {
	r := rng(seed, 7)
	if r.IntN(3) > 0 {
		return nil
	}
	var out []step
	for _, k := range ends[r.IntN(len(ends))] {
		st := step{n: steps + len(out) + 1, kind: k, a: r.IntN(64), b: r.IntN(64), moves: 10 + r.IntN(30), seed: r.Uint64()}
		if slices.Contains(immediate, k) {
			st.moves = 0
		}
		out = append(out, st)
	}
	return out
}

// pair draws two records that stand together, and a field of theirs.
func (w *world) pair(st step) (a, h domain.Record, field string, ok bool) {
	all := slices.SortedFunc(maps.Keys(w.pairs), cmpRecords)
	if len(all) == 0 {
		return a, h, "", false
	}
	a = all[st.a%len(all)]
	return a, w.pairs[a], edited[st.b%len(edited)], true
}

// retype has a person give one field of a record a value nobody has typed.
func (w *world) retype(r domain.Record, field string, st step, more string) {
	if now, there := w.hold(r.System)[r]; there {
		w.write(r, now, map[string]string{field: fmt.Sprintf("n%d%s", st.n, more)})
		w.sleep(tick) // its webhook leaves
	}
}

// crossed holds a change in HubSpot back until a change in Aloware was carried through: we write over a value nobody had
// told us of.
func (w *world) crossed(st step) {
	a, h, field, ok := w.pair(st)
	if !ok {
		return
	}
	w.retype(h, field, st, "")
	w.hide(domain.HubSpot, true)
	w.retype(a, field, st, "x")
	w.runOn()
	w.hide(domain.HubSpot, false)
}

// backlog has people type into one field, in Aloware and then again and again in HubSpot, while our writes only queue up.
func (w *world) backlog(st step) {
	a, h, field, ok := w.pair(st)
	if !ok {
		return
	}
	w.sleep(11 * time.Minute) // a change in Aloware so long after the last one is believed as it is
	w.queued = true
	for i, r := range []domain.Record{a, h, h, a}[:3+st.a/8%2] {
		w.retype(r, field, st, fmt.Sprintf("q%d", i))
		w.runOn()
	}
	w.queued = false
}

// unanswered kills the owner while Aloware answers a write. Before it is tried again, somebody types over it in Aloware, which
// has told it back; or in HubSpot, and Aloware has told nothing.
func (w *world) unanswered(st step) {
	a, h, field, ok := w.pair(st)
	if !ok {
		return
	}
	w.retype(h, field, st, "")
	r := rng(st.seed, 8)
	for range 80 {
		if w.answered() != nil {
			break
		}
		w.moveOn(r)
		w.check()
	}
	w.queued = true
	w.crash(st)
	w.takenOver(st)
	if told := st.a/8%2 == 0; told {
		w.runOn()
		w.retype(a, field, st, "t")
	} else {
		w.hide(domain.Aloware, true)
		w.runOn()
		w.retype(h, field, st, "t")
		w.runOn()
	}
	w.queued = false
	for range st.a % 8 {
		w.moveOn(r)
		w.check()
	}
	w.hide(domain.Aloware, false)
}

// runOn lets everything go on until nothing can any more for now.
func (w *world) runOn() {
	for w.advance() {
		w.sleep(tick)
	}
}

// unshown has HubSpot answer writes without the values that were written, and somebody change something in Aloware.
func (w *world) unshown(st step) {
	if a, _, field, ok := w.pair(st); ok {
		w.bare = true
		w.retype(a, field, st, "")
	}
}

// hide keeps what a system has sent from arriving, or lets it.
func (w *world) hide(s domain.System, hidden bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.mail {
		if l.system == s {
			l.hidden = hidden
		}
	}
}

// halt has the owner stop between the claim of a write and its sending.
func (w *world) halt(st step) {
	n := w.atWork()
	if n == nil {
		return
	}
	n.halt = true
	w.typeIn(st)
	r := rng(st.seed, 8)
	for range 80 {
		if !n.alive() {
			return
		}
		w.moveOn(r)
		w.check()
	}
}

// inHand freezes the owner with a write on its way, and more to write to the same record.
func (w *world) inHand(st step) {
	w.typeIn(st)
	r := rng(st.seed, 8)
	for range 80 {
		if w.sending() != nil {
			w.typeIn(step{n: st.n + 1000, a: st.a, b: st.b + 1})
			w.freeze(step{a: 2})
			return
		}
		w.moveOn(r)
		w.check()
	}
}

// typeIn has a person change somebody, on one side or the other.
func (w *world) typeIn(st step) {
	a, h, field, ok := w.pair(st)
	if ok && st.a%2 == 0 {
		a = h
	}
	if ok {
		w.retype(a, field, st, "")
	}
}

// takenOver lets another process take over from one that stands still.
func (w *world) takenOver(step) {
	w.standby()
	w.sleep(6 * time.Second)
	w.sleep(time.Second)
}

// observed goes over to observing as soon as a write waits.
func (w *world) observed(st step) {
	w.typeIn(st)
	r := rng(st.seed, 8)
	for range 80 {
		if w.waiting() > 0 {
			break
		}
		w.moveOn(r)
		w.check()
	}
	w.setMode(domain.ModeObserve)
}

// unwritten has everything go on, and finds writes left for a time when they have grown old.
func (w *world) unwritten(step) {
	w.runOn()
	if n := w.waiting(); n > 0 {
		w.fail("left waiting", "%d writes wait in mode %s, with nothing left to be done", n, w.modeNow)
	}
}

// slow lets a write's answer come so late that its commands are due again, and has them looked for.
func (w *world) slow(st step) {
	w.typeIn(st)
	r := rng(st.seed, 8)
	for range 80 {
		t := w.answered()
		if t == nil {
			w.moveOn(r)
			w.check()
			continue
		}
		w.sleep(attemptTime + time.Second)
		w.lookAgain(t.own, t.stage, r)
		return
	}
}

// lookAgain has the owner look for more to send, while what it has in hand stands still.
func (w *world) lookAgain(o *ownership, stage string, r *rand.Rand) {
	if s := domain.System(stage); o.ctx.Err() == nil {
		t := w.start(o, stage, func(ctx context.Context) (int, error) { return o.stages.Dispatcher.Step(ctx, s) })
		for ops := t.waits(); len(ops) > 0; ops = t.waits() {
			w.release(t, ops[r.IntN(len(ops))], verdict{})
			w.check()
		}
	}
}

// sending is a task that is about to send a write, nil when there is none; answered is one that waits for the answer.
func (w *world) sending() *task  { return w.standing(opSend) }
func (w *world) answered() *task { return w.standing(opAnswer) }

func (w *world) standing(kind opKind) *task {
	for _, n := range w.nodes {
		for _, t := range n.tasks {
			for _, o := range t.waits() {
				if o.kind == kind && o.writes {
					return t
				}
			}
		}
	}
	return nil
}

// atWork is the owner, nil when nobody is.
func (w *world) atWork() *node {
	for _, n := range w.nodes {
		if n.ownership() != nil && n.alive() {
			return n
		}
	}
	return nil
}

// waiting counts writes in the outbox that nobody has tried.
func (w *world) waiting() int64 {
	n := w.up()
	if n == nil {
		return 0
	}
	rows, err := n.store.Query(context.Background(), `SELECT count(*) FROM outbox WHERE connection = $1 AND state = 'waiting'
		AND sent = 0 AND kind IN ('create', 'update') AND urgent = 0`, connection)
	count, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (c int64, err error) { return c, r.Scan(&c) })
	w.must(err)
	return count[0]
}
