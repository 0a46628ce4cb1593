package contacts

import (
	"encoding/json"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/internal/inputs"
	"github.com/duolog/duolog/projections/internal/jsonread"
)

// The payloads as they are written, read without reflection: only what the fold needs of them. What is not as usual
// is left to encoding/json. Values share the payload's bytes.

// list reads an object whose keys rise, as encoding/json writes them.
func list[V any](r *jsonread.Reader, read func() V) byName[V] {
	var room [16]named[V]
	all := byName[V](room[:0])
	for key := range r.Fields() {
		name := inputs.Intern(key)
		if n := len(all); n > 0 && all[n-1].name >= name {
			r.GiveUp()
		}
		all = append(all, named[V]{name, read()})
	}
	if len(all) == 0 {
		return nil
	}
	return slices.Clone(all)
}

func properties(r *jsonread.Reader) byName[json.RawMessage] {
	return list(r, func() json.RawMessage { return r.Raw() })
}

func readFact(data []byte) (*fact, bool) {
	r, seen, f := jsonread.New(data), uint32(0), &fact{}
	for key := range r.Fields() {
		switch string(key) {
		case "via":
			r.Once(&seen, 0)
			f.Via = inputs.Word(r)
		case "properties":
			r.Once(&seen, 1)
			f.props = properties(r)
		case "complete":
			r.Once(&seen, 2)
			f.Complete = r.Bool()
		case "lacks":
			r.Once(&seen, 10)
			inputs.Rest(r, &f.Lacks)
		case "clock":
			r.Once(&seen, 3)
			f.Clock = r.Int()
		case "clocks":
			r.Once(&seen, 4)
			f.clocks = list(r, r.Int)
		case "origin":
			r.Once(&seen, 5)
			inputs.Origin(r, &f.Origin)
		case "merged":
			r.Once(&seen, 6)
			inputs.Rest(r, &f.Merged)
		case "primary":
			r.Once(&seen, 7)
			f.Primary = inputs.Record(r)
		case "answer":
			r.Once(&seen, 8)
			inputs.Rest(r, &f.Answer)
		case "vendor":
			r.Once(&seen, 9)
			f.Vendor = inputs.Word(r)
		default:
			r.Unknown(key)
		}
	}
	f.by = author(f.Origin)
	return f, r.Done()
}

func readOutcome(data []byte) (*outcome, bool) {
	r, seen, o := jsonread.New(data), uint32(0), &outcome{}
	for key := range r.Fields() {
		switch string(key) {
		case "command":
			r.Once(&seen, 0)
			o.Command = inputs.ID(r)
		case "contact":
			r.Once(&seen, 1)
			o.Contact = inputs.ID(r)
		case "kind":
			r.Once(&seen, 2)
			o.Kind = inputs.Word(r)
		case "system":
			r.Once(&seen, 3)
			o.System = domain.System(inputs.Word(r))
		case "record":
			r.Once(&seen, 4)
			o.Record = inputs.Record(r)
		case "result":
			r.Once(&seen, 5)
			o.Result = inputs.Word(r)
		case "sent":
			r.Once(&seen, 6)
			o.sent = properties(r)
		case "shows":
			r.Once(&seen, 7)
			o.shows = properties(r)
		case "clock":
			r.Once(&seen, 8)
			o.Clock = r.Int()
		case "complete":
			r.Once(&seen, 9)
			o.Complete = r.Bool()
		case "refused":
			r.Once(&seen, 10)
			inputs.Rest(r, &o.Refused)
		case "reason":
			r.Once(&seen, 11)
			o.Reason = r.String()
		case "attempt":
			r.Once(&seen, 12)
			o.Attempt = inputs.ID(r)
		case "attempts":
			r.Once(&seen, 13)
			o.Attempts = int(r.Int())
		default: // the rest is of no concern, and seldom there
			r.GiveUp()
		}
	}
	return o, r.Done()
}
