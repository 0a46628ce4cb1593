package inputs

import (
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/internal/jsonread"
)

// Fact reads a fact whole; false when encoding/json has to.
func Fact(data []byte) (*domain.Fact, bool) {
	f := &domain.Fact{}
	return f, FactInto(f, data,
		func(r *jsonread.Reader) { f.Properties = properties(r) },
		func(r *jsonread.Reader) { Rest(r, &f.Clocks) })
}

// FactInto reads a fact whose values and clocks are kept otherwise.
func FactInto(f *domain.Fact, data []byte, values, clocks func(*jsonread.Reader)) bool {
	r, seen := jsonread.New(data), uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "via":
			r.Once(&seen, 0)
			f.Via = Word(r)
		case "properties":
			r.Once(&seen, 1)
			values(r)
		case "complete":
			r.Once(&seen, 2)
			f.Complete = r.Bool()
		case "lacks":
			r.Once(&seen, 3)
			Rest(r, &f.Lacks)
		case "clock":
			r.Once(&seen, 4)
			f.Clock = r.Int()
		case "clocks":
			r.Once(&seen, 5)
			clocks(r)
		case "origin":
			r.Once(&seen, 6)
			Origin(r, &f.Origin)
		case "merged":
			r.Once(&seen, 7)
			Rest(r, &f.Merged)
		case "primary":
			r.Once(&seen, 8)
			f.Primary = Record(r)
		case "answer":
			r.Once(&seen, 9)
			f.Answer = answer(r)
		case "vendor":
			r.Once(&seen, 10)
			f.Vendor = Word(r)
		default:
			r.Unknown(key)
		}
	}
	return r.Done()
}

func answer(r *jsonread.Reader) *domain.Answer {
	if r.Null() {
		return nil
	}
	seen, a := uint32(0), &domain.Answer{}
	for key := range r.Fields() {
		switch string(key) {
		case "command":
			r.Once(&seen, 0)
			a.Command = ID(r)
		case "contact":
			r.Once(&seen, 1)
			a.Contact = ID(r)
		case "by":
			r.Once(&seen, 2)
			a.By = Word(r)
		case "found":
			r.Once(&seen, 3)
			a.Found = elements(r, Record)
		default:
			r.Unknown(key)
		}
	}
	return a
}

// Outcome reads an outcome whole; false when encoding/json has to.
func Outcome(data []byte) (*domain.Outcome, bool) {
	o := &domain.Outcome{}
	return o, OutcomeInto(o, data,
		func(r *jsonread.Reader) { o.Sent = properties(r) },
		func(r *jsonread.Reader) { o.Shows = properties(r) })
}

// OutcomeInto reads an outcome whose values are kept otherwise.
func OutcomeInto(o *domain.Outcome, data []byte, sent, shows func(*jsonread.Reader)) bool {
	r, seen := jsonread.New(data), uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "command":
			r.Once(&seen, 0)
			o.Command = ID(r)
		case "contact":
			r.Once(&seen, 1)
			o.Contact = ID(r)
		case "kind":
			r.Once(&seen, 2)
			o.Kind = Word(r)
		case "system":
			r.Once(&seen, 3)
			o.System = domain.System(Word(r))
		case "record":
			r.Once(&seen, 4)
			o.Record = Record(r)
		case "result":
			r.Once(&seen, 5)
			o.Result = Word(r)
		case "attempt":
			r.Once(&seen, 6)
			o.Attempt = ID(r)
		case "attempts":
			r.Once(&seen, 7)
			o.Attempts = int(r.Int())
		case "sent":
			r.Once(&seen, 8)
			sent(r)
		case "shows":
			r.Once(&seen, 9)
			shows(r)
		case "clock":
			r.Once(&seen, 10)
			o.Clock = r.Int()
		case "complete":
			r.Once(&seen, 11)
			o.Complete = r.Bool()
		case "created":
			r.Once(&seen, 12)
			o.Created = r.Bool()
		case "existing":
			r.Once(&seen, 13)
			o.Existing = Record(r)
		case "refused":
			r.Once(&seen, 14)
			Rest(r, &o.Refused)
		case "reason":
			r.Once(&seen, 15)
			o.Reason = Word(r)
		default: // seldom there
			r.GiveUp()
		}
	}
	return r.Done()
}

// properties reads values by name, in which the later of two of one name counts.
func properties(r *jsonread.Reader) domain.Properties {
	if r.Null() {
		return nil
	}
	type value struct {
		name string
		raw  []byte
	}
	var room [24]value
	all := room[:0]
	for key := range r.Fields() {
		name := Intern(key)
		all = append(all, value{name, r.Raw()})
	}
	props := make(domain.Properties, len(all))
	for _, v := range all {
		props[v.name] = v.raw
	}
	return props
}
