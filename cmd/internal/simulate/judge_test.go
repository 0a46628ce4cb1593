package simulate

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// attemptTime is how long an attempt may take: a request of one that began longer ago is never sent.
const attemptTime = 10 * time.Second

// episode is what happened since everything was at rest.
type episode struct {
	since  int                    // edits before it belong to earlier ones
	hidden map[domain.Record]bool // nobody could find it then
	before map[slot]*edit         // what was shown then
	pairs  map[domain.Record]domain.Record
	taint  map[domain.Record]bool // records that were merged, deleted, restored or got another number
	unruly bool                   // the settings or the mode changed
}

// rules are the connection's own state as people have set it, and what it was before.
type rules struct {
	policy  policy
	were    []policy
	modeNow domain.Mode
	moded   bool // it was another than live at some time
	paused  bool
	stood   []standstill           // every pause
	everBad map[domain.Record]bool // taint of all episodes
	rounds  int
	queued  bool // our writes queue up, and none leaves
	bare    bool // HubSpot answers writes without what was written
}

// standstill is a pause, with a zero end while it lasts.
type standstill struct{ from, to time.Time }

// alone finds two owners that write to one record at a time, and one that writes again to a record of HubSpot that it has in
// hand: Aloware's are addressed by a number, which two may have.
func (w *world) alone(wr *write) {
	wr.task.writes[string(wr.system)+" "+wr.address] = true
	for _, n := range w.nodes {
		for _, t := range n.tasks {
			if t.own.epoch != wr.epoch && t.writes[string(wr.system)+" "+wr.address] && time.Since(t.began) < attemptTime {
				w.blame("two owners", "%s writes %s while %s, of epoch %d, has not ended its attempt", wr.task, wr, t, t.own.epoch)
			}
			if t != wr.task && t.own == wr.task.own && wr.system == domain.HubSpot && t.writes[string(wr.system)+" "+wr.address] {
				w.blame("twice in hand", "%s writes %s, which another batch of it has in hand", wr.task, wr)
			}
		}
	}
}

// judgeEffect looks at one write that arrived.
func (w *world) judgeEffect(wr *write) {
	if last := w.latest[wr.record]; last > wr.epoch {
		w.blame("stale write", "%s writes %s under epoch %d after epoch %d has written there", wr.task, wr, wr.epoch, last)
	}
	w.latest[wr.record] = wr.epoch
	if wr.posted && !wr.created && len(wr.changed) == 0 && w.typedSince(wr.record, wr.task.began) == nil {
		w.blame("paged for nothing", "%s posts %s, which %s held already", wr.task, wr, wr.record)
	}
}

// judgeGuard looks at a write over what a person typed. Into a guarded field of HubSpot it may go when the person was quicker
// than request after request, or when it was known by then: told, or seen by an attempt before this one.
func (w *world) judgeGuard(e *edit, wr *write) {
	i := slices.Index(edited, e.slot.field)
	known := e.told && !e.toldAt.After(wr.task.began)
	if i < 0 || wr.system != domain.HubSpot || !w.policy.guarded[i] || w.unruly || e.again || known {
		return
	}
	seen := false
	for _, l := range w.looks {
		if l.record != wr.record || !l.at.After(e.at) {
			continue
		}
		if l.task != wr.task {
			return
		}
		seen = true
	}
	if seen {
		w.blame("unguarded", "%s writes %s over %s, which it had looked at", wr.task, wr, e)
	}
}

// typedSince returns something that a person did to a record since a moment.
func (w *world) typedSince(r domain.Record, at time.Time) *edit {
	for _, e := range slices.Backward(w.edits) {
		if e.at.Before(at) {
			return nil
		}
		if e.slot.record == r {
			return e
		}
	}
	return nil
}

// judgeCreate: nobody is made from a record that was ever linked.
func (w *world) judgeCreate(c *command) {
	if at := w.wed[c.Source]; at > 0 && at < c.position {
		w.fail("made again", "the decision at %d makes somebody in %s from %s, which was linked at %d",
			c.position, c.System.Title(), c.Source, at)
	}
}

