package replay

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/state"
)

// compare holds what was planned now against what was recorded, and removes from s what it found there. Unless all is
// the same, the recorded decisions take the place of the new ones.
func (r *replay) compare(s *step, planned []planner.Planned, undo func()) error {
	var found []eventstore.Event
	same := true
	for _, p := range planned {
		e, there, err := s.recorded.take(p.ID, r.again)
		if err != nil {
			return err
		}
		if !there {
			same = false
			r.onlyNow(p.Decision)
			continue
		}
		found = append(found, e)
		ok, err := r.pair(e, p.Decision)
		if err != nil {
			return err
		}
		same = same && ok
	}
	if same {
		return nil
	}
	undo()
	slices.SortFunc(found, func(a, b eventstore.Event) int { return int(a.Position - b.Position) })
	return r.apply(found)
}

// pair compares two decisions of one id, and reports whether the new one can stand for the recorded one.
func (r *replay) pair(e eventstore.Event, now planner.Decision) (same bool, err error) {
	if r.encoded, err = now.AppendJSON(r.encoded[:0]); err != nil {
		return false, err
	}
	if len(r.erased) == 0 && e.Schema == domain.SchemaOf(domain.DecisionMade) && bytes.Equal(r.encoded, e.Data) {
		r.version = now.Planner
		r.out.same(now.Contact)
		return true, nil
	}
	was, err := state.Decision(e)
	if err != nil {
		return false, err
	}
	r.version = was.Planner
	rule := r.view.Control.Settings.Contacts.OnCreate
	now = onCreate{rule, rule}.asTold([]planner.Decision{was}, now)
	switch {
	case r.erased.bears(was) || r.erased.bears(now):
		r.out.adopted(was.Contact)
		return false, nil
	case equal(was, now):
		r.out.same(was.Contact)
		return true, nil
	}
	d := differ(was, now)
	d.Position = e.Position
	r.differs(d, &was, &now)
	return false, nil
}

// equal compares but for the planner that decided.
func equal(a, b planner.Decision) bool {
	b.Planner = a.Planner
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// onlyNow notes a decision that was not recorded.
func (r *replay) onlyNow(now planner.Decision) {
	if r.erased.bears(now) {
		return
	}
	d := differ(planner.Decision{Planner: r.planner(), Input: now.Input, Trigger: now.Trigger, Contact: now.Contact}, now)
	d.Kind = Added
	r.differs(d, nil, &now)
}

// onlyRecorded notes a recorded decision that is not made any more, and applies it.
func (r *replay) onlyRecorded(s step, e eventstore.Event) error {
	was, err := r.take(e)
	if err != nil {
		return err
	}
	if r.erased.bears(was) {
		r.out.adopted(was.Contact)
	} else {
		d := differ(was, planner.Decision{Input: s.in.Position, Contact: was.Contact})
		d.Kind, d.Position = Missing, e.Position
		r.differs(d, &was, nil)
	}
	return nil
}

// planner is the version that decided around here, for where it decided nothing.
func (r *replay) planner() int {
	if r.version == 0 {
		return planner.Version
	}
	return r.version
}

func (r *replay) differs(d Difference, was, now *planner.Decision) {
	r.out.differs(d)
	if r.Paired != nil {
		r.Paired(d, was, now)
	}
	if r.Differed != nil {
		r.Differed(d)
	}
}
