package simulate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

const (
	failBefore = sandboxkit.FailBefore
	failAfter  = sandboxkit.FailAfter
	limited    = sandboxkit.Limit
)

// timeOf keeps things that people do apart in time: by less than a system can tell, or by more.
func timeOf(st step) time.Duration {
	return []time.Duration{time.Millisecond, 30 * time.Millisecond, 700 * time.Millisecond, 4 * time.Second}[st.seed%4]
}

// pick returns one of the records of a system, false when there is none.
func (w *world) pick(s domain.System, i int) (domain.Record, map[string]string, bool) {
	held := w.hold(s)
	if len(held) == 0 {
		return domain.Record{}, nil, false
	}
	all := held.records()
	r := all[i%len(all)]
	return r, held[r], true
}

// edit is a person changing one field of a record: to something new mostly, to what it was before, to the same with
// more spaces, or to nothing.
func (w *world) edit(s domain.System, st step) {
	r, before, ok := w.pick(s, st.a)
	if !ok {
		return
	}
	name := edited[st.b%len(edited)]
	value := fmt.Sprintf("n%d", st.n)
	switch now := w.shown[slot{r, name}]; {
	case st.b%16 == 15:
		value = fmt.Sprintf("n%d  wide", st.n)
	case st.b%16 == 14 && now != nil && now.parent != nil:
		value = now.parent.value
	case st.b%16 == 13:
		value = ""
	}
	w.write(r, before, map[string]string{name: value})
}

// write has a person give fields values.
func (w *world) write(r domain.Record, before map[string]string, values map[string]string) {
	f := sandboxkit.Fields(values)
	var err error
	if r.System == domain.HubSpot {
		err = w.hubspot.EditFields(r.ID, f)
	} else {
		err = w.aloware.EditFields(r.ID, f)
	}
	if err != nil {
		w.note("%v", err)
		return
	}
	w.typed(r, before)
}

// create is a person making a record of one of few people, who may be known to the other system already.
func (w *world) create(s domain.System, st step) {
	p := st.a % 5
	f := sandboxkit.Fields{
		"phone_number": fmt.Sprintf("+1818212456%d", p), "email": fmt.Sprintf("p%d@example.com", p),
		"first_name": fmt.Sprintf("n%d", st.n), "company_name": fmt.Sprintf("c%d", st.n),
	}
	switch st.b % 8 {
	case 0:
		delete(f, "email")
	case 1: // at somebody's front desk
		f["email"] = fmt.Sprintf("q%d@example.com", p)
	case 2:
		if s == domain.HubSpot {
			delete(f, "phone_number")
		}
	}
	var id string
	var err error
	if s == domain.HubSpot {
		id, err = w.hubspot.CreateFields(f)
	} else {
		id, err = w.aloware.CreateFields(f)
	}
	if err != nil {
		w.note("%v", err)
		return
	}
	w.typed(domain.Record{System: s, ID: id}, nil)
}

// move gives somebody another number.
func (w *world) move(s domain.System, st step) {
	r, before, ok := w.pick(s, st.a)
	if !ok {
		return
	}
	if s == domain.Aloware {
		w.freed[before[settings.PhoneField]] = time.Now()
	}
	w.write(r, before, map[string]string{"phone_number": fmt.Sprintf("+1818212457%d", st.b%10)})
	w.reshaped(r)
}

// merge merges two people in HubSpot.
func (w *world) merge(st step) {
	a, _, ok := w.pick(domain.HubSpot, st.a)
	b, _, _ := w.pick(domain.HubSpot, st.b)
	if !ok || a == b {
		return
	}
	id, err := w.hubspot.Merge(a.ID, b.ID)
	w.must(err)
	to := domain.Record{System: domain.HubSpot, ID: id}
	w.note("%s and %s merged into %s", a, b, to)
	for _, f := range fields {
		value := w.hold(domain.HubSpot)[to][f.HubSpot.Read]
		if e := w.known[likeness(f.Name, value)]; e != nil && value != "" {
			w.shown[slot{to, f.Name}] = e
		}
	}
	w.reshaped(a, b, to)
}