// judge looks at a world at rest.
func (w *world) judge() {
	w.check()
	w.read()
	if w.proving {
		return
	}
	held := w.hold(domain.Aloware)
	maps.Copy(held, w.hold(domain.HubSpot))
	w.judgeCommands()
	w.judgeWrites()
	w.judgeMade(held)
	pairs := map[domain.Record]domain.Record{}
	for _, r := range held.records() {
		if other, ok := w.judgeRecord(r, held); ok && r.System == domain.Aloware {
			pairs[r] = other
		}
	}
	for _, a := range slices.SortedFunc(maps.Keys(pairs), func(a, b domain.Record) int { return cmpRecords(a, b) }) {
		for i := range fields {
			w.judgeField(fields[i], a, pairs[a], held)
		}
	}
	w.judgeLosers()
	w.note("at rest: %d records, %d pairs, %d edits, %d writes", len(held), len(pairs), len(w.edits), len(w.writes))
	w.were = append(w.were, w.policy)
	hidden := map[domain.Record]bool{}
	for a := range pairs {
		hidden[a] = !w.findable(a, held)
	}
	w.episode = episode{
		hidden: hidden, since: len(w.edits), before: maps.Clone(w.shown), pairs: pairs, taint: map[domain.Record]bool{},
	}
}

func cmpRecords(a, b domain.Record) int {
	if a == b {
		return 0
	}
	if a.Less(b) {
		return -1
	}
	return 1
}

// judgeCommands: at rest every write has come to its one end.
func (w *world) judgeCommands() {
	for _, c := range w.order {
		if write := c.Kind == domain.KindCreate || c.Kind == domain.KindUpdate; write && c.outcome == nil {
			w.fail("left hanging", "the %s of %s decided at %d has no outcome", c.Kind, c.System, c.position)
		}
	}
}

// judgeWrites: what was changed in a record was decided, and no decided change was made twice, unless a person's change
// came between.
func (w *world) judgeWrites() {
	used, last := map[string]int{}, map[slot]any{}
	for _, ev := range w.happened {
		if e, ok := ev.(*edit); ok {
			last[e.slot] = e
			continue
		}
		wr := ev.(*write)
		for _, name := range slices.Sorted(maps.Keys(wr.changed)) {
			s := slot{wr.record, name}
			before := last[s]
			last[s] = wr
			value, sent := wr.sent[fieldOf(name).Side(wr.system).Write]
			if wr.created {
				continue
			}
			if !sent {
				w.fail("unasked", "%s changed %s, which it was not asked to", wr, s)
			}
			digest := w.digestOf(name, wr.system, value)
			decided := 0
			for _, c := range w.order {
				if c.Digests[fieldOf(name).Side(wr.system).Write] == digest && (c.Record == wr.record ||
					c.Record.ID == wr.address || w.makes(c, wr.record)) {
					decided++
				}
			}
			key := s.String() + " " + digest
			used[key]++
			if decided == 0 {
				w.fail("nobody decided", "%q was written to %s", value, s)
			}
			if _, person := before.(*edit); used[key] > decided && !person {
				w.fail("written twice", "%q was written to %s %d times, and decided %d times", value, s, used[key], decided)
			}
		}
	}
}

// judgeMade: a record of ours was decided, and no contact ever got two in one system. One whose number a person changed
// before the create was read back looks as if it had not arrived, and nothing can tell otherwise.
func (w *world) judgeMade(held holdings) {
	by := map[string]domain.Record{}
	for _, r := range slices.SortedFunc(maps.Keys(w.made), cmpRecords) {
		i := slices.IndexFunc(w.order, func(c *command) bool { return w.makes(c, r) })
		if i < 0 && w.movedAway(w.made[r]) {
			continue
		}
		if i < 0 {
			w.fail("nobody decided", "%s was made", r)
		}
		key := string(r.System) + " " + w.order[i].contact.String()
		if other, twice := by[key]; twice && held[r] != nil && held[other] != nil && !w.everBad[r] && !w.everBad[other] {
			w.fail("made twice", "%s and %s were both made for one contact", other, r)
		}
		by[key] = r
	}
}

// movedAway reports whether a person freed the number that an update of Aloware was on its way to, after it was looked
// up: the API can only write to a number, so this makes somebody new. There is no write that would not.
func (w *world) movedAway(wr *write) bool {
	at, freed := w.freed[wr.address]
	return freed && !at.Before(wr.task.began)
}

