package contacts

import (
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/internal/inputs"
	"github.com/duolog/duolog/projections/internal/jsonread"
)

// readDecision reads a decision's effects, and passes by what only explains them.
func readDecision(data []byte) (*decision, bool) {
	r, seen, d := jsonread.New(data), uint32(0), &decision{}
	for key := range r.Fields() {
		switch string(key) {
		case "input":
			r.Once(&seen, 0)
			d.Input = r.Int()
		case "contact":
			r.Once(&seen, 1)
			d.Contact = inputs.ID(r)
		case "links":
			r.Once(&seen, 2)
			for range r.Elements() {
				d.Links = append(d.Links, inputs.Link(r))
			}
		case "aliases":
			r.Once(&seen, 3)
			inputs.Rest(r, &d.Aliases)
		case "head":
			r.Once(&seen, 4)
			inputs.Rest(r, &d.Head)
		case "fields":
			r.Once(&seen, 5)
			d.Fields = readVerdicts(r)
		default:
			r.Unknown(key)
		}
	}
	return d, r.Done()
}

func readVerdicts(r *jsonread.Reader) []verdict {
	var room [16]verdict
	all := room[:0]
	for range r.Elements() {
		all = append(all, readVerdict(r))
	}
	if len(all) == 0 {
		return nil
	}
	return slices.Clone(all)
}

func readVerdict(r *jsonread.Reader) (v verdict) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "field":
			r.Once(&seen, 0)
			v.Field = inputs.Word(r)
		case "after":
			r.Once(&seen, 1)
			readAfter(r, &v.After)
		default:
			r.Unknown(key)
		}
	}
	return v
}

func readAfter(r *jsonread.Reader, f *after) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "state":
			r.Once(&seen, 0)
			f.State = planner.FieldStatus(inputs.Word(r))
		case "result":
			r.Once(&seen, 1)
			f.Result = planner.Result(inputs.Word(r))
		case "rule":
			r.Once(&seen, 2)
			f.Rule = inputs.Word(r)
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

func readPending(r *jsonread.Reader) *pending {
	seen, p := uint32(0), &pending{}
	for key := range r.Fields() {
		switch string(key) {
		case "system":
			r.Once(&seen, 0)
			p.System = domain.System(inputs.Word(r))
		case "command":
			r.Once(&seen, 1)
			p.Command = inputs.ID(r)
		default:
			r.Unknown(key)
		}
	}
	return p
}