// remove deletes somebody in HubSpot.
func (w *world) remove(st step) {
	r, _, ok := w.pick(domain.HubSpot, st.a)
	if !ok {
		return
	}
	w.must(w.hubspot.Delete(r.ID))
	w.gone(r)
}

// removeAloware deletes somebody in Aloware, of which no webhook tells.
func (w *world) removeAloware(st step) {
	r, _, ok := w.pick(domain.Aloware, st.a)
	if !ok {
		return
	}
	w.freed[w.hold(domain.Aloware)[r][settings.PhoneField]] = time.Now()
	w.must(w.aloware.Delete(r.ID))
	w.gone(r)
}

func (w *world) gone(r domain.Record) {
	w.note("%s deleted", r)
	w.deleted[r] = true
	w.reshaped(r)
}

// restore takes somebody out of HubSpot's recycle bin.
func (w *world) restore(st step) {
	var bin []domain.Record
	for r := range w.deleted {
		if r.System == domain.HubSpot {
			bin = append(bin, r)
		}
	}
	if len(bin) == 0 {
		return
	}
	slices.SortFunc(bin, func(a, b domain.Record) int { return strings.Compare(a.ID, b.ID) })
	r := bin[st.a%len(bin)]
	if err := w.hubspot.Restore(r.ID); err != nil {
		w.note("%v", err)
		return
	}
	w.note("%s restored", r)
	delete(w.deleted, r)
	w.reshaped(r)
}

// call is an inbound call: its webhook shows the whole contact, and nothing has changed.
func (w *world) call(st step) {
	r, _, ok := w.pick(domain.Aloware, st.a)
	if !ok {
		return
	}
	_, err := w.aloware.Call(w.hold(domain.Aloware)[r]["phone_number"], st.b%2 == 0)
	w.must(err)
	w.note("%s calls", r)
}

// redeliver brings a webhook once more that was taken in before: its answer was not heard.
func (w *world) redeliver(st step) {
	n := w.inlet(rng(st.seed, 3))
	if n == nil || len(w.old) == 0 {
		return
	}
	l := w.old[len(w.old)-1-st.a%min(len(w.old), 8)]
	if time.Since(l.at) < 5*time.Minute { // nobody repeats a delivery for longer
		w.deliver(n, l)
	}
}

// drop loses a webhook of Aloware's, which comes only once, or a change that HubSpot has tried to tell for too long.
func (w *world) drop(st step) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.mail, func(l *letter) bool {
		if st.b%3 > 0 {
			return l.system == domain.Aloware
		}
		return l.system == domain.HubSpot && strings.Contains(l.brief(), "propertyChange")
	})
	if i < 0 {
		return
	}
	w.note("lost: %s", w.mail[i])
	w.unheard(w.mail[i])
	w.mail = slices.Delete(w.mail, i, i+1)
	w.dropped++
}

// fault has one of the next requests to a system go wrong.
func (w *world) fault(s domain.System, st step) {
	r := w.remotes[s]
	for range st.a % 4 {
		r.faults = append(r.faults, faultNone)
	}
	r.faults = append(r.faults, fault(1+st.b%int(faults-1)))
}

// pass lets time pass; nothing that is under way goes on meanwhile.
func (w *world) pass(st step) {
	w.sleep([]time.Duration{time.Second, 3 * time.Second, 6 * time.Second, 11 * time.Second}[st.a%4])
}

func (w *world) pause(step) {
	_, err := w.any().app.Pause(context.Background(), by)
	w.must(err)
	if !w.paused {
		w.paused, w.stood = true, append(w.stood, standstill{from: time.Now()})
		clear(w.back)
	}
	w.grown()
}

func (w *world) resume(step) {
	_, err := w.any().app.Resume(context.Background(), by)
	w.must(err)
	if w.paused {
		w.paused, w.stood[len(w.stood)-1].to = false, time.Now()
	}
	w.grown()
}