// judgeRecord: every record there is stands in a pair, or alone for a reason. It returns its counterpart.
func (w *world) judgeRecord(r domain.Record, held holdings) (domain.Record, bool) {
	l := w.links[r]
	if l == nil {
		if w.made[r] == nil && !w.heardOf(r) {
			return domain.Record{}, false
		}
		w.fail("unknown", "nothing was decided about %s", r)
	}
	c := w.contacts[w.home(l.Contact)]
	if c == nil {
		c = &contact{}
	}
	var others []domain.Record
	deleted := false
	for o, ol := range w.links {
		if o.System != r.System && w.home(ol.Contact) == w.home(l.Contact) {
			if ol.State == planner.Linked && held[o] != nil {
				others = append(others, o)
			}
			deleted = deleted || ol.State == planner.Deleted || w.everBad[o]
		}
	}
	cr := c.head.Creation
	why := ""
	switch l.State {
	case planner.Linked:
		if len(others) == 1 {
			return others[0], true
		}
		if len(others) > 1 || !deleted {
			why = "linked, but not to one record"
		}
	case planner.Held:
		if c.head.Review == "" {
			why = "held, and nobody is asked anything"
		}
	case planner.Excluded:
		if cr.Rule == "" {
			why = "excluded without a reason"
		}
	case planner.Unlinked:
		switch {
		case cr.Result != "" && cr.Result != planner.Looking:
		case w.wed[r] > 0, w.everBad[r]:
		default:
			why = "alone without a reason"
		}
	case planner.Deleted:
		if !w.everBad[r] {
			why = "taken for deleted"
		}
	case planner.Absorbed, planner.Merged, planner.Suppressed:
	}
	if why != "" {
		w.fail("unexplained", "%s (contact %s): %s; creation %+v", r, w.home(l.Contact), why, cr)
	}
	return domain.Record{}, false
}

// heardOf reports whether anything that was told named the record.
func (w *world) heardOf(r domain.Record) bool {
	return slices.ContainsFunc(w.edits, func(e *edit) bool { return e.slot.record == r && e.told })
}

// judgeField: both sides hold the same, or a decision says why not; and what they hold is what the settings name.
func (w *world) judgeField(f settings.Field, a, h domain.Record, held holdings) {
	va, vh := held[a][f.Aloware.Read], held[h][f.HubSpot.Read]
	same := likeness(f.Name, va) == likeness(f.Name, vh) ||
		w.digestOf(f.Name, domain.Aloware, va) == w.digestOf(f.Name, domain.HubSpot, vh)
	var st planner.FieldState
	if c := w.contacts[w.home(w.links[a].Contact)]; c != nil && c.fields[f.Name] != nil {
		st = c.fields[f.Name].FieldState
	}
	if !w.findable(a, held) || w.mute(slot{a, f.Name}) {
		return
	}
	if st.State == planner.Pending && !w.landed(st.Pending) && !w.isUnmapped(f.Name, w.policy) {
		w.fail("pending", "%s of %s and %s is pending at rest", f.Name, a, h)
	}
	if slices.ContainsFunc(append(slices.Clone(w.were), w.policy), func(p policy) bool { return w.isUnmapped(f.Name, p) }) {
		return // what was typed then counts for nobody, and mapping it again sends nothing by itself
	}
	if !same && st.State != planner.Apart && !(st.State == planner.Dirty && st.Result != "") {
		w.fail("apart, unexplained", "%s: %s shows %q, %s shows %q, and the field is %s %s %s", f.Name, a, va, h, vh, st.State, st.Result, st.Rule)
	}
	if !same {
		if why := w.implausible(f, st, a, h); why != "" {
			w.fail("apart, wrongly", "%s: %s shows %q, %s shows %q, and the field is %s %q: %s", f.Name, a, va, h, vh, st.Result, st.Rule, why)
		}
	}
	w.judgeWinner(f, a, h)
}

// landed reports whether a write came to a good end: a decision is made on an outcome only when it changes something.
func (w *world) landed(p *planner.PendingWrite) bool {
	c := w.commands[p.Command]
	return c != nil && c.outcome != nil && (c.outcome.Result == domain.ResultApplied ||
		c.outcome.Result == domain.ResultSuperseded || c.outcome.Result == domain.ResultPartly)
}

func (w *world) isUnmapped(name string, p policy) bool {
	i := slices.Index(edited, name)
	return i >= 0 && p.unmapped[i]
}

// findable reports whether the number an Aloware record told last is the one it has: no look-up finds it otherwise.
func (w *world) findable(a domain.Record, held holdings) bool {
	return w.number[a] == "" || w.number[a] == held[a][settings.PhoneField]
}

