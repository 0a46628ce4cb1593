package replay

import (
	"cmp"
	"encoding/json"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/planner"
)

// answers are what the systems would have said to a command that only the branch issued: it succeeds at once.
func (b *branch) answers(in planner.Input, o planner.Outgoing) []planner.Input {
	clock := b.clock(in, o)
	switch o.Kind {
	case domain.KindRead:
		return b.readAnswer(in, o, clock)
	case domain.KindLookup:
		return b.lookupAnswer(in, o, clock)
	}
	out := domain.Outcome{
		Command: o.ID, Contact: o.Contact, Kind: o.Kind, System: o.System, Record: o.Record, Result: domain.ResultApplied,
		Sent: o.Values, Shows: domain.Properties{}, Clock: clock,
	}
	if o.Kind == domain.KindCreate {
		out.Record, out.Created, out.Complete = domain.Record{System: o.System, ID: "whatif-" + o.ID.String()}, true, true
		b.imagined.put(about(out.Record), nil)
	}
	of := b.shadowsOf(o.Record)
	for write, value := range o.Values {
		read := write
		if f, ok := b.view.Control.Settings.FieldFor(o.System, write); ok {
			if read = f.Side(o.System).Read; o.Kind == domain.KindUpdate && !b.imagined.has(about(o.Record)) {
				b.shadow(&of, o.Record, read, f, false)
			}
		}
		out.Shows[read] = value
	}
	if len(of) > 0 {
		b.keepShadows(o.Record, of)
	}
	answer := said(in, o, domain.CommandSettled, out.Record, 0)
	answer.Outcome = &out
	return []planner.Input{answer}
}

// said is an input that stands in no log, at the place of the one it follows from. It tells nothing yet.
func said(in planner.Input, o planner.Outgoing, kind string, rec domain.Record, n int) planner.Input {
	in.ID = domain.DeriveID(in.ID, "whatif/"+o.ID.String(), o.System, n)
	in.Type, in.Stream = kind, rec.Stream()
	in.Data, in.Fact, in.Outcome = nil, nil, nil
	return in
}

// saidFact is said, telling a fact.
func saidFact(in planner.Input, o planner.Outgoing, kind string, rec domain.Record, n int, f domain.Fact) planner.Input {
	in = said(in, o, kind, rec, n)
	in.Fact = &f
	return in
}

// clock is the moment of what an input told, or later, so that nothing the target told before counts as newer.
func (b *branch) clock(in planner.Input, o planner.Outgoing) int64 {
	at := cmp.Or(toldAt(in), in.RecordedAt)
	for _, rec := range []domain.Record{o.Record, o.Source} {
		if r := b.view.Record(rec); r != nil {
			for _, s := range r.Seen {
				at = max(at, s.Clock)
			}
		}
	}
	return at
}

// toldAt is the clock of what an input tells, 0 for none.
func toldAt(in planner.Input) int64 {
	switch {
	case in.Fact != nil:
		return in.Fact.Clock
	case in.Outcome != nil:
		return in.Outcome.Clock
	}
	var told struct {
		Clock int64 `json:"clock"`
	}
	if json.Unmarshal(in.Data, &told) != nil {
		return 0
	}
	return told.Clock
}

// readAnswer shows a record as it is known. Where that leaves a property open that nobody was told, the read stays
// unanswered, and the field unknown.
func (b *branch) readAnswer(in planner.Input, o planner.Outgoing, clock int64) []planner.Input {
	r := b.view.Record(o.Record)
	if r == nil || !r.Known {
		return nil // nothing in the log says what it would have shown
	}
	untold := false
	for _, f := range b.view.Control.Settings.Fields {
		if b.view.Untold(r, f.Side(o.System).Read) {
			b.unknown(f.Name, o.Contact)
			untold = true
		}
	}
	if untold {
		return nil
	}
	f := domain.Fact{Via: "read", Clock: clock, Properties: r.Properties(), Answer: answerTo(o, r.ID)}
	return []planner.Input{saidFact(in, o, domain.RecordObserved, r.ID, 0, f)}
}

func answerTo(o planner.Outgoing, found ...domain.Record) *domain.Answer {
	return &domain.Answer{Command: o.ID, Contact: o.Contact, By: o.By, Found: found}
}

// lookupAnswer finds whom the branch knows of.
func (b *branch) lookupAnswer(in planner.Input, o planner.Outgoing, clock int64) []planner.Input {
	var found []domain.Record
	for _, r := range b.view.Holders(identity.Key{Kind: o.By, Value: o.Value}) {
		if r.ID.System == o.System && r.Life == planner.Live {
			found = append(found, r.ID)
		}
	}
	if len(found) == 0 {
		f := domain.Fact{Via: "lookup", Clock: clock, Answer: answerTo(o)}
		return []planner.Input{saidFact(in, o, domain.RecordAbsent, o.Source, 0, f)}
	}
	var all []planner.Input
	for i, rec := range found {
		f := domain.Fact{
			Via: "lookup", Clock: clock, Properties: b.view.Record(rec).Properties(), Answer: answerTo(o, found...),
		}
		all = append(all, saidFact(in, o, domain.RecordObserved, rec, i, f))
	}
	return all
}
