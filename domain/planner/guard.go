package planner

import (
	"maps"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// The guards, by the key of their setting.
const (
	GuardChanged = "max_changed_share"
	GuardDeleted = "max_deleted_share"
	GuardEmptied = "emptied_side"
)

// guardRule begins the rule of what a guard held.
const guardRule = "guard: "

// Fewer than so many are a person's work of an hour, however few contacts there are; a side that had fewer records
// does not look empty.
const (
	changedFloor = 10
	deletedFloor = 5
	emptiedFloor = 10
)

// Guard is what the guards have counted, and whether one has tripped.
type Guard struct {
	// Changed counts the contacts a write was decided for, and Deleted those found deleted, by the span of time their
	// inputs were recorded in, for the last hour.
	Changed map[int64]int `json:"changed,omitempty"`
	Deleted map[int64]int `json:"deleted,omitempty"`
	// By is the guard that tripped first, empty for none. From then on nothing is written that would be one more, until
	// a person resumes after the pause that follows: whatever was counted stands before that in the log.
	By string `json:"by,omitempty"`
	// Trip is what that pause says, and PausedAt where it stands; nil once a person went on.
	Trip     *domain.Trip `json:"trip,omitempty"`
	PausedAt int64        `json:"paused_at,omitempty"`
	// Emptied are the systems that looked empty when a person went on: they are taken at their word until they do not.
	Emptied map[domain.System]bool `json:"emptied,omitempty"`
}

// Counts is what a decision adds for the guards.
type Counts struct {
	Changed int `json:"changed,omitempty"`
	Deleted int `json:"deleted,omitempty"`
}

// Holds reports that a guard has tripped: nothing is sent before a person says how to go on.
func (g Guard) Holds() bool { return g.By != "" }

func (g Guard) clone() Guard {
	g.Changed, g.Deleted, g.Emptied = maps.Clone(g.Changed), maps.Clone(g.Deleted), maps.Clone(g.Emptied)
	return g
}

// Spans of time a count is kept in: an hour is twelve of them, the present one included.
const (
	spanMicros = hourMicros / spans
	spans      = 12
)

// within sums up the last hour.
func within(counts map[int64]int, at int64) int {
	sum, now := 0, at/spanMicros
	for span, n := range counts {
		if span > now-spans {
			sum += n
		}
	}
	return sum
}

// tally adds to the present span and forgets those before the hour.
func tally(counts map[int64]int, at int64, n int) map[int64]int {
	if n == 0 {
		return counts
	}
	if counts == nil {
		counts = map[int64]int{}
	}
	now := at / spanMicros
	counts[now] += n
	maps.DeleteFunc(counts, func(span int64, _ int) bool { return span <= now-spans })
	return counts
}

// guardDecision takes what a decision counts, and that a guard tripped.
func (v *View) guardDecision(d Decision) {
	g := &v.Control.Guard
	if c := d.Counts; c != nil {
		v.keepControl()
		g.Changed, g.Deleted = tally(g.Changed, d.At, c.Changed), tally(g.Deleted, d.At, c.Deleted)
		v.control = true
	}
	if d.Guard != nil {
		v.trip(d.Guard.Guard)
	}
}

func (v *View) trip(by string) {
	if g := &v.Control.Guard; g.By == "" {
		v.keepControl()
		g.By, v.control = by, true
	}
}

// guarded says which guard keeps back what would be one more, empty when none does. The first time it trips.
func (p *pass) guarded(d *draft, guard string, share, floor int, counted map[int64]int) string {
	g := p.v.Control.Guard
	switch {
	case p.e.Confirmed || p.e.Force:
		return "" // by a person who has looked
	case g.Holds():
		return guardRule + g.By
	case share == 0:
		return ""
	}
	all := p.v.Control.People()
	limit := max(int(all*int64(share)/100), floor)
	n := within(counted, p.in.RecordedAt)
	if n < limit {
		return ""
	}
	d.Guard = &domain.Trip{Guard: guard, Counted: int64(n) + 1, Limit: int64(limit), Of: all, Share: share}
	p.v.trip(guard)
	return guardRule + guard
}

// guardedChange is guarded for a contact that would be written to. One that counts already is not one more.
func (p *pass) guardedChange(d *draft) string {
	g := p.v.Control.Guard
	if p.counts(d) && !g.Holds() {
		return ""
	}
	return p.guarded(d, GuardChanged, p.v.Control.Settings.Guards.MaxChangedShare, changedFloor, g.Changed)
}

// counts reports a contact that was counted as changed within the hour.
func (p *pass) counts(d *draft) bool {
	return d.head.CountedAt > 0 && p.in.RecordedAt-d.head.CountedAt < hourMicros
}

// guardedDeletion is guarded for a record that was found deleted. The contact waits as it is.
func (p *pass) guardedDeletion(d *draft, r *Record) bool {
	why := p.guarded(d, GuardDeleted, p.v.Control.Settings.Guards.MaxDeletedShare, deletedFloor, p.v.Control.Guard.Deleted)
	if why == "" {
		d.gone++
		return false
	}
	if !p.v.own(d.Contact).Head.Dirty {
		d.Whole = &Whole{Result: HeldBack, Rule: why, System: r.ID.System, Others: []domain.Record{r.ID}}
	}
	d.head.Dirty = true
	return true
}

// count counts a draft for the guards, unless a person confirmed what it does.
func (p *pass) count(d *draft) {
	if p.e.Confirmed || p.e.Force {
		return
	}
	c := Counts{}
	guards := p.v.Control.Settings.Guards
	if guards.MaxDeletedShare > 0 {
		c.Deleted = d.gone
	}
	if guards.MaxChangedShare > 0 && d.updates() && !p.counts(d) {
		c.Changed, d.head.CountedAt = 1, p.in.RecordedAt
	}
	if c != (Counts{}) {
		d.Counts = &c
	}
}

func (d *draft) updates() bool {
	for _, c := range d.Commands {
		if c.Kind == domain.KindUpdate {
			return true
		}
	}
	return false
}

// LooksEmpty reports that of the records known of a system next to none were found.
func LooksEmpty(known, found int64) bool { return known >= emptiedFloor && found <= known/10 }

// foldSweep takes how far a sweep went, and looks whether a system lost nearly all it had. Only a sweep that came to its
// end is told.
func (v *View) foldSweep(a domain.Act) Effect {
	for _, s := range a.Sweeps {
		if v.Control.Swept == nil {
			v.Control.Swept = map[domain.System]domain.Sweep{}
		}
		v.Control.Swept[s.System] = s
	}
	if v.Control.Settings.Guards.EmptiedSide != settings.EmptiedPause || v.Control.Guard.Trip != nil {
		return Effect{} // or stopped already, and a person will look
	}
	for _, s := range domain.Systems {
		known, told := a.Counts["known_"+string(s)]
		found := a.Counts["found_"+string(s)]
		switch {
		case !told: // it did not count that side
		case !LooksEmpty(known, found):
			delete(v.Control.Guard.Emptied, s)
		case !v.Control.Guard.Emptied[s]:
			v.trip(GuardEmptied)
			return Effect{Trip: &domain.Trip{Guard: GuardEmptied, System: s, Counted: found, Of: known}}
		}
	}
	return Effect{}
}

// foldPaused takes a pause, a guard's or a person's.
func (v *View) foldPaused(in Input, a domain.Act) {
	v.Control.Paused = true
	if a.Guard != nil {
		v.Control.Guard.Trip, v.Control.Guard.PausedAt = a.Guard, in.Position
	}
}

// foldResumed lets the sync go on. After a guard it is the person's word that what waits may be sent: the guards begin
// to count anew behind it.
func (v *View) foldResumed(in Input, was bool) Effect {
	v.Control.Paused = false
	trip := v.Control.Guard.Trip
	if trip != nil {
		v.Control.Guard = Guard{Emptied: v.Control.Guard.Emptied}
		if trip.Guard == GuardEmptied {
			v.Control.Guard.takeAtItsWord(trip.System)
		}
	}
	return v.confirmed(in, was, trip != nil)
}

func (g *Guard) takeAtItsWord(s domain.System) {
	if g.Emptied == nil {
		g.Emptied = map[domain.System]bool{}
	}
	g.Emptied[s] = true
}

// People is how many contacts there are, as far as records tell: those of the larger side.
func (c Control) People() int64 {
	return max(c.Present[domain.Aloware], c.Present[domain.HubSpot])
}

// present keeps count of the records that are there, of those an input was about.
func (v *View) present(ids ...domain.Record) {
	for _, id := range ids {
		r := v.rec(id)
		if r == nil || r.First == 0 {
			continue // known by a decision alone
		}
		there := r.Life == Live || r.Life == Reported
		if there == r.Counted {
			continue
		}
		if v.Control.Present == nil {
			v.Control.Present = map[domain.System]int64{}
		}
		n := int64(-1)
		if there {
			n = 1
		}
		if v.Control.Present[id.System] += n; v.Control.Present[id.System] == 0 {
			delete(v.Control.Present, id.System) // as if none had ever been there: what is erased leaves no trace
		}
		r.Counted, r.changed, v.control = there, true, true
	}
}