// implausible says why a field cannot be apart for the reason given.
func (w *world) implausible(f settings.Field, st planner.FieldState, a, h domain.Record) string {
	all := append(slices.Clone(w.were), w.policy)
	switch st.Result {
	case planner.Blocked:
		for _, p := range all {
			if !w.lets(p, f.Name, domain.Aloware) || !w.lets(p, f.Name, domain.HubSpot) {
				return ""
			}
		}
		return "no direction ever stood in the way"
	case planner.Withheld:
		if !w.moded {
			return "the mode was never another"
		}
	case planner.Impossible:
		if f.Name != settings.PhoneField {
			return "only a number cannot be changed"
		}
	case planner.Refused:
		if !w.everBad[a] && !w.everBad[h] {
			return "nothing was ever wrong with the record"
		}
	case planner.Invalid:
		return "nobody ever typed an invalid value"
	default:
	}
	return ""
}

// lets reports whether a policy lets a field's value into a system.
func (w *world) lets(p policy, name string, target domain.System) bool {
	i := slices.Index(edited, name)
	return p.update.Allows(target) && (i < 0 || p.rules[i].Direction.Allows(target))
}

// judgeWinner compares what both sides show with what must have become of what people typed since the last rest.
func (w *world) judgeWinner(f settings.Field, a, h domain.Record) {
	i := slices.Index(edited, f.Name)
	if i < 0 || w.taint[a] || w.taint[h] {
		return
	}
	sa, sh := slot{a, f.Name}, slot{h, f.Name}
	ea, eh, sure := w.last(sa), w.last(sh), w.judgeable(sa, sh)
	paired := w.pairs[a] == h
	switch {
	case !sure:
		return
	case ea == nil && eh == nil:
		if paired && (w.shown[sa] != w.before[sa] || w.shown[sh] != w.before[sh]) && !w.cameOut(sa, sh) {
			w.fail("changed by itself", "%s: nobody typed anything, but %s shows %s and %s shows %s", f.Name, a, w.shown[sa], h, w.shown[sh])
		}
		return
	case w.unruly, w.policy.rules[i].Overwrite != settings.OverwriteAlways:
		return
	case !paired && w.strangers(sa, sh, ea, eh):
		return // met for the first time: the first-value rule is judged apart
	}
	var wants []ending
	for _, e := range w.winners(w.policy, i, ea, eh) {
		wants = append(wants, w.endsIn(f.Name, e, sa, sh, ea, eh))
		for p := e; !paired && p != nil; p = p.parent { // it, or what it took the place of, went along with the new record
			wants = append(wants, ending{e, p}.turned(e))
		}
	}
	got := ending{w.shown[sa], w.shown[sh]}
	if !slices.Contains(wants, got) {
		w.fail("wrong winner", "%s (%s, conflict %s): %s shows %s, %s shows %s; want one of %s; last typed: %s and %s",
			f.Name, w.policy.rules[i].Direction, w.policy.rules[i].Conflict, a, got.a, h, got.h, wants, ea, eh)
	}
}

// cameOut reports that both sides show now what Aloware held at the last rest already, when nobody could find it there by the
// number it had told last: to be sure of a value that was doubted, or never told, it is to be read.
func (w *world) cameOut(sa, sh slot) bool {
	e := w.shown[sa]
	return e != nil && e == w.shown[sh] && e.slot == sa && e == w.before[sa] && w.hidden[sa.record]
}

// strangers reports whether each side had a value of its own when they met; one may be from before the last rest.
func (w *world) strangers(sa, sh slot, ea, eh *edit) bool {
	ea, eh = cmp.Or(ea, w.before[sa]), cmp.Or(eh, w.before[sh])
	return ea != nil && eh != nil && ea.root() != eh.root()
}

type ending struct{ a, h *edit }

func (o ending) String() string {
	return "[Aloware " + o.a.String() + ", HubSpot " + o.h.String() + "]"
}

// turned puts the edit on its own side.
func (o ending) turned(e *edit) ending {
	if e.slot.record.System == domain.HubSpot {
		return ending{o.h, o.a}
	}
	return o
}

func (e *edit) root() *edit {
	for e.parent != nil {
		e = e.parent
	}
	return e
}

// last is what was typed last into a slot since the last rest.
func (w *world) last(s slot) *edit {
	for _, e := range slices.Backward(w.edits[w.since:]) {
		if e.slot == s {
			return e
		}
	}
	return nil
}

// judgeable reports whether all that was typed into the slots was told, not blank, and can be told apart.
func (w *world) judgeable(slots ...slot) bool {
	for _, e := range w.edits[w.since:] {
		if slices.Contains(slots, e.slot) && (!e.told || e.again || e.value == "") {
			return false
		}
	}
	for _, s := range slots {
		if w.before[s] != nil && w.before[s].value == "" {
			return false
		}
	}
	return true
}

