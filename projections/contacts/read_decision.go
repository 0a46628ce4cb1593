package contacts

import (
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/internal/jsonread"
)

// readDecision reads a decision's effects, and passes by what only explains them.
func readDecision(data []byte) (*planner.Decision, bool) {
	r, seen, d := jsonread.New(data), uint32(0), &planner.Decision{}
	for key := range r.Fields() {
		switch string(key) {
		case "input":
			r.Once(&seen, 0)
			d.Input = r.Int()
		case "contact":
			r.Once(&seen, 1)
			d.Contact = id(r)
		case "links":
			r.Once(&seen, 2)
			for range r.Elements() {
				d.Links = append(d.Links, readLink(r))
			}
		case "aliases":
			r.Once(&seen, 3)
			rest(r, &d.Aliases)
		case "head":
			r.Once(&seen, 4)
			rest(r, &d.Head)
		case "fields":
			r.Once(&seen, 5)
			d.Fields = readVerdicts(r)
		default:
			r.Unknown(key)
		}
	}
	return d, r.Done()
}

func readLink(r *jsonread.Reader) (l planner.Link) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "record":
			r.Once(&seen, 0)
			l.Record = readRecord(r)
		case "contact":
			r.Once(&seen, 1)
			l.Contact = id(r)
		case "state":
			r.Once(&seen, 2)
			l.State = planner.LinkState(word(r))
		case "reason":
			r.Once(&seen, 3)
			l.Reason = word(r)
		case "reading":
			r.Once(&seen, 4)
			l.Reading = id(r)
		default:
			r.Unknown(key)
		}
	}
	return l
}

func readVerdicts(r *jsonread.Reader) []planner.Verdict {
	var room [16]planner.Verdict
	all := room[:0]
	for range r.Elements() {
		all = append(all, readVerdict(r))
	}
	if len(all) == 0 {
		return nil
	}
	return slices.Clone(all)
}

func readVerdict(r *jsonread.Reader) (v planner.Verdict) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "field":
			r.Once(&seen, 0)
			v.Field = word(r)
		case "after":
			r.Once(&seen, 1)
			readAfter(r, &v.After)
		default:
			r.Unknown(key)
		}
	}
	return v
}

func readAfter(r *jsonread.Reader, f *planner.FieldState) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "state":
			r.Once(&seen, 0)
			f.State = planner.FieldStatus(word(r))
		case "result":
			r.Once(&seen, 1)
			f.Result = planner.Result(word(r))
		case "rule":
			r.Once(&seen, 2)
			f.Rule = word(r)
		case "pending":
			r.Once(&seen, 3)
			if !r.Null() {
				f.Pending = readPending(r)
			}
		default:
			r.Unknown(key)
		}
	}
}

func readPending(r *jsonread.Reader) *planner.PendingWrite {
	seen, p := uint32(0), &planner.PendingWrite{}
	for key := range r.Fields() {
		switch string(key) {
		case "system":
			r.Once(&seen, 0)
			p.System = domain.System(word(r))
		case "command":
			r.Once(&seen, 1)
			p.Command = id(r)
		default:
			r.Unknown(key)
		}
	}
	return p
}
