package inputs

import (
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/internal/jsonread"
)

// Decision reads a decision whole; false when encoding/json has to.
func Decision(data []byte) (*planner.Decision, bool) {
	return decision(data, decisionParts{Record, link, verdict, head})
}

// Gist reads of a decision what it means to people: what becomes of the contact and its fields, which commands follow,
// and what a person is asked. It leaves out what the planner goes on from and where the values stand.
func Gist(data []byte) (*planner.Decision, bool) {
	return decision(data, decisionParts{verdict: gist, head: review})
}

// decisionParts read what a decision is asked for; nil: nothing of it.
type decisionParts struct {
	record  func(*jsonread.Reader) domain.Record
	link    func(*jsonread.Reader) planner.Link
	verdict func(*jsonread.Reader) planner.Verdict
	head    func(*jsonread.Reader) planner.HeadState
}

func decision(data []byte, of decisionParts) (*planner.Decision, bool) {
	r, seen, d := jsonread.New(data), uint32(0), &planner.Decision{}
	for key := range r.Fields() {
		switch string(key) {
		case "planner":
			r.Once(&seen, 0)
			d.Planner = int(r.Int())
		case "settings":
			r.Once(&seen, 1)
			d.Settings = int(r.Int())
		case "mode":
			r.Once(&seen, 2)
			d.Mode = domain.Mode(Word(r))
		case "input":
			r.Once(&seen, 3)
			d.Input = r.Int()
		case "at":
			r.Once(&seen, 4)
			d.At = r.Int()
		case "trigger":
			r.Once(&seen, 5)
			d.Trigger = Word(r)
		case "operation":
			r.Once(&seen, 6)
			d.Operation = ID(r)
		case "contact":
			r.Once(&seen, 7)
			d.Contact = ID(r)
		case "considered":
			r.Once(&seen, 8)
			d.Considered = elements(r, of.record)
		case "links":
			r.Once(&seen, 9)
			d.Links = elements(r, of.link)
		case "whole":
			r.Once(&seen, 10)
			d.Whole = pointer(r, whole)
		case "fields":
			r.Once(&seen, 11)
			d.Fields = elements(r, of.verdict)
		case "commands":
			r.Once(&seen, 12)
			d.Commands = elements(r, command)
		case "aliases":
			r.Once(&seen, 13)
			Rest(r, &d.Aliases)
		case "head":
			r.Once(&seen, 14)
			d.Head = pointer(r, of.head)
		case "counts":
			r.Once(&seen, 15)
			Rest(r, &d.Counts)
		case "guard":
			r.Once(&seen, 16)
			Rest(r, &d.Guard)
		default:
			r.Unknown(key)
		}
	}
	return d, r.Done()
}

// elements reads an array; nil for a null, or when nothing of it is asked for.
func elements[T any](r *jsonread.Reader, read func(*jsonread.Reader) T) []T {
	if r.Null() {
		return nil
	}
	if read == nil {
		r.Raw()
		return nil
	}
	all := []T{}
	for range r.Elements() {
		all = append(all, read(r))
	}
	return all
}

// pointer reads a value; nil for a null.
func pointer[T any](r *jsonread.Reader, read func(*jsonread.Reader) T) *T {
	if r.Null() {
		return nil
	}
	v := read(r)
	return &v
}

// texts reads an object of texts; nil for a null.
func texts[K ~string](r *jsonread.Reader) map[K]string {
	if r.Null() {
		return nil
	}
	all := map[K]string{}
	for key := range r.Fields() {
		all[K(Intern(key))] = Word(r)
	}
	return all
}

func link(r *jsonread.Reader) (l planner.Link) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "record":
			r.Once(&seen, 0)
			l.Record = Record(r)
		case "contact":
			r.Once(&seen, 1)
			l.Contact = ID(r)
		case "state":
			r.Once(&seen, 2)
			l.State = planner.LinkState(Word(r))
		case "reason":
			r.Once(&seen, 3)
			l.Reason = Word(r)
		case "ever":
			r.Once(&seen, 4)
			l.Ever = r.Bool()
		case "reading":
			r.Once(&seen, 5)
			l.Reading = ID(r)
		default:
			r.Unknown(key)
		}
	}
	return l
}

func whole(r *jsonread.Reader) (w planner.Whole) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "result":
			r.Once(&seen, 0)
			w.Result = planner.Result(Word(r))
		case "rule":
			r.Once(&seen, 1)
			w.Rule = Word(r)
		case "system":
			r.Once(&seen, 2)
			w.System = domain.System(Word(r))
		case "others":
			r.Once(&seen, 3)
			w.Others = elements(r, Record)
		case "command":
			r.Once(&seen, 4)
			w.Command = ID(r)
		default:
			r.Unknown(key)
		}
	}
	return w
}