// winners are the edits that may stand in the end: the one that was made by who saw the other, or whom the rule names.
func (w *world) winners(p policy, field int, ea, eh *edit) []*edit {
	switch {
	case eh == nil:
		return []*edit{ea}
	case ea == nil:
		return []*edit{eh}
	}
	ruled := w.ruled(p, field, ea, eh)
	switch {
	case ea.after(eh) && !ea.unsettled:
		return []*edit{ea}
	case eh.after(ea) && !eh.unsettled:
		return []*edit{eh}
	case ea.after(eh):
		return append(ruled, ea)
	case eh.after(ea):
		return append(ruled, eh)
	}
	return ruled
}

// ruled are those the conflict rule may name; directions bind first.
func (w *world) ruled(p policy, field int, ea, eh *edit) []*edit {
	toA, toH := w.lets(p, edited[field], domain.Aloware), w.lets(p, edited[field], domain.HubSpot)
	switch {
	case toA && !toH:
		return []*edit{eh}
	case toH && !toA:
		return []*edit{ea}
	case !toA && !toH:
		return []*edit{ea, eh}
	case p.rules[field].Conflict != settings.HubSpotWins && ea.late():
		return []*edit{ea, eh} // it may be an older body that came late: nobody can tell any more
	case p.rules[field].Conflict == settings.AlowareWins:
		return []*edit{ea}
	case p.rules[field].Conflict == settings.NewestWins:
		if eh.at.Sub(ea.toldAt) > 2*time.Second {
			return []*edit{eh}
		}
		return []*edit{ea, eh}
	}
	return []*edit{eh}
}

// late reports whether a write of ours was decided, or on its way, before what was typed was told.
func (e *edit) late() bool {
	return e.unsettled || len(e.over) > 0 && e.over[0].task.began.Before(e.toldAt)
}

// endsIn is what both sides show when an edit stands: its value, and on the other side the same where that is let.
func (w *world) endsIn(name string, e *edit, sa, sh slot, ea, eh *edit) ending {
	own := func(s slot, last *edit) *edit {
		if last != nil {
			return last
		}
		return w.before[s]
	}
	if e.slot.record.System == domain.Aloware {
		if w.lets(w.policy, name, domain.HubSpot) {
			return ending{e, e}
		}
		return ending{e, own(sh, eh)}
	}
	if w.lets(w.policy, name, domain.Aloware) {
		return ending{e, e}
	}
	return ending{own(sa, ea), e}
}

// judgeLosers: what a person typed and a write of ours replaced was seen by a decision.
func (w *world) judgeLosers() {
	for _, e := range w.edits {
		if len(e.over) == 0 || !e.told || e.judged || e.value == "" || e.reshaped || w.broken(e.slot.record) {
			continue
		}
		e.judged = true
		if w.isNamed(e) || w.supplanted(e) {
			continue
		}
		w.fail("lost without a word", "%s was replaced by %s, and no decision names it", e, e.over[0])
	}
}

// supplanted reports a value in whose place a person typed another one in the same pause: both were told before anybody
// decided, and the last that a side tells in a pause stands for all it told.
func (w *world) supplanted(e *edit) bool {
	return slices.ContainsFunc(w.stood, func(s standstill) bool {
		within := func(o *edit) bool {
			return o.told && o.toldAt.After(s.from) && (s.to.IsZero() || o.toldAt.Before(s.to))
		}
		return within(e) && slices.ContainsFunc(w.edits, func(o *edit) bool {
			return o.slot == e.slot && o.at.After(e.at) && within(o)
		})
	})
}

// broken reports a record whose counterpart was deleted, merged or got another number at some time: then its fields may
// not have been weighed against anything.
func (w *world) broken(r domain.Record) bool {
	l := w.links[r]
	for o, ol := range w.links {
		if l != nil && w.everBad[o] && w.home(ol.Contact) == w.home(l.Contact) {
			return true
		}
	}
	return false
}

// isNamed reports whether a verdict speaks of what was typed, there or in the contact's other record: the same value may
// have been typed, or have come, there as well.
func (w *world) isNamed(e *edit) bool {
	l := w.links[e.slot.record]
	digest := w.digestOf(e.slot.field, e.slot.record.System, e.value)
	for r, o := range w.links {
		if l != nil && w.home(o.Contact) == w.home(l.Contact) && w.named[slot{r, e.slot.field}.String()+" "+digest] {
			return true
		}
	}
	return false
}
