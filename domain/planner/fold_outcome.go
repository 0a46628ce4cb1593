package planner

import (
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

func (v *View) foldOutcome(in Input, o domain.Outcome) Effect {
	e := Effect{Contact: o.Contact, Settled: &o, Changed: true}
	v.settle(in, o)
	if o.Record.IsZero() && o.Reason == domain.ReasonExists {
		o.Record = o.Existing // what stood in the way is what is shown
	}
	if o.Record.IsZero() {
		return e
	}
	r := v.record(o.Record, in)
	if o.Kind == domain.KindRead {
		r.answered(o.Command)
	}
	if o.Created || o.Complete {
		r.Known, r.Whole = true, in.Position
	}
	if o.Reason == domain.ReasonGone && o.Clock >= r.LifeAt {
		r.Life, r.LifeAt = Reported, o.Clock
	}
	v.shows(in, o, r)
	v.reindex(r)
	return e
}

// shows folds what an outcome shows of its target. What the command wrote is the target's rendering of our value, an
// answer; anything else is as good as a read.
func (v *View) shows(in Input, o domain.Outcome, r *Record) {
	if r.Seen == nil {
		r.Seen = map[string]Seen{}
	}
	if r.Answers == nil {
		r.Answers = map[string]Seen{}
	}
	for name, value := range o.Shows {
		v.shown(r, name)
		write := name
		if f, ok := v.Control.Settings.FieldFor(o.System, name); ok {
			write = f.Side(o.System).Write
		}
		into := r.Seen
		_, sent := o.Sent[write]
		if sent {
			into = r.Answers
		}
		keepLater(into, name, Seen{Value: value, Clock: o.Clock, Position: in.Position, Read: true, Own: sent})
	}
	v.assume(in, o, r)
}

// assume takes what was written for what is there, where the answer does not show it: without that, what was seen before
// would stand against it for ever, and be written over again and again.
func (v *View) assume(in Input, o domain.Outcome, r *Record) {
	if o.Complete || o.Result != domain.ResultApplied && o.Result != domain.ResultPartly {
		return
	}
	for i := range v.Control.Settings.Fields {
		at := v.Control.Settings.Fields[i].Side(o.System)
		value, sent := o.Sent[at.Write]
		if _, shown := o.Shows[at.Read]; sent && !shown {
			keepLater(r.Answers, at.Read, Seen{Value: value, Clock: o.Clock, Position: in.Position, Read: true, Own: true})
		}
	}
}

func keepLater(into map[string]Seen, name string, s Seen) {
	if old, ok := into[name]; !ok || s.Clock >= old.Clock {
		into[name] = s
	}
}

// settle notes the outcome beside what waits for it; only what still waits keeps it, so the order in which an outcome
// and a decision that replaced the write are folded does not matter.
func (v *View) settle(in Input, o domain.Outcome) {
	if c := v.Contact(o.Contact); c != nil && o.Kind == domain.KindLookup {
		list := &c.Looked // refused: nothing is known, and the create's own guard must do
		if o.Result == domain.ResultWithdrawn {
			list = &c.Unasked
		}
		c.noteLookup(o.Command, list)
	}
	v.note(o.Contact, &Settlement{
		Command: o.Command, Position: in.Position, Result: o.Result, Reason: o.Reason, Record: o.Record,
		Existing: o.Existing, Refused: o.Refused,
	})
}

// of reports whether it is the outcome of a write.
func (s *Settlement) of(w *PendingWrite) bool { return s != nil && w != nil && s.Command == w.Command }

func (v *View) note(contact ulid.ULID, s *Settlement) {
	c := v.Contact(contact)
	if c == nil {
		return
	}
	if c.Head.Creation.Command == s.Command {
		v.keepContact(c)
		c.Created, c.changed = s, true
	}
	for name, f := range c.Fields {
		if s.of(f.Pending) {
			v.keepField(c, name)
			f.Settled, c.changed = s, true
		}
		if s.of(f.Restated) {
			v.keepField(c, name)
			f.Landed, c.changed = s, true
		}
	}
}
