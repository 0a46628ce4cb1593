package inputs

import (
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/internal/jsonread"
)

// Effects are of a planner.Decision what it does to contacts: the whole of one is many times as large.
type Effects struct {
	Input     int64              `json:"input"`
	Operation ulid.ULID          `json:"operation"`
	Contact   ulid.ULID          `json:"contact"`
	Links     []planner.Link     `json:"links"`
	Aliases   []planner.Alias    `json:"aliases"`
	Head      *planner.HeadState `json:"head"`
	Fields    []Effect           `json:"fields"`
}

// Effect is of a planner.Verdict what a field's status comes of.
type Effect struct {
	Field string `json:"field"`
	After After  `json:"after"`
}

// After is how a field stands then.
type After struct {
	State   planner.FieldStatus `json:"state"`
	Result  planner.Result      `json:"result"`
	Rule    string              `json:"rule"`
	Pending *Waited             `json:"pending"`
}

// Waited is a write that is waited for.
type Waited struct {
	System  domain.System `json:"system"`
	Command ulid.ULID     `json:"command"`
}

// EffectsOf reads a decision's effects, those on fields if asked for, and passes by what only explains them; false when
// encoding/json has to.
func EffectsOf(data []byte, fields bool) (*Effects, bool) {
	r, seen, d := jsonread.New(data), uint32(0), &Effects{}
	for key := range r.Fields() {
		switch string(key) {
		case "input":
			r.Once(&seen, 0)
			d.Input = r.Int()
		case "contact":
			r.Once(&seen, 1)
			d.Contact = ID(r)
		case "links":
			r.Once(&seen, 2)
			for range r.Elements() {
				d.Links = append(d.Links, link(r))
			}
		case "aliases":
			r.Once(&seen, 3)
			Rest(r, &d.Aliases)
		case "head":
			r.Once(&seen, 4)
			Rest(r, &d.Head)
		case "fields":
			if r.Once(&seen, 5); fields {
				d.Fields = effects(r)
			} else {
				r.Raw()
			}
		case "operation":
			r.Once(&seen, 6)
			d.Operation = ID(r)
		default:
			r.Unknown(key)
		}
	}
	return d, r.Done()
}

func effects(r *jsonread.Reader) []Effect {
	var room [16]Effect
	all := room[:0]
	for range r.Elements() {
		all = append(all, effect(r))
	}
	if len(all) == 0 {
		return nil
	}
	return slices.Clone(all)
}

func effect(r *jsonread.Reader) (v Effect) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "field":
			r.Once(&seen, 0)
			v.Field = Word(r)
		case "after":
			r.Once(&seen, 1)
			v.After = effectAfter(r)
		default:
			r.Unknown(key)
		}
	}
	return v
}

func effectAfter(r *jsonread.Reader) (f After) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "state":
			r.Once(&seen, 0)
			f.State = planner.FieldStatus(Word(r))
		case "result":
			r.Once(&seen, 1)
			f.Result = planner.Result(Word(r))
		case "rule":
			r.Once(&seen, 2)
			f.Rule = Word(r)
		case "pending":
			r.Once(&seen, 3)
			f.Pending = pointer(r, waited)
		default:
			r.Unknown(key)
		}
	}
	return f
}

func waited(r *jsonread.Reader) (w Waited) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "system":
			r.Once(&seen, 0)
			w.System = domain.System(Word(r))
		case "command":
			r.Once(&seen, 1)
			w.Command = ID(r)
		default:
			r.Unknown(key)
		}
	}
	return w
}