func verdict(r *jsonread.Reader) (v planner.Verdict) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "field":
			r.Once(&seen, 0)
			v.Field = Word(r)
		case "result":
			r.Once(&seen, 1)
			v.Result = planner.Result(Word(r))
		case "rule":
			r.Once(&seen, 2)
			v.Rule = Word(r)
		case "from":
			r.Once(&seen, 3)
			v.From = domain.System(Word(r))
		case "value":
			r.Once(&seen, 4)
			v.Value = pointer(r, ref)
		case "loser":
			r.Once(&seen, 5)
			v.Loser = pointer(r, ref)
		case "command":
			r.Once(&seen, 6)
			v.Command = ID(r)
		case "after":
			r.Once(&seen, 7)
			v.After = after(r)
		default:
			r.Unknown(key)
		}
	}
	return v
}

// gist reads a verdict without what follows from it.
func gist(r *jsonread.Reader) (v planner.Verdict) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "field":
			r.Once(&seen, 0)
			v.Field = Word(r)
		case "result":
			r.Once(&seen, 1)
			v.Result = planner.Result(Word(r))
		case "rule":
			r.Once(&seen, 2)
			v.Rule = Word(r)
		default:
			r.Unknown(key)
		}
	}
	return v
}

// head reads what the planner goes on from.
func head(r *jsonread.Reader) (h planner.HeadState) {
	Rest(r, &h)
	return h
}

// review reads of a head only what a person is asked.
func review(r *jsonread.Reader) (h planner.HeadState) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "review":
			r.Once(&seen, 0)
			h.Review = Word(r)
		default:
			r.Unknown(key)
		}
	}
	return h
}

func ref(r *jsonread.Reader) (v planner.Ref) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "record":
			r.Once(&seen, 0)
			v.Record = Record(r)
		case "property":
			r.Once(&seen, 1)
			v.Property = Word(r)
		case "position":
			r.Once(&seen, 2)
			v.Position = r.Int()
		case "digest":
			r.Once(&seen, 3)
			v.Digest = Word(r)
		default:
			r.Unknown(key)
		}
	}
	return v
}

func after(r *jsonread.Reader) (s planner.FieldState) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "base":
			r.Once(&seen, 0)
			s.Base = texts[domain.System](r)
		case "pending":
			r.Once(&seen, 1)
			s.Pending = pointer(r, pending)
		case "state":
			r.Once(&seen, 2)
			s.State = planner.FieldStatus(Word(r))
		case "result":
			r.Once(&seen, 3)
			s.Result = planner.Result(Word(r))
		case "rule":
			r.Once(&seen, 4)
			s.Rule = Word(r)
		case "from":
			r.Once(&seen, 5)
			s.From = domain.System(Word(r))
		case "since":
			r.Once(&seen, 6)
			s.Since = r.Int()
		case "meanwhile":
			r.Once(&seen, 7)
			Rest(r, &s.Meanwhile)
		case "recent":
			r.Once(&seen, 8)
			s.Recent = elements(r, held)
		case "restated":
			r.Once(&seen, 9)
			s.Restated = pointer(r, pending)
		default:
			r.Unknown(key)
		}
	}
	return s
}

func pending(r *jsonread.Reader) (w planner.PendingWrite) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "system":
			r.Once(&seen, 0)
			w.System = domain.System(Word(r))
		case "command":
			r.Once(&seen, 1)
			w.Command = ID(r)
		case "digest":
			r.Once(&seen, 2)
			w.Digest = Word(r)
		case "was":
			r.Once(&seen, 3)
			w.Was = Word(r)
		case "over":
			r.Once(&seen, 4)
			w.Over = Word(r)
		case "position":
			r.Once(&seen, 5)
			w.Position = r.Int()
		default:
			r.Unknown(key)
		}
	}
	return w
}

func held(r *jsonread.Reader) (h planner.HeldValue) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "system":
			r.Once(&seen, 0)
			h.System = domain.System(Word(r))
		case "digest":
			r.Once(&seen, 1)
			h.Digest = Word(r)
		case "at":
			r.Once(&seen, 2)
			h.At = r.Int()
		case "held":
			r.Once(&seen, 3)
			h.Held = r.Bool()
		default:
			r.Unknown(key)
		}
	}
	return h
}

func command(r *jsonread.Reader) (c planner.Command) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "id":
			r.Once(&seen, 0)
			c.ID = ID(r)
		case "kind":
			r.Once(&seen, 1)
			c.Kind = Word(r)
		case "system":
			r.Once(&seen, 2)
			c.System = domain.System(Word(r))
		case "record":
			r.Once(&seen, 3)
			c.Record = Record(r)
		case "source":
			r.Once(&seen, 4)
			c.Source = Record(r)
		case "digests":
			r.Once(&seen, 5)
			c.Digests = texts[string](r)
		case "by":
			r.Once(&seen, 6)
			c.By = Word(r)
		case "urgent":
			r.Once(&seen, 7)
			c.Urgent = r.Bool()
		default:
			r.Unknown(key)
		}
	}
	return c
}
