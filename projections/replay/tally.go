package replay

import (
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain/planner"
)

// Summary is what a replay found.
type Summary struct {
	From      int64 `json:"from"` // the first and the last input that was compared
	To        int64 `json:"to"`
	Cut       bool  `json:"cut_short,omitempty"` // To is how far it came
	Inputs    int64 `json:"inputs"`
	Decisions int64 `json:"decisions"` // recorded on them
	Same      int64 `json:"same"`
	// Adopted were not compared: they considered a record that was erased since.
	Adopted int64 `json:"adopted"`
	// Differing counts, by kind, what is decided otherwise by the same version of the planner, and First is the first
	// of it. Declared counts those of other versions: "2 → 3".
	Differing     map[string]int64 `json:"differing"`
	Declared      map[string]int64 `json:"declared"`
	First         *Difference      `json:"first,omitempty"`
	FirstDeclared *Difference      `json:"first_declared,omitempty"`
}

// Differences counts what differs unexplained.
func (s Summary) Differences() (n int64) {
	for _, of := range s.Differing {
		n += of
	}
	return n
}

// tally counts. When one contact is asked for, it counts by contact: which one a contact became in the end is known at
// the end.
type tally struct {
	Summary
	of map[ulid.ULID]*Summary
	// contact that is asked for.
	contact ulid.ULID
	atHand  int
}

func newTally(c Config) *tally {
	t := &tally{contact: c.Contact, atHand: c.AtHand, of: map[ulid.ULID]*Summary{}}
	t.From, t.To = max(c.From, 1), c.To
	t.Differing, t.Declared = map[string]int64{}, map[string]int64{}
	return t
}

// about returns where a contact's decisions are counted.
func (t *tally) about(contact ulid.ULID) *Summary {
	if t.contact.IsZero() {
		return &t.Summary
	}
	s := t.of[contact]
	if s == nil {
		s = &Summary{}
		t.of[contact] = s
	}
	return s
}

func (t *tally) input(s step) {
	if s.in.Position >= t.From {
		t.Inputs++
	}
}

func (t *tally) same(contact ulid.ULID) {
	s := t.about(contact)
	s.Decisions++
	s.Same++
}

func (t *tally) adopted(contact ulid.ULID) {
	s := t.about(contact)
	s.Decisions++
	s.Adopted++
}

func (t *tally) differs(d Difference) {
	s := t.about(d.Contact)
	if s.Differing == nil {
		s.Differing, s.Declared = map[string]int64{}, map[string]int64{}
	}
	if d.Kind != Added {
		s.Decisions++
	}
	if d.Declared() {
		s.Declared[fmt.Sprintf("%d → %d", d.From, d.To)]++
		if s.FirstDeclared == nil {
			s.FirstDeclared = &d
		}
		return
	}
	s.Differing[d.Kind]++
	if s.First == nil {
		s.First = &d
	}
}

// summary adds up, those only that are about the contact asked for, whatever it was called before.
func (t *tally) summary(v *planner.View) Summary {
	for id, s := range t.of {
		v.Rest(t.atHand)
		if c := v.Contact(id); c != nil && c.ID == t.contact || id == t.contact {
			t.add(*s)
		}
	}
	return t.Summary
}

func (t *tally) add(s Summary) {
	t.Decisions, t.Same, t.Adopted = t.Decisions+s.Decisions, t.Same+s.Same, t.Adopted+s.Adopted
	for k, n := range s.Differing {
		t.Differing[k] += n
	}
	for k, n := range s.Declared {
		t.Declared[k] += n
	}
	t.First, t.FirstDeclared = earlier(t.First, s.First), earlier(t.FirstDeclared, s.FirstDeclared)
}

func earlier(a, b *Difference) *Difference {
	if a == nil || b != nil && b.Input < a.Input {
		return b
	}
	return a
}