// mode changes between live, observe and off.
func (w *world) mode(st step) {
	w.setMode([]domain.Mode{domain.ModeObserve, domain.ModeLive, domain.ModeOff, domain.ModeLive}[st.a%4])
}

func (w *world) setMode(m domain.Mode) {
	if m == w.modeNow {
		return
	}
	_, err := w.any().app.SetMode(context.Background(), httpapi.ModeChange{Mode: m}, by)
	w.must(err)
	w.note("mode %s", m)
	w.modeNow, w.unruly, w.moded = m, true, true
	w.grown()
}

// reopen ends a pause, and goes live.
func (w *world) reopen() {
	if w.paused {
		w.resume(step{})
	}
	w.setMode(domain.ModeLive)
}

// change gives one field other rules, unmaps it or maps it again, or changes what may be made.
func (w *world) change(st step) {
	p := w.policy
	switch r := rng(st.seed, 4); st.b % 6 {
	case 0:
		p.create = flip(p.create)
	case 1:
		p.update = flip(p.update)
		for i := range p.rules {
			p.draw(r, i)
		}
	case 2:
		p.unmapped[st.a%len(p.unmapped)] = !p.unmapped[st.a%len(p.unmapped)]
	default:
		p.draw(r, st.a%len(p.rules))
	}
	w.were = append(w.were, w.policy)
	w.policy, w.unruly = p, true
	w.note("settings: %s", p)
	_, err := w.any().app.ApplySettings(context.Background(), p.Settings(), 0, by)
	w.must(err)
	w.grown()
}

func flip(d settings.Direction) settings.Direction {
	if d == settings.Both {
		return settings.ToAloware
	}
	return settings.Both
}

// crash kills a process that owns the connection, or thinks so, and starts another one.
func (w *world) crash(st step) {
	for _, n := range w.nodes {
		if n.ownership() != nil {
			n.kill(st.b%2 == 0)
			w.standby()
			return
		}
	}
}

// leave stops the owner in good order.
func (w *world) leave(step) {
	for _, n := range w.nodes {
		if n.ownership() != nil {
			n.leave()
			w.standby()
			return
		}
	}
}

// freeze stops the owner as a debugger does, with another process waiting for the connection.
func (w *world) freeze(st step) {
	for _, n := range w.nodes {
		if n.ownership() != nil && n.alive() {
			n.freeze()
			w.standby()
			w.sleep([]time.Duration{time.Second, 4 * time.Second, 6 * time.Second, 8 * time.Second}[st.a%4])
			return
		}
	}
}

// thaw wakes a frozen process: all of it at once, or its stages before it learns that it lost the connection.
func (w *world) thaw(st step) {
	r := rng(st.seed, 5)
	for _, n := range w.nodes {
		w.mu.Lock()
		n.halt = false
		frozen := n.frozen[1] != nil
		n.thaw(1)
		w.mu.Unlock()
		if !frozen {
			continue
		}
		w.note("%s wakes up", n.name)
		w.rest()
		for range st.a % 8 {
			w.ownMove(n, r.IntN(64))
		}
		w.mu.Lock()
		n.thaw(0)
		w.mu.Unlock()
		w.rest()
	}
}

// ownMove lets something of one process go on.
func (w *world) ownMove(n *node, i int) {
	for _, t := range slices.Clone(n.tasks) {
		if ops := t.waits(); len(ops) > 0 && i%2 == 0 {
			w.release(t, ops[i%len(ops)], verdict{})
			return
		}
		i /= 2
	}
}

// standby makes sure that a process is up that can take the connection over.
func (w *world) standby() {
	for _, n := range w.nodes {
		if n.alive() {
			return
		}
	}
	w.boot()
}

func (w *world) reconcile(step) {
	_, err := w.any().app.Act(context.Background(), domain.OperationStarted, domain.Act{Name: "reconcile"}, by)
	w.must(err)
	w.note("reconcile")
	w.grown()
}

// reshaped notes records whose fields cannot be judged by who typed what until everything has come to rest.
func (w *world) reshaped(records ...domain.Record) {
	for _, r := range records {
		w.taint[r], w.everBad[r] = true, true
	}
}
